import type {
  Audience,
  CallOptions,
  StoredVector,
  VectorModel,
  VectorOwner,
  VectorStore,
} from "@troupe/contracts";
import { isKnownToAll } from "../../kit/index.ts";
import type { Bitmap } from "./bitmap.ts";
import { searchExactly } from "./rescore.ts";
import type { VectorHit, VectorIndex } from "./vector-index.ts";

/** Where what is near is gone by now, as of a document that was replaced, so many times more is looked at, and once more so. */
const WIDER = 8;
const MOST_LOOKS = 3;

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

/** An index, wherever it is: rows of the store with their scores, and what is to be done with those that are gone. */
export interface MatchSource {
  readonly of: VectorModel;
  readonly index: Pick<VectorIndex, "search">;
  /** Who may be found; absent where the index knows it itself. */
  readonly allowed?: () => Bitmap;
  readonly vectors: Pick<VectorStore, "find">;
  /** What the store has no more, for its owner is gone, closed or has a later vector, is dropped when it is first met. How many. */
  readonly drop: (rows: readonly number[]) => Promise<number>;
}

/** Best first, by the vectors themselves, which the store tells with who knows them now. Rejects with the store's errors. */
export async function matchesOf(
  { of, index, allowed, vectors, drop }: MatchSource,
  { spaceId, agentId, readers, vector, limit }: VectorAsk,
  options: CallOptions,
): Promise<readonly VectorMatch[]> {
  const found = new Map<number, StoredVector>();
  let dropped = 0;
  const exactOf = async (rows: readonly number[]): Promise<ReadonlyMap<number, Float32Array>> => {
    const there = await vectors.find({ ...of, rows }, options);
    const kept = new Set(there.map(({ row }) => row));
    dropped = await drop(rows.filter((row) => !kept.has(row)));
    for (const stored of there) {
      // Once more, by what the store says now: the index is only a copy.
      const isKnown = isKnownToAll(stored.audience, readers);
      if (isKnown && stored.spaceId === spaceId && stored.agentId === agentId) found.set(stored.row, stored);
    }
    return new Map([...found].map(([row, stored]) => [row, stored.vector]));
  };
  let hits: readonly VectorHit[] = [];
  for (let look = 0; look < MOST_LOOKS; look++) {
    const wide = { vector, limit: limit * WIDER ** look, allowed: allowed?.(), exactOf };
    hits = await searchExactly(index, wide, options);
    if (hits.length >= limit || dropped === 0) break;
  }
  return hits.slice(0, limit).flatMap(({ key, score }) => {
    const stored = found.get(key);
    if (stored === undefined) return [];
    const { ownerKind, ownerId, place } = stored;
    return [{ ownerKind, ownerId, score, ...(place === undefined ? {} : { place }) }];
  });
}
