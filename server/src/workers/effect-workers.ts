import type {
  Clock,
  Effect,
  EffectHandler,
  EffectStore,
  Lane,
  Logger,
  MessageBus,
  UnitOfWork,
} from "@troupe/contracts";
import { SUBJECTS, TroupeError } from "@troupe/contracts";
import { createWakeLoop, type Metrics } from "../kit/index.ts";
import { createEffectRunner } from "./effect-runner.ts";
import { createInFlight, type InFlight } from "./in-flight.ts";

const DEFAULT_SWEEP_MS = 5_000;
const RETRY_MS = 1_000;
const CLOCK_SKEW_PAUSE_MS = 250;
const LAST_MARKS_MS = 2_000;

/** How many effects of a lane run at once, and how long one may take. */
export interface LaneLimits {
  readonly parallel: number;
  readonly leaseMs: number;
}

const DEFAULT_LANES: Readonly<Record<Lane, LaneLimits>> = {
  realtime: { parallel: 4, leaseMs: 60_000 },
  background: { parallel: 4, leaseMs: 120_000 },
  heavy: { parallel: 1, leaseMs: 600_000 },
};
const LANES: readonly Lane[] = ["realtime", "background", "heavy"];

export interface EffectWorkersDeps {
  readonly unit: UnitOfWork;
  readonly effects: EffectStore;
  readonly handlers: readonly EffectHandler[];
  readonly bus: MessageBus;
  readonly clock: Clock;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly processId: string;
  readonly lanes?: Partial<Readonly<Record<Lane, LaneLimits>>>;
  /** Looks without being told to, for doorbells that were lost and processes that died. Default 5,000. */
  readonly sweepMs?: number;
}

export interface EffectWorkers {
  /** Works until the signal aborts; then nothing more is claimed, and `stop` ends what is under way. */
  start(signal: AbortSignal): void;
  /** Claims no more and waits for handlers under way, at most `withinMs` milliseconds; then aborts them. */
  stop(withinMs: number): Promise<void>;
}

/**
 * Runs the work that turns leave behind: one loop for the process, bounded by lane. What a handler returns is committed
 * with the done-mark under the claim's epoch, so a handler that outlived its claim changes nothing.
 */
export function createEffectWorkers(deps: EffectWorkersDeps): EffectWorkers {
  const { unit, effects, bus, clock, logger, metrics, processId, sweepMs = DEFAULT_SWEEP_MS } = deps;
  const lanes = createLanes(clock, { ...DEFAULT_LANES, ...deps.lanes });
  metrics.probe("effects_running", "Effects that run just now, by lane.", () =>
    lanes.map(({ lane, inFlight }) => ({ labels: { lane }, value: inFlight.size })),
  );
  const life = new AbortController();
  const runner = createEffectRunner(deps, life.signal);
  let doorbell: Disposable | undefined;

  const handle = async (effect: Effect, heldUntilMs: number): Promise<void> => {
    const dueAt = await runner.run(effect, heldUntilMs);
    if (dueAt !== undefined) loop.wakeIn(Math.max(0, dueAt - clock.now()));
  };
  /** Claims for all these lanes in one commit; resolves with how many effects began. */
  const claim = async (wanted: readonly LaneState[], signal: AbortSignal): Promise<number> => {
    const beforeMs = clock.monotonicMs();
    const claims = wanted.map(({ lane, leaseMs, parallel, inFlight }) =>
      effects.claim({ owner: processId, leaseMs, limit: parallel - inFlight.size, lane }),
    );
    const committed = await unit.commit(claims, { signal });
    let begun = 0;
    for (const [i, { leaseMs, inFlight }] of wanted.entries()) {
      const rows = claims[i] === undefined ? [] : committed.read(claims[i]);
      for (const effect of rows) inFlight.add(handle(effect, beforeMs + leaseMs), loop.wake);
      begun += rows.length;
    }
    return begun;
  };
  const loop = createWakeLoop({
    name: "effects",
    clock,
    logger,
    retryMs: RETRY_MS,
    round: async (signal) => {
      const free = lanes.filter(({ inFlight, parallel }) => inFlight.size < parallel);
      // The end of a handler wakes the loop.
      if (free.length === 0) return undefined;
      const dues = await Promise.all(free.map(({ lane }) => effects.nextDue(lane, { signal })));
      const now = clock.now();
      const toDueMs = dues.map((dueAt) => (dueAt ?? Number.POSITIVE_INFINITY) - now);
      const due = free.filter((_lane, i) => (toDueMs[i] ?? 0) <= 0);
      const nextMs = Math.min(sweepMs, ...toDueMs.filter((ms) => ms > 0));
      if (due.length === 0) return nextMs;
      return (await claim(due, signal)) > 0 ? 0 : Math.min(nextMs, CLOCK_SKEW_PAUSE_MS);
    },
  });

  return {
    start(signal) {
      doorbell ??= bus.subscribe(SUBJECTS.effectDue, loop.wake);
      loop.start(signal);
    },
    async stop(withinMs) {
      doorbell?.[Symbol.dispose]();
      await loop.stop(withinMs);
      const drain = async (forMs: number): Promise<boolean> =>
        (await Promise.all(lanes.map(({ inFlight }) => inFlight.drain(forMs)))).every(Boolean);
      if (await drain(withinMs)) return;
      life.abort(new TroupeError("Troupe is stopping.", { code: "turn.cancelled", retryable: true }));
      await drain(LAST_MARKS_MS);
    },
  };
}

interface LaneState extends LaneLimits {
  readonly lane: Lane;
  readonly inFlight: InFlight;
}

function createLanes(clock: Clock, limits: Readonly<Record<Lane, LaneLimits>>): readonly LaneState[] {
  return LANES.map((lane) => ({ lane, ...limits[lane], inFlight: createInFlight(clock) }));
}
