import type { CallOptions, Clock, FlowSignalStore, FlowStore, Logger, UnitOfWork } from "@troupe/contracts";
import type { Metrics } from "../kit/index.ts";
import type { FlowDefinitions } from "./definitions.ts";

const PRUNE_EVERY_MS = 3_600_000;
const PRUNE_LIMIT = 500;
/** Of one round; the next one takes the rest. */
const PRUNE_BATCHES = 40;
const DAY_MS = 24 * 3_600_000;
const KEEP_DAYS = 90;
/** What is parked is counted anew so often while nothing happens. */
const COUNT_EVERY_MS = 10 * 60_000;

export interface UpkeepDeps {
  readonly unit: UnitOfWork;
  readonly flows: Pick<FlowStore, "prune" | "parked">;
  readonly flowSignals: Pick<FlowSignalStore, "prune">;
  readonly definitions: FlowDefinitions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly spaceId: string;
  /** Flows that ended are kept so long. Default 90. */
  readonly keepDays?: number;
}

/** What is done now and then: counting what is parked, deleting what is old. */
export interface FlowUpkeep {
  /** Something changed, so what is parked is to be counted anew. */
  changed(): void;
  run(options: CallOptions): Promise<void>;
}

export function createFlowUpkeep(deps: UpkeepDeps): FlowUpkeep {
  const { flows, clock, metrics, definitions, spaceId } = deps;
  let parked: Awaited<ReturnType<FlowStore["parked"]>> = [];
  metrics.probe("flows_parked", "Flows that wait, by what for; version: for a process that knows it", () =>
    parked.map(({ on, count }) => ({ labels: { on }, value: count })),
  );
  metrics.probe("flows_parked_oldest_seconds", "How long the oldest of them has waited", () =>
    parked.map(({ on, oldestAt }) => ({
      labels: { on },
      value: Math.max(0, Math.round((clock.now() - oldestAt) / 1_000)),
    })),
  );
  let countedAtMs = Number.NEGATIVE_INFINITY;
  let isStale = true;
  let prunedAtMs = clock.monotonicMs();
  return {
    changed() {
      isStale = true;
    },
    async run(options) {
      const nowMs = clock.monotonicMs();
      if (isStale || nowMs - countedAtMs >= COUNT_EVERY_MS) {
        isStale = false;
        countedAtMs = nowMs;
        parked = await flows.parked({ spaceId, programs: definitions.programs }, options);
      }
      if (nowMs - prunedAtMs < PRUNE_EVERY_MS) return;
      await prune(deps, options);
      prunedAtMs = nowMs;
    },
  };
}

async function prune(deps: UpkeepDeps, options: CallOptions): Promise<void> {
  const { flows, flowSignals, unit, clock, spaceId, keepDays = KEEP_DAYS, logger } = deps;
  const now = clock.now();
  let lostEvents = 0;
  for (let batch = 0; batch < PRUNE_BATCHES; batch++) {
    const flowsGone = flows.prune({ spaceId, before: now - keepDays * DAY_MS, limit: PRUNE_LIMIT });
    const signalsGone = flowSignals.prune({ before: now, limit: PRUNE_LIMIT });
    const committed = await unit.commit([flowsGone, signalsGone], options);
    const { count, lost } = committed.read(signalsGone);
    lostEvents += lost;
    if (committed.read(flowsGone).count < PRUNE_LIMIT && count < PRUNE_LIMIT) break;
  }
  if (lostEvents > 0) logger.warn("flow.events-lost", { count: lostEvents });
}
