import type {
  Clock,
  Effect,
  EffectHandler,
  EffectOutcome,
  EffectStore,
  Lane,
  Logger,
  MessageBus,
  UnitOfWork,
  Write,
} from "@troupe/contracts";
import { SUBJECTS, TroupeError } from "@troupe/contracts";
import { createWakeLoop, type Metrics, type WakeLoop } from "../kit/index.ts";
import { createClaimKeeper } from "./claim-keeper.ts";
import { createLanes, type LaneChoice, type LaneState, type Unit, unitsOf } from "./effect-lanes.ts";
import { createEffectRunner, type Runner } from "./effect-runner.ts";
import { createEffectUpkeep } from "./effect-upkeep.ts";
import { wokenBy } from "./woken-by.ts";

const DEFAULT_SWEEP_MS = 5_000;
const RETRY_MS = 1_000;
const CLOCK_SKEW_PAUSE_MS = 250;
const LAST_MARKS_MS = 2_000;

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
  readonly lanes?: LaneChoice;
  /** Told of each that ended dead or parked, once that is kept. */
  readonly onDead?: (effect: Effect, outcome: Extract<EffectOutcome, { kind: "dead" | "parked" }>) => void;
  /** Told of what handlers wrote, once that is kept. */
  readonly onKept?: (writes: readonly Write<unknown>[]) => void;
  /** Looks without being told to, for doorbells that were lost and processes that died. Default 5,000. */
  readonly sweepMs?: number;
}

export interface EffectWorkers {
  /** Where this process works, with a place at least in each. */
  readonly lanes: readonly Lane[];
  /** Which versions of a kind a handler here takes; undefined for a kind that none does. */
  versionsOf(kind: string): readonly number[] | undefined;
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
  const { effects, bus, clock, logger, metrics, sweepMs = DEFAULT_SWEEP_MS } = deps;
  const lanes = createLanes(clock, deps.lanes ?? {});
  metrics.probe("effects_running", "Effects that run just now, by lane.", () =>
    lanes.map(({ lane, inFlight }) => ({ labels: { lane }, value: inFlight.size })),
  );
  const life = new AbortController();
  const keeper = createClaimKeeper(deps);
  const runner = createEffectRunner(deps, keeper, life.signal);
  const upkeep = createEffectUpkeep({ ...deps, lanes });
  let doorbell: Disposable | undefined;

  const { claim } = createClaiming(deps, runner, () => loop);
  const loop = createWakeLoop({
    name: "effects",
    clock,
    logger,
    retryMs: RETRY_MS,
    round: async (signal) => {
      await upkeep.run({ signal });
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
    lanes: lanes.map(({ lane }) => lane),
    versionsOf: (kind) => deps.handlers.find((handler) => handler.kind === kind)?.versions,
    start(signal) {
      doorbell ??= wokenBy(bus, SUBJECTS.effectDue, loop.wake);
      loop.start(signal);
      // What is under way keeps its claims until it has ended.
      keeper.start(life.signal);
    },
    async stop(withinMs) {
      doorbell?.[Symbol.dispose]();
      await loop.stop(withinMs);
      await using _claims = { [Symbol.asyncDispose]: () => keeper.stop(LAST_MARKS_MS) };
      const drain = async (forMs: number): Promise<boolean> =>
        (await Promise.all(lanes.map(({ inFlight }) => inFlight.drain(forMs)))).every(Boolean);
      if (await drain(withinMs)) return;
      life.abort(new TroupeError("Troupe is stopping.", { code: "turn.cancelled", retryable: true }));
      await drain(LAST_MARKS_MS);
    },
  };
}

/** Claims effects and begins them. */
function createClaiming(
  { unit, effects, clock, logger, processId }: EffectWorkersDeps,
  runner: Runner,
  loop: () => WakeLoop,
): { claim(wanted: readonly LaneState[], signal: AbortSignal): Promise<number> } {
  const begin = (state: LaneState, some: readonly Effect[], claimedAtMs: number): void => {
    const { leaseMs, timeoutMs, inFlight } = state;
    const run = async (): Promise<void> => {
      const dueAt = await runner.run(some, { heldUntilMs: claimedAtMs + leaseMs, leaseMs, timeoutMs });
      if (dueAt !== undefined) loop().wakeIn(Math.max(0, dueAt - clock.now()));
    };
    inFlight.add(run(), loop().wake);
  };
  /** Fills up what has room with more of its kind, in one commit for all, and begins it. */
  const beginFilled = async (
    some: readonly (readonly [LaneState, Unit])[],
    claimedAtMs: number,
    signal: AbortSignal,
  ): Promise<void> => {
    const claims = some.map(
      ([
        { lane, leaseMs },
        {
          effects: [first],
          room,
        },
      ]) => effects.claim({ owner: processId, leaseMs, limit: room, lane, ...(first && { only: first }) }),
    );
    let more: readonly (readonly Effect[])[] = [];
    try {
      const committed = await unit.commit(claims, { signal });
      more = claims.map((claim) => committed.read(claim));
    } catch (error) {
      // What is claimed runs all the same, and may be that this was kept: its lease ends, and it is found again.
      if (!signal.aborted) logger.warn("effect.batch_not_filled", { error });
    }
    for (const [i, [state, { effects: own }]] of some.entries()) {
      const [fresh = [], tried = []] = splitByAttempt(more[i] ?? []);
      begin(state, [...own, ...fresh], claimedAtMs);
      for (const effect of tried) begin(state, [effect], claimedAtMs);
    }
  };
  /** Claims for all these lanes in one commit; resolves with how many effects began. */
  const claim = async (wanted: readonly LaneState[], signal: AbortSignal): Promise<number> => {
    const beforeMs = clock.monotonicMs();
    const limits = wanted.map(({ parallel, inFlight }) => parallel - inFlight.size);
    const claims = wanted.map(({ lane, leaseMs }, i) =>
      effects.claim({ owner: processId, leaseMs, limit: limits[i] ?? 0, lane }),
    );
    const committed = await unit.commit(claims, { signal });
    const toFill: [LaneState, Unit][] = [];
    let begun = 0;
    for (const [i, state] of wanted.entries()) {
      const rows = claims[i] === undefined ? [] : committed.read(claims[i]);
      begun += rows.length;
      for (const one of unitsOf(rows, runner.handlerOf)) {
        // A claim that found less than it asked for has found all there is.
        if (one.room > 0 && rows.length === limits[i]) toFill.push([state, one]);
        else begin(state, one.effects, beforeMs);
      }
    }
    if (toFill.length > 0) await beginFilled(toFill, beforeMs, signal);
    return begun;
  };
  return { claim };
}

/** Never tried ones, which may run together, and the others. */
function splitByAttempt(effects: readonly Effect[]): readonly [Effect[], Effect[]] {
  return [effects.filter(({ attempt }) => attempt === 1), effects.filter(({ attempt }) => attempt > 1)];
}
