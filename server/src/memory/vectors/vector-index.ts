import { TroupeError } from "@troupe/contracts";
import { untilAborted } from "../../kit/index.ts";
import type { Bitmap } from "./bitmap.ts";
import { createMemory, type KernelMemory, openScan, type Scan } from "./kernel.ts";
import { CHUNK_ROWS, DESKS, type Layout, layoutOf, PAGE_BYTES } from "./layout.ts";
import { MAX_DIMENSIONS, quantiseQuery, quantiseRow } from "./quantise.ts";
import { type ChunkSearch, scanChunks } from "./scan-chunks.ts";
import { createScanThread, type ScanThread } from "./scan-thread.ts";

/** What one entry of the map from keys to slots takes, roughly. */
const KEY_BYTES = 48;
const DEFAULT_MAX_BYTES = 1024 * 1024 * 1024;
/** Rows times dimensions from which on a search goes to a thread of its own: about half a millisecond. */
const LARGE = 6_000_000;

export interface VectorIndexOptions {
  readonly dimensions: number;
  /** Resident memory, at most; what does not fit is refused. Default 1 GiB. */
  readonly maxBytes?: number;
  /** Default: by SIMD where the machine has it. */
  readonly openScan?: (memory: KernelMemory) => Scan;
}

export interface VectorHit {
  readonly key: number;
  /** About the cosine: within some thousandths of it. */
  readonly score: number;
}

export interface VectorQuery {
  readonly vector: Float32Array;
  readonly limit: number;
  /** Slots that may be found, from `slotOf` in the same tick; undefined: all. Decided before anything is ranked. */
  readonly allowed?: Bitmap | undefined;
}

/**
 * Vectors of one model and one length, a byte a number, in memory: searched whole, so nothing is missed but by rounding.
 * Directions count, lengths do not. Keys are whole numbers of the caller's. Disposing it ends its thread, if it has one.
 */
export interface VectorIndex extends AsyncDisposable {
  readonly dimensions: number;
  /** Vectors that can be found. */
  readonly count: number;
  /** Resident memory, in bytes; the keys' share is an estimate. */
  readonly bytes: number;
  /** Takes the vector, in place of an earlier one of that key. False: there is no room. Throws `internal` for another length. */
  set(key: number, vector: Float32Array): boolean;
  /** Whether there was one. */
  delete(key: number): boolean;
  /** Undefined where there is no such key. A slot belongs to its key until that is deleted. */
  slotOf(key: number): number | undefined;
  /** Best first, at once, on this thread. Throws `internal` for a vector of another length. */
  searchNow(query: VectorQuery): VectorHit[];
  /** The same; where that would hold this thread up, on another one. Rejects with the signal's reason after an abort. */
  search(query: VectorQuery, options: { readonly signal: AbortSignal }): Promise<VectorHit[]>;
}

export function createVectorIndex(options: VectorIndexOptions): VectorIndex {
  return new ResidentIndex(options);
}

class ResidentIndex implements VectorIndex {
  readonly dimensions: number;
  readonly #maxBytes: number;
  readonly #layout: Layout;
  readonly #memory: KernelMemory;
  readonly #openScan: (memory: KernelMemory) => Scan;
  readonly #slots = new Map<number, number>();
  /** By slot. */
  #keys = new Float64Array(0);
  readonly #free: number[] = [];
  /** Freed while another thread looked: given out again when nobody looks, or a search would find who may not be found. */
  readonly #freed: number[] = [];
  #searching = 0;
  /** Slots that were ever used. */
  #used = 0;
  #chunks = 0;
  #scan: Scan | undefined;
  #thread: ScanThread | undefined;

