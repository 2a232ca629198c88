import type { Clock, Logger, UnitOfWork, Write } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { sleep } from "../kit/index.ts";

/** Pauses before trying again what the store could not take; after the last the row is left to be reclaimed. */
const RETRY_PAUSES_MS = [200, 1_000, 3_000];

/** `lost`: another process has taken the row over, and what it says counts. `failed`: the store did not take it. */
export type Settled = "kept" | "lost" | "failed";

export interface Settler {
  /** Commits a guarded write, together with others that come while a commit is under way. Never rejects. */
  settle(write: Write): Promise<Settled>;
}

interface Waiting {
  readonly write: Write;
  readonly done: (settled: Settled) => void;
}

/**
 * Settles rows in as few commits as the pace allows: a lone one at once, those that come meanwhile together. One row that
 * the store does not take refuses its whole group, so a refused group is tried again, each row for itself.
 */
export function createSettler(deps: {
  readonly unit: UnitOfWork;
  readonly clock: Clock;
  readonly logger: Logger;
}): Settler {
  let waiting: Waiting[] = [];
  let isRunning = false;

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await settleBatch(deps, batch);
    }
    isRunning = false;
  };

  return {
    settle: (write) =>
      new Promise((resolve) => {
        waiting.push({ write, done: resolve });
        if (isRunning) return;
        isRunning = true;
        // What ends in the same turn of the event loop belongs together; `run` catches all of its own failures.
        queueMicrotask(() => void run());
      }),
  };
}

type Deps = Parameters<typeof createSettler>[0];

async function settleBatch(deps: Deps, batch: readonly Waiting[]): Promise<void> {
  const settled = await commitPatiently(deps, batch);
  if (settled === "kept" || batch.length === 1) {
    for (const { done } of batch) done(settled);
    return;
  }
  await Promise.all(batch.map(async (one) => one.done(await commitPatiently(deps, [one]))));
}

async function commitPatiently({ unit, clock, logger }: Deps, batch: readonly Waiting[]): Promise<Settled> {
  // What happened is kept although the process is stopping; the pauses bound how long that may take.
  const { signal } = new AbortController();
  for (const pauseMs of [...RETRY_PAUSES_MS, undefined]) {
    try {
      await unit.commit(
        batch.map(({ write }) => write),
        { signal },
      );
      return "kept";
    } catch (error) {
      if (TroupeError.is(error, "store.conflict")) return "lost";
      logger.warn("settle.failed", { rows: batch.length, willRetry: pauseMs !== undefined, error });
      if (pauseMs !== undefined) await sleep(clock, pauseMs, signal);
    }
  }
  return "failed";
}
