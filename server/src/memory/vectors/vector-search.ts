import type { CallOptions, Logger, StoredVector, VectorModel, VectorStore } from "@troupe/contracts";
import { untilAborted } from "../../kit/index.ts";
import { AudienceGroups } from "./audience-groups.ts";
import { MAX_DIMENSIONS } from "./quantise.ts";
import { createVectorIndex, type VectorIndex } from "./vector-index.ts";
import { matchesOf, type VectorAsk, type VectorMatch } from "./vector-matches.ts";

/** Vectors that are read and taken in at once: two or three milliseconds of this thread. */
const BATCH = 200;

export interface VectorSearchDeps {
  readonly vectors: Pick<VectorStore, "after" | "find">;
  readonly logger: Logger;
  /** Of each model's index. Default 1 GiB; what does not fit is found by its words alone. */
  readonly maxBytes?: number;
}

/** Finds by meaning what its readers all know. Disposing it frees the memory and ends its threads. */
export interface VectorSearch extends AsyncDisposable {
  /**
   * Best first. The first search by a model reads its vectors from the store, later ones what has come since. Empty where
   * nothing was embedded by that model in that length. Rejects with the store's errors, or with the signal's reason; the
   * reading goes on meanwhile, so that a search that could not wait serves the next.
   */
  search(ask: VectorAsk, options: CallOptions): Promise<readonly VectorMatch[]>;
  /** Resident memory, in bytes. */
  readonly bytes: number;
}

export function createVectorSearch(deps: VectorSearchDeps): VectorSearch {
  const life = new AbortController();
  const shelves = new Map<string, Shelf>();
  const shelfOf = (of: VectorModel): Shelf => {
    const key = `${of.model} ${of.dimensions}`;
    const known = shelves.get(key);
    if (known !== undefined) return known;
    const shelf = new Shelf(of, deps, life.signal);
    shelves.set(key, shelf);
    return shelf;
  };
  return {
    get bytes() {
      return [...shelves.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    },
    async search(ask, { signal }) {
      signal.throwIfAborted();
      const dimensions = ask.vector.length;
      if (dimensions === 0 || dimensions > MAX_DIMENSIONS) return [];
      const shelf = shelfOf({ model: ask.model, dimensions });
      await untilAborted(shelf.catchUp(), signal);
      return shelf.search(ask, { signal });
    },
    async [Symbol.asyncDispose]() {
      life.abort(new Error("Vector search is closed."));
      await Promise.all([...shelves.values()].map((shelf) => shelf[Symbol.asyncDispose]()));
    },
  };
}

/** All vectors of one model and length, and who may find them. */
class Shelf implements AsyncDisposable {
  readonly #of: VectorModel;
  readonly #deps: VectorSearchDeps;
  readonly #signal: AbortSignal;
  readonly #index: VectorIndex;
  readonly #groups = new AudienceGroups();
  #reachedRow = 0;
  #catchingUp: Promise<void> | undefined;
  #isFull = false;

  constructor(of: VectorModel, deps: VectorSearchDeps, signal: AbortSignal) {
    this.#of = of;
    this.#deps = deps;
    this.#signal = signal;
    const { maxBytes } = deps;
    this.#index = createVectorIndex({
      dimensions: of.dimensions,
      ...(maxBytes === undefined ? {} : { maxBytes }),
    });
  }

  get bytes(): number {
    return this.#index.bytes;
  }

  /** Takes in what was put since. One at a time, for all who wait. */
  catchUp(): Promise<void> {
    if (this.#catchingUp === undefined) {
      const done = (): void => {
        this.#catchingUp = undefined;
      };
      this.#catchingUp = this.#read();
      this.#catchingUp.then(done, done);
    }
    return this.#catchingUp;
  }

  search(ask: VectorAsk, options: CallOptions): Promise<readonly VectorMatch[]> {
    const source = {
      index: this.#index,
      allowed: () => this.#groups.allowed(ask),
      drop: async (rows: readonly number[]) => this.#drop(rows),
    };
    return matchesOf({ ...source, of: this.#of, vectors: this.#deps.vectors }, ask, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#index[Symbol.asyncDispose]();
  }

  async #read(): Promise<void> {
    const options = { signal: this.#signal };
    for (;;) {
      const query = { ...this.#of, afterRow: this.#reachedRow, limit: BATCH };
      const stored = await this.#deps.vectors.after(query, options);
      for (const one of stored) this.#take(one);
      if (stored.length < BATCH) return;
    }
  }

  #take(stored: StoredVector): void {
    this.#reachedRow = stored.row;
    if (!this.#index.set(stored.row, stored.vector)) {
      this.#tellFull();
      return;
    }
    this.#groups.put(this.#index.slotOf(stored.row) as number, stored);
  }

  /** How many of them were there. */
  #drop(rows: readonly number[]): number {
    let dropped = 0;
    for (const row of rows) {
      const slot = this.#index.slotOf(row);
      if (slot === undefined) continue;
      this.#groups.drop(slot);
      this.#index.delete(row);
      dropped += 1;
    }
    return dropped;
  }

  #tellFull(): void {
    if (this.#isFull) return;
    this.#isFull = true;
    const { model, dimensions } = this.#of;
    this.#deps.logger.warn("vectors.full", { model, dimensions, bytes: this.#index.bytes });
  }
}