  constructor({ dimensions, maxBytes = DEFAULT_MAX_BYTES, openScan: open = openScan }: VectorIndexOptions) {
    if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > MAX_DIMENSIONS) {
      const message = `Vectors of ${dimensions} numbers cannot be searched; 1 to ${MAX_DIMENSIONS} are taken.`;
      throw new TroupeError(message, { code: "internal" });
    }
    this.dimensions = dimensions;
    this.#maxBytes = maxBytes;
    this.#openScan = open;
    this.#layout = layoutOf(dimensions);
    this.#memory = createMemory(this.#layout.bytesOf(0) / PAGE_BYTES);
  }

  get count(): number {
    return this.#slots.size;
  }

  get bytes(): number {
    return this.#bytesOf(this.#chunks);
  }

  set(key: number, vector: Float32Array): boolean {
    this.#checkLength(vector);
    const slot = this.#slots.get(key) ?? this.#takeSlot();
    if (slot === undefined) return false;
    const chunk = Math.floor(slot / CHUNK_ROWS);
    const row = slot % CHUNK_ROWS;
    const { buffer } = this.#memory;
    const { rowBytes } = this.#layout;
    const numbers = new Int8Array(buffer, this.#layout.chunkAt(chunk) + row * rowBytes, rowBytes);
    const worth = quantiseRow(vector, numbers);
    new Float32Array(buffer, this.#layout.scalesAt(chunk), CHUNK_ROWS)[row] = worth;
    const live = new Uint32Array(buffer, this.#layout.liveAt(chunk), CHUNK_ROWS / 32);
    live[row >>> 5] = (live[row >>> 5] as number) | (1 << (row & 31));
    this.#slots.set(key, slot);
    this.#keys[slot] = key;
    return true;
  }

  delete(key: number): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    const chunk = Math.floor(slot / CHUNK_ROWS);
    const row = slot % CHUNK_ROWS;
    const live = new Uint32Array(this.#memory.buffer, this.#layout.liveAt(chunk), CHUNK_ROWS / 32);
    live[row >>> 5] = (live[row >>> 5] as number) & ~(1 << (row & 31));
    this.#slots.delete(key);
    (this.#searching > 0 ? this.#freed : this.#free).push(slot);
    return true;
  }

  slotOf(key: number): number | undefined {
    return this.#slots.get(key);
  }

  searchNow(query: VectorQuery): VectorHit[] {
    const { search, worth } = this.#prepare(query);
    this.#scan ??= this.#openScan(this.#memory);
    const on = { memory: this.#memory, scan: this.#scan, layout: this.#layout, desk: DESKS.main };
    return this.#hitsOf(scanChunks(on, search), worth);
  }

  async search(query: VectorQuery, { signal }: { readonly signal: AbortSignal }): Promise<VectorHit[]> {
    signal.throwIfAborted();
    if (this.count * this.#layout.rowBytes < LARGE) return this.searchNow(query);
    const { search, worth } = this.#prepare(query);
    this.#thread ??= createScanThread({ memory: this.#memory, dimensions: this.dimensions });
    this.#searching += 1;
    const found = this.#thread.search(search);
    // Whoever leaves early leaves the thread at work: its end counts, not the caller's.
    const ended = (): void => this.#searched();
    found.then(ended, ended);
    return this.#hitsOf(await untilAborted(found, signal), worth);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.[Symbol.asyncDispose]();
  }

  #prepare({ vector, limit, allowed }: VectorQuery): {
    readonly search: ChunkSearch;
    readonly worth: number;
  } {
    this.#checkLength(vector);
    const { numbers, worth } = quantiseQuery(vector);
    return { search: { chunks: this.#chunks, query: numbers, limit, allowed: allowed?.words }, worth };
  }

  /** What was deleted while another thread looked has no key any more. */
  #hitsOf(found: readonly { readonly place: number; readonly score: number }[], worth: number): VectorHit[] {
    return found.flatMap(({ place, score }) => {
      const key = this.#keys[place] as number;
      return this.#slots.get(key) === place ? [{ key, score: score * worth }] : [];
    });
  }

  #searched(): void {
    this.#searching -= 1;
    if (this.#searching === 0) this.#free.push(...this.#freed.splice(0));
  }

  #checkLength(vector: Float32Array): void {
    if (vector.length === this.dimensions) return;
    const message = `A vector of ${vector.length} numbers came to an index of ${this.dimensions}.`;
    throw new TroupeError(message, { code: "internal" });
  }

  #takeSlot(): number | undefined {
    const freed = this.#free.pop();
    if (freed !== undefined) return freed;
    if (this.#used === this.#chunks * CHUNK_ROWS && !this.#grow()) return undefined;
    this.#used += 1;
    return this.#used - 1;
  }

  /** One chunk more; the memory itself grows by an eighth, so that it is seldom asked for. */
  #grow(): boolean {
    const needed = this.#layout.bytesOf(this.#chunks + 1);
    if (this.#bytesOf(this.#chunks + 1) > this.#maxBytes) return false;
    const has = this.#memory.buffer.byteLength;
    if (needed > has) {
      const wished = Math.max(needed, Math.min(Math.ceil(has * 1.125), this.#maxBytes));
      try {
        this.#memory.grow(Math.ceil((wished - has) / PAGE_BYTES));
      } catch {
        // The machine has no more, or 32 bits address no more.
        return false;
      }
    }
    this.#chunks += 1;
    const keys = new Float64Array(this.#chunks * CHUNK_ROWS);
    keys.set(this.#keys);
    this.#keys = keys;
    return true;
  }

  #bytesOf(chunks: number): number {
    return this.#layout.bytesOf(chunks) + chunks * CHUNK_ROWS * 8 + this.#slots.size * KEY_BYTES;
  }
}
