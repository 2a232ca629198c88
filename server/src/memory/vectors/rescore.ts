import { cosine } from "./quantise.ts";
import type { VectorHit, VectorIndex, VectorQuery } from "./vector-index.ts";

/** So many times what is wanted is found by rounded rows, and at least so many, then scored by the vectors themselves. */
const MORE = 2;
const AT_LEAST = 20;

export interface ExactQuery extends VectorQuery {
  /** The vectors themselves, of those keys that may still be told; what it leaves out is not found. */
  readonly exactOf: (
    keys: readonly number[],
    options: { readonly signal: AbortSignal },
  ) => Promise<ReadonlyMap<number, Float32Array>>;
}

/** Best first by the exact cosine. Rejects with what `exactOf` rejects with, or with the signal's reason. */
export async function searchExactly(
  index: Pick<VectorIndex, "search">,
  { exactOf, ...query }: ExactQuery,
  options: { readonly signal: AbortSignal },
): Promise<VectorHit[]> {
  const limit = Math.max(AT_LEAST, MORE * query.limit);
  const candidates = await index.search({ ...query, limit }, options);
  const exact = await exactOf(
    candidates.map(({ key }) => key),
    options,
  );
  return candidates
    .flatMap(({ key }) => {
      const vector = exact.get(key);
      return vector === undefined ? [] : [{ key, score: cosine(query.vector, vector) }];
    })
    .sort((one, other) => other.score - one.score || one.key - other.key)
    .slice(0, query.limit);
}
