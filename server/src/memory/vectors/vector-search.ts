import type {
  Audience,
  Logger,
  StoredVector,
  VectorModel,
  VectorOwner,
  VectorStore,
} from "@troupe/contracts";
import { isKnownToAll, untilAborted } from "../../kit/index.ts";
import { AudienceGroups } from "./audience-groups.ts";
import { MAX_DIMENSIONS } from "./quantise.ts";
import { searchExactly } from "./rescore.ts";
import { createVectorIndex, type VectorHit, type VectorIndex } from "./vector-index.ts";

/** Vectors that are read and taken in at once: two or three milliseconds of this thread. */
const BATCH = 200;
/** Where what is near is gone by now, as of a document that was replaced, so many times more is looked at, and once more so. */
const WIDER = 8;
const MOST_LOOKS = 3;

export interface VectorSearchDeps {
  readonly vectors: Pick<VectorStore, "after" | "find">;
  readonly logger: Logger;
  /** Of each model's index. Default 1 GiB; what does not fit is found by its words alone. */
  readonly maxBytes?: number;
}

export interface VectorAsk {
  readonly spaceId: string;
  readonly agentId: string;
  /** Everyone who will read the answer. */
  readonly readers: Audience;
  /** `provider/model` that made the vector; only its vectors are compared. */
  readonly model: string;
  readonly vector: Float32Array;
  readonly limit: number;
}

export type VectorMatch = Omit<VectorOwner, "spaceId"> & {
  /** Cosine with the question. */
  readonly score: number;
};

/** Finds by meaning what its readers all know. Disposing it frees the memory and ends its threads. */
export interface VectorSearch extends AsyncDisposable {
  /**
   * Best first. The first search by a model reads its vectors from the store, later ones what has come since. Empty where
   * nothing was embedded by that model in that length. Rejects with the store's errors, or with the signal's reason; the
   * reading goes on meanwhile, so that a search that could not wait serves the next.
   */
  search(ask: VectorAsk, options: { readonly signal: AbortSignal }): Promise<readonly VectorMatch[]>;
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

  async search(
    { spaceId, agentId, readers, vector, limit }: VectorAsk,
    options: { readonly signal: AbortSignal },
  ): Promise<readonly VectorMatch[]> {
    const found = new Map<number, StoredVector>();
    let dropped = 0;
    const exactOf = async (rows: readonly number[]): Promise<ReadonlyMap<number, Float32Array>> => {
      const there = await this.#deps.vectors.find({ ...this.#of, rows }, options);
      dropped = this.#dropOthers(rows, there);
      for (const stored of there) {
        // Once more, by what the store says now: the index is only a copy.
        const isKnown = isKnownToAll(stored.audience, readers);
        if (isKnown && stored.spaceId === spaceId && stored.agentId === agentId)
          found.set(stored.row, stored);
      }
      return new Map([...found].map(([row, stored]) => [row, stored.vector]));
    };
    let hits: readonly VectorHit[] = [];
    for (let look = 0; look < MOST_LOOKS; look++) {
      const allowed = this.#groups.allowed({ spaceId, agentId, readers });
      const wide = { vector, limit: limit * WIDER ** look, allowed, exactOf };
      hits = await searchExactly(this.#index, wide, options);
      if (hits.length >= limit || dropped === 0) break;
    }
    return hits.slice(0, limit).flatMap(({ key, score }) => {
      const stored = found.get(key);
      if (stored === undefined) return [];
      const { ownerKind, ownerId, place } = stored;
      return [{ ownerKind, ownerId, score, ...(place === undefined ? {} : { place }) }];
    });
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

  /** What the store has no more, for its owner is gone, closed or has a later vector, is dropped when it is first met. How many. */
  #dropOthers(rows: readonly number[], there: readonly StoredVector[]): number {
    const kept = new Set(there.map(({ row }) => row));
    let dropped = 0;
    for (const row of rows) {
      const slot = kept.has(row) ? undefined : this.#index.slotOf(row);
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
