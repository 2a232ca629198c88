import type {
  CallOptions,
  EffectHandler,
  Envelope,
  FlowChange,
  FlowRun,
  FlowSignalStore,
  FlowStore,
  IdGenerator,
  MessageBus,
  SessionStore,
} from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import { createWakeLoop, type Metrics, within } from "../kit/index.ts";
import { pairSignals } from "./signals.ts";
import { turnEndedHandler } from "./turns.ts";
import { type WorkDeps, work } from "./work.ts";

const PARALLEL = 8;
const LEASE_MS = 120_000;
const SWEEP_MS = 20_000;
const RETRY_MS = 1_000;
/** Due by our clock and not yet by the database's. */
const EARLY_MS = 250;
const PRUNE_EVERY_MS = 3_600_000;
const PRUNE_LIMIT = 500;
const DAY_MS = 24 * 3_600_000;
const KEEP_DAYS = 90;
const LAST_MARKS_MS = 2_000;
const MAX_TOUCHED = 10_000;

export interface FlowEngineDeps extends Omit<WorkDeps, "says" | "onMove" | "signals" | "flows" | "sessions"> {
  readonly flows: FlowStore;
  readonly flowSignals: FlowSignalStore;
  readonly sessions: Pick<SessionStore, "get" | "messages">;
  readonly bus: MessageBus;
  readonly ids: IdGenerator;
  readonly metrics: Metrics;
  readonly processId: string;
  readonly spaceId: string;
  /** How many flows are worked on at once. Default 8. */
  readonly parallel?: number;
  readonly sweepMs?: number;
  /** Flows that ended are kept so long. Default 90. */
  readonly keepDays?: number;
}

/** One wake loop for all flows of the process. */
export interface FlowEngine {
  readonly handler: EffectHandler;
  start(signal: AbortSignal): void;
  /** Begins nothing more and waits for steps under way, at most `withinMs` milliseconds; then aborts them. */
  stop(withinMs: number): Promise<void>;
  /** Something was changed here: looks at once, and tells the others. */
  ring(): void;
  /** Brings kept events to flows that wait for them now. */
  pair(
    only: { readonly spaceId: string; readonly topic: string; readonly correlationId: string },
    options: CallOptions,
  ): Promise<readonly string[]>;
  says(what: string, detail?: string, by?: string): FlowChange;
  /** This session's flows were changed by a tool, whose turn is kept later. */
  touched(sessionId: string): void;
}

export function createFlowEngine(given: FlowEngineDeps): FlowEngine {
  const { flows, clock, bus, metrics, logger, processId, definitions } = given;
  const { parallel = PARALLEL, sweepMs = SWEEP_MS } = given;
  const touchedSessions = new Set<string>();
  const bells: Disposable[] = [];
  const says = (what: string, detail = "", by = processId): FlowChange => ({
    ...{ what, detail, by, at: clock.now() },
  });
  const moves = metrics.counter("flow_moves_total", "Changes of flows by where they led");
  const deps: WorkDeps & FlowEngineDeps = {
    ...given,
    says,
    signals: metrics.counter("flow_events_total", "Events for flows by what became of them"),
    onMove(_flow, move) {
      moves.add(1, { to: move.end ?? (move.wait === undefined ? "step" : "wait") });
    },
  };
  const crew = createCrew(deps, () => loop.wake());
  metrics.probe("flows_running", "Flows that are worked on just now", () => crew.size);
  const sweep = sweeper(deps, sweepMs);
  const loop = createWakeLoop({
    ...{ name: "flows", clock, logger, retryMs: RETRY_MS },
    async round(signal) {
      await sweep(signal);
      const room = parallel - crew.size;
      // The end of a step wakes the loop.
      if (room <= 0) return sweepMs;
      const dueAt = await flows.nextDue(definitions.programs, { signal });
      const toDueMs = (dueAt ?? Number.POSITIVE_INFINITY) - clock.now();
      if (toDueMs > 0) return Math.min(sweepMs, toDueMs);
      return (await crew.claim(room, signal)) > 0 ? 0 : EARLY_MS;
    },
  });
  return {
    handler: turnEndedHandler({ ...deps, onMoved: loop.wake }),
    start(signal) {
      if (bells.length > 0) return;
      const onSession = ({ payload }: Envelope): void => {
        if (touchedSessions.delete(String(payload.sessionId))) loop.wake();
      };
      bells.push(
        bus.subscribe(SUBJECTS.flowDue, loop.wake),
        bus.subscribe(SUBJECTS.sessionChanged, onSession),
      );
      loop.start(signal);
    },
    async stop(withinMs) {
      for (const bell of bells) bell[Symbol.dispose]();
      await loop.stop(withinMs);
      await crew.stop(withinMs);
    },
    ring() {
      loop.wake();
      const kind = SUBJECTS.flowDue;
      bus.publish(kind, { id: given.ids.next(), kind, v: 1, at: clock.now(), payload: {} });
    },
    pair: (only, options) => pairSignals(deps, only, options),
    says,
    touched(sessionId) {
      if (touchedSessions.size < MAX_TOUCHED) touchedSessions.add(sessionId);
    },
  };
}

