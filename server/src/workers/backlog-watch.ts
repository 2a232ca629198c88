import type { Clock, DeadLetterStore, EffectStore, LaneBacklog, Logger } from "@troupe/contracts";
import { createWakeLoop, type Metrics, type WakeLoop } from "../kit/index.ts";

const EVERY_MS = 30_000;
const RETRY_MS = 10_000;
/** Kinds come from modules and channels; a page of metrics has room for so many. */
const MOST_KINDS = 50;

/** Looks now and then at what waits and what was given up, so that metrics can tell it; `wake` looks at once. */
export function createBacklogWatch(deps: {
  readonly effects: Pick<EffectStore, "lanes">;
  readonly deadLetters: Pick<DeadLetterStore, "counts">;
  readonly spaceId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}): WakeLoop {
  const { effects, deadLetters, spaceId, clock, logger, metrics } = deps;
  let lanes: readonly (LaneBacklog & { readonly lagMs: number })[] = [];
  let dead: readonly { readonly kind: string; readonly count: number }[] = [];
  metrics.probe("effects_waiting", "Effects that are due and have not begun, by lane.", () =>
    lanes.map(({ lane, due }) => ({ labels: { lane }, value: due })),
  );
  metrics.probe("effects_lag_seconds", "How long the first effect that is due waits, by lane.", () =>
    lanes.map(({ lane, lagMs }) => ({ labels: { lane }, value: lagMs / 1_000 })),
  );
  metrics.probe("dead_letters", "What was given up and waits for an operator, by kind.", () =>
    dead.map(({ kind, count }) => ({ labels: { kind }, value: count })),
  );
  return createWakeLoop({
    ...{ name: "backlog", clock, logger, retryMs: RETRY_MS },
    async round(signal) {
      const [open, counts] = await Promise.all([
        effects.lanes(spaceId, { signal }),
        deadLetters.counts(spaceId, { signal }),
      ]);
      const now = clock.now();
      lanes = open.map((one) => ({ ...one, lagMs: Math.max(0, now - (one.dueSince ?? now)) }));
      dead = bounded(counts);
      return EVERY_MS;
    },
  });
}

/** The kinds with the most, and all others as one. */
function bounded(
  counts: readonly { readonly kind: string; readonly count: number }[],
): readonly { readonly kind: string; readonly count: number }[] {
  const byCount = counts.toSorted((a, b) => b.count - a.count);
  const rest = byCount.slice(MOST_KINDS);
  if (rest.length === 0) return byCount;
  return [
    ...byCount.slice(0, MOST_KINDS),
    { kind: "other", count: rest.reduce((sum, { count }) => sum + count, 0) },
  ];
}
