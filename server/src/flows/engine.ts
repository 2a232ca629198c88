import type {
  CallOptions,
  EffectHandler,
  Envelope,
  FlowChange,
  FlowStore,
  HoldStore,
  IdGenerator,
  MessageBus,
} from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import { createWakeLoop } from "../kit/index.ts";
import type { WorkDeps } from "./changes.ts";
import { type Crew, type CrewDeps, createCrew } from "./crew.ts";
import { pairSignals } from "./signals.ts";
import { turnEndedHandler } from "./turns.ts";
import { createFlowUpkeep, type FlowUpkeep, type UpkeepDeps } from "./upkeep.ts";

/** Steps wait for others more than they compute. */
const PARALLEL = 32;
const LEASE_MS = 120_000;
const SWEEP_MS = 20_000;
/** Events that nobody gave are looked for so often: only a crash leaves any. */
const PAIR_EVERY_MS = 20_000;
const RETRY_MS = 1_000;
/** Due by our clock and not yet by the database's; doubled while that stays so. */
const EARLY_MS = 250;
const MAX_TOUCHED = 10_000;

export interface FlowEngineDeps
  extends Omit<CrewDeps, "says" | "onMove" | "signals" | "flows" | "leaseMs">,
    Omit<UpkeepDeps, "flows" | "flowSignals"> {
  readonly flows: FlowStore;
  readonly holds: Pick<HoldStore, "get">;
  readonly bus: MessageBus;
  readonly ids: IdGenerator;
  /** How many flows are worked on at once. Default 32. */
  readonly parallel?: number;
  readonly sweepMs?: number;
  /** A claim is held so long, and prolonged while its step runs. Default 120,000. */
  readonly leaseMs?: number;
}

/** One wake loop for all flows of the process. */
export interface FlowEngine {
  readonly handler: EffectHandler;
  start(signal: AbortSignal): void;
  /** Begins nothing more and waits for steps under way, at most `withinMs` milliseconds; then aborts them. */
  stop(withinMs: number): Promise<void>;
  /** Something was changed here: looks at once, and tells the others. `cancelled`: this flow is to be. */
  ring(cancelled?: string): void;
  /** Brings kept events to flows that wait for them now. */
  pair(
    only: { readonly spaceId: string; readonly topic: string; readonly correlationId: string },
    options: CallOptions,
  ): Promise<readonly string[]>;
  says(what: string, detail?: string, by?: string): FlowChange;
  /** This session's flows were changed by a tool, whose turn is kept later. */
  touched(sessionId: string): void;
}

type Deps = WorkDeps & FlowEngineDeps & { readonly leaseMs: number };

export function createFlowEngine(given: FlowEngineDeps): FlowEngine {
  const { clock, bus, metrics, processId, ids, leaseMs = LEASE_MS } = given;
  const says = (what: string, detail = "", by = processId): FlowChange => ({
    ...{ what, detail, by, at: clock.now() },
  });
  const moves = metrics.counter("flow_moves_total", "Changes of flows by where they led");
  const deps: Deps = {
    ...given,
    leaseMs,
    says,
    signals: metrics.counter("flow_events_total", "Events for flows by what became of them"),
    onMove(_flow, move) {
      upkeep.changed();
      moves.add(1, { to: move.end ?? (move.wait === undefined ? "step" : "wait") });
    },
  };
  const upkeep = createFlowUpkeep(deps);
  const crew = createCrew(deps, () => loop.wake());
  metrics.probe("flows_running", "Flows that are worked on just now", () => crew.size);
  const loop = createLoop(deps, crew, upkeep);
  const wake = (): void => {
    upkeep.changed();
    loop.wake();
  };
  const onDue = ({ payload: { cancelled } }: Envelope): void => {
    if (typeof cancelled === "string") crew.cancel(cancelled, "somebody asked for it");
    wake();
  };
  const ring: FlowEngine["ring"] = (cancelled) => {
    loop.wake();
    const kind = SUBJECTS.flowDue;
    const payload = cancelled === undefined ? {} : { cancelled };
    bus.publish(kind, { id: ids.next(), kind, v: 1, at: clock.now(), payload });
  };
  const touch = createTouches(bus, () => ring());
  const bells = new DisposableStack();
  let hasBegun = false;
  return {
    handler: turnEndedHandler({ ...deps, onMoved: wake }),
    start(signal) {
      if (hasBegun) return;
      hasBegun = true;
      bells.use(bus.subscribe(SUBJECTS.flowDue, onDue));
      bells.use(bus.subscribe(SUBJECTS.busBack, wake));
      crew.start(signal);
      loop.start(signal);
    },
    async stop(withinMs) {
      touch[Symbol.dispose]();
      bells.dispose();
      await loop.stop(withinMs);
      await crew.stop(withinMs);
    },
    ring,
    pair: (only, options) => pairSignals(deps, only, options),
    says,
    touched: touch.touched,
  };
}

/** Looks when the next flow is due, and at the latest after a sweep. */
function createLoop(deps: Deps, crew: Crew, upkeep: FlowUpkeep) {
  const { flows, holds, clock, logger, definitions, spaceId } = deps;
  const { parallel = PARALLEL, sweepMs = SWEEP_MS } = deps;
  let pairedAtMs = Number.NEGATIVE_INFINITY;
  let earlyMs = EARLY_MS;
  const sweep = async (signal: AbortSignal): Promise<void> => {
    const nowMs = clock.monotonicMs();
    if (nowMs - pairedAtMs < Math.max(sweepMs, PAIR_EVERY_MS)) return;
    await pairSignals(deps, undefined, { signal });
    await upkeep.run({ signal });
    pairedAtMs = nowMs;
  };
  return createWakeLoop({
    ...{ name: "flows", clock, logger, retryMs: RETRY_MS },
    async round(signal) {
      await sweep(signal);
      const room = parallel - crew.size;
      // The end of a step wakes the loop.
      if (room <= 0) return sweepMs;
      const dueAt = await flows.nextDue(definitions.programs, { signal });
      const toDueMs = (dueAt ?? Number.POSITIVE_INFINITY) - clock.now();
      if (toDueMs > 0) {
        earlyMs = EARLY_MS;
        return Math.min(sweepMs, toDueMs);
      }
      // A restored home does nothing outside before its operator lets it.
      if ((await holds.get(spaceId, { signal })) !== undefined) return sweepMs;
      const began = await crew.claim(room, signal);
      const waitMs = began > 0 ? 0 : earlyMs;
      earlyMs = began > 0 ? EARLY_MS : Math.min(earlyMs * 2, sweepMs);
      return waitMs;
    },
  });
}

/** Sessions whose flows a tool changed in a turn that is not kept yet; its end rings. Listens from the first one on. */
function createTouches(bus: MessageBus, ring: () => void): Disposable & { touched(sessionId: string): void } {
  const sessions = new Set<string>();
  let bell: Disposable | undefined;
  // Told of messages too; `by` stands where a turn has come to its end.
  const onSession = ({ payload: { sessionId, by } }: Envelope): void => {
    if (by !== undefined && sessions.delete(String(sessionId))) ring();
  };
  return {
    touched(sessionId) {
      bell ??= bus.subscribe(SUBJECTS.sessionChanged, onSession);
      if (sessions.size < MAX_TOUCHED) sessions.add(sessionId);
    },
    [Symbol.dispose]: () => bell?.[Symbol.dispose](),
  };
}
