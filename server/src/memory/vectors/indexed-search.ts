import type { CallOptions, Clock, Logger, VectorIndexStore, VectorStore } from "@troupe/contracts";
import type { Metrics } from "../../kit/index.ts";
import { MAX_DIMENSIONS } from "./quantise.ts";
import { matchesOf, type VectorAsk, type VectorMatch } from "./vector-matches.ts";

/** Vectors that one step takes in: a fraction of a second of the server. */
const BATCH = 200;
/** An index that does not serve is left alone for so long; meanwhile search goes by words. */
const RETRY_MS = 60_000;

export interface IndexedSearchDeps {
  readonly index: Pick<VectorIndexStore, "take" | "nearest" | "drop">;
  readonly vectors: Pick<VectorStore, "find">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Finds by meaning through an index in the database. Nothing of it is resident. */
export interface IndexedSearch {
  /** Best first. Empty while the index does not serve, which is logged once. Rejects with the signal's reason alone. */
  search(ask: VectorAsk, options: CallOptions): Promise<readonly VectorMatch[]>;
  /** Takes in some of what a model made since. As `search`, it rejects with nothing else. */
  step(model: string, options: CallOptions): Promise<Taken>;
}

interface Taken {
  readonly taken: number;
  readonly isMore: boolean;
  /** The index does not serve just now. */
  readonly isAway?: boolean;
}

export function createIndexedSearch(deps: IndexedSearchDeps): IndexedSearch {
  const { index, vectors, clock, logger, metrics } = deps;
  const counter = metrics.counter(
    "vectors_indexed_total",
    "Vectors that were taken into the database's index",
  );
  let failedMs: number | undefined;
  const isAway = (): boolean => failedMs !== undefined && clock.monotonicMs() - failedMs < RETRY_MS;
  /** Enrichment: what fails here is told once, and nobody waits for it again for a while. */
  const orElse = async <Result>(
    work: () => Promise<Result>,
    none: Result,
    { signal }: CallOptions,
  ): Promise<Result> => {
    signal.throwIfAborted();
    if (isAway()) return none;
    try {
      const result = await work();
      if (failedMs !== undefined) logger.info("vectors.index_back");
      failedMs = undefined;
      return result;
    } catch (error) {
      signal.throwIfAborted();
      if (failedMs === undefined) logger.warn("vectors.index_away", { error });
      failedMs = clock.monotonicMs();
      return none;
    }
  };
  return {
    async search(ask, options) {
      const of = { model: ask.model, dimensions: ask.vector.length };
      if (of.dimensions === 0 || of.dimensions > MAX_DIMENSIONS) return [];
      const { spaceId, agentId, readers } = ask;
      const near = {
        async search({ vector, limit }: { readonly vector: Float32Array; readonly limit: number }) {
          const rows = await index.nearest({ ...of, spaceId, agentId, readers, vector, limit }, options);
          return rows.map((key) => ({ key, score: 0 }));
        },
      };
      const drop = async (rows: readonly number[]): Promise<number> => {
        await index.drop({ ...of, rows }, options);
        return rows.length;
      };
      return orElse(() => matchesOf({ of, index: near, vectors, drop }, ask, options), [], options);
    },
    async step(model, options) {
      const none: Taken = { taken: 0, isMore: false, isAway: true };
      const some = await orElse<Taken>(() => index.take({ model, limit: BATCH }, options), none, options);
      if (some.taken > 0) counter.add(some.taken);
      return some;
    },
  };
}