interface Crew {
  readonly size: number;
  /** Claims and begins at most so many; resolves with how many began. */
  claim(limit: number, signal: AbortSignal): Promise<number>;
  stop(withinMs: number): Promise<void>;
}

/** Those that work on claimed flows. */
function createCrew(deps: WorkDeps & FlowEngineDeps, onFree: () => void): Crew {
  const { flows, unit, clock, logger, processId, definitions } = deps;
  const life = new AbortController();
  const running = new Set<Promise<void>>();
  const handle = async (flow: FlowRun): Promise<void> => {
    try {
      await work(deps, flow, { signal: life.signal });
    } catch (error) {
      // The claim ends with its lease; whoever comes then goes on from what is kept.
      if (!life.signal.aborted) logger.error("flow.unsettled", { flowId: flow.id, step: flow.step, error });
    }
  };
  return {
    get size() {
      return running.size;
    },
    async claim(limit, signal) {
      const { programs } = definitions;
      const write = flows.claim({ owner: processId, leaseMs: LEASE_MS, limit, programs });
      const claimed = (await unit.commit([write], { signal })).read(write);
      for (const flow of claimed) {
        const done: Promise<void> = handle(flow).finally(() => {
          running.delete(done);
          onFree();
        });
        running.add(done);
      }
      return claimed.length;
    },
    async stop(withinMs) {
      if (await within(clock, Promise.all(running), withinMs)) return;
      life.abort(new Error("Troupe is stopping."));
      await within(clock, Promise.all(running), LAST_MARKS_MS);
    },
  };
}

/** What is done now and then: events beside waits that a crash left between, and what is old. */
function sweeper(deps: WorkDeps & FlowEngineDeps, sweepMs: number): (signal: AbortSignal) => Promise<void> {
  const { clock } = deps;
  let sweptAtMs = Number.NEGATIVE_INFINITY;
  let prunedAtMs = clock.monotonicMs();
  return async (signal) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - sweptAtMs < sweepMs) return;
    await pairSignals(deps, undefined, { signal });
    sweptAtMs = nowMs;
    if (nowMs - prunedAtMs < PRUNE_EVERY_MS) return;
    await prune(deps, { signal });
    prunedAtMs = nowMs;
  };
}

async function prune(deps: FlowEngineDeps, options: CallOptions): Promise<void> {
  const { flows, flowSignals, unit, clock, spaceId, keepDays = KEEP_DAYS, logger } = deps;
  const now = clock.now();
  const before = now - keepDays * DAY_MS;
  const flowsGone = flows.prune({ spaceId, before, limit: PRUNE_LIMIT });
  const signalsGone = flowSignals.prune({ before: now, limit: PRUNE_LIMIT });
  const committed = await unit.commit([flowsGone, signalsGone], options);
  const { lost } = committed.read(signalsGone);
  if (lost > 0) logger.warn("flow.events-lost", { count: lost });
}
