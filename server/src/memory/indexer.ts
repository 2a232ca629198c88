import type { CallOptions, Clock, Logger, SearchStore } from "@troupe/contracts";
import { createWakeLoop, type Metrics } from "../kit/index.ts";

/** So many new messages are indexed at once, without waiting for more. */
const BATCH = 100;
/** Fewer wait this long for company. */
const GATHER_MS = 100;
const RETRY_MS = 5_000;

export interface IndexerDeps {
  readonly search: Pick<SearchStore, "indexNew">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface Indexer {
  /** Indexes what an earlier process left, then whatever `nudge` tells of, until the signal aborts. */
  start(signal: AbortSignal): void;
  /** Messages were committed. Costs next to nothing. */
  nudge(messages?: number): void;
  /** Indexes everything committed so far. */
  flush(options: CallOptions): Promise<void>;
  /** Resolves when the batch under way has ended, or after `withinMs` milliseconds. */
  stop(withinMs: number): Promise<void>;
}

/** Keeps the search index up to date behind the turns: at most one timer for the process, none while nothing is new. */
export function createIndexer({ search, clock, logger, metrics }: IndexerDeps): Indexer {
  const indexed = metrics.counter("search_indexed_total", "Messages added to the search index");
  let waiting = 0;

  const indexAll = async (options: CallOptions): Promise<void> => {
    waiting = 0;
    for (;;) {
      const count = await search.indexNew(BATCH, options);
      indexed.add(count);
      if (count < BATCH) return;
    }
  };
  const loop = createWakeLoop({
    name: "search.index",
    clock,
    logger,
    retryMs: RETRY_MS,
    round: async (signal) => {
      await indexAll({ signal });
      return waiting > 0 ? GATHER_MS : undefined;
    },
  });

  return {
    start: (signal) => loop.start(signal),
    nudge(messages = 1) {
      const before = waiting;
      waiting += messages;
      if (before < BATCH && waiting >= BATCH) loop.wake();
      else if (before === 0) loop.wakeIn(GATHER_MS);
    },
    flush: indexAll,
    stop: (withinMs) => loop.stop(withinMs),
  };
}
