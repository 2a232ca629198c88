import type {
  CallOptions,
  Clock,
  FlowMove,
  FlowRun,
  FlowSignal,
  FlowSignalStore,
  FlowStore,
  Logger,
  UnitOfWork,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { Counter } from "../kit/index.ts";
import { moveFrom, resumed, type Says } from "./moves.ts";

const MATCHES = 100;

export interface SignalDeps {
  readonly unit: UnitOfWork;
  readonly flows: Pick<FlowStore, "get" | "move">;
  readonly flowSignals: FlowSignalStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly says: Says;
  readonly signals: Counter;
}

export type Only = Pick<FlowSignal, "spaceId" | "topic" | "correlationId">;

/**
 * Brings kept events to the flows that wait for them, each to one flow, in one commit with its change. Whoever keeps an
 * event, and whoever begins to wait for one, calls it after their commit: one of the two sees both, in any order, and the
 * sweep sees what a crash left between. Resolves with the flows that go on.
 */
export async function pairSignals(
  deps: SignalDeps,
  only: Only | undefined,
  options: CallOptions,
): Promise<readonly string[]> {
  const moved: string[] = [];
  const done = new Set<string>();
  for (let round = 0; round < MATCHES; round++) {
    const query = only === undefined ? { limit: MATCHES } : { limit: MATCHES, only };
    const matches = await deps.flowSignals.matches(query, options);
    const fresh = matches.filter(({ eventId, flowId }) => !done.has(`${eventId} ${flowId}`));
    if (fresh.length === 0) break;
    for (const { eventId, flowId } of fresh) {
      done.add(`${eventId} ${flowId}`);
      if (await give(deps, eventId, flowId, options)) moved.push(flowId);
    }
    if (matches.length < MATCHES && moved.length === 0) break;
  }
  return moved;
}

async function give(
  deps: SignalDeps,
  eventId: string,
  flowId: string,
  options: CallOptions,
): Promise<boolean> {
  const flow = await deps.flows.get(flowId, options);
  if (flow?.wait?.kind !== "event") return false;
  const signal = await deps.flowSignals.get({ spaceId: flow.spaceId, eventId }, options);
  if (signal === undefined || signal.takenBy !== undefined) return false;
  const { wait } = flow;
  if (wait.topic !== signal.topic || wait.correlationId !== signal.correlationId) return false;
  const move = flow.isMirrored ? mirrored(flow, signal) : resumed(flow, eventOf(signal));
  const what = move.end ?? (flow.isMirrored ? "observed" : "resumed");
  const change = deps.says(what, `event ${signal.topic} ${signal.correlationId} (${eventId})`);
  try {
    await deps.unit.commit(
      [deps.flowSignals.take({ spaceId: flow.spaceId, eventId, flowId }), deps.flows.move(move, change)],
      options,
    );
    deps.signals.add(1, { outcome: "taken" });
    deps.logger.debug("flow.resumed", { flowId, eventId });
    return true;
  } catch (error) {
    // Another process gave it, or the flow went on otherwise.
    if (TroupeError.is(error, "store.conflict")) return false;
    throw error;
  }
}

function eventOf({ payload }: FlowSignal) {
  return { reason: "event", state: { event: payload } } as const;
}

const ENDS: readonly unknown[] = ["finished", "failed", "cancelled"];

/** What an event says of work outside: `step` and `state` where it stands, `status` how it ended, `reason` why. */
function mirrored(flow: FlowRun, { payload }: FlowSignal): FlowMove {
  const { step, status, state, reason } = payload;
  const end = ENDS.includes(status) ? (status as FlowMove["end"]) : undefined;
  const known = typeof state === "object" && state !== null && !Array.isArray(state) ? state : {};
  return {
    ...moveFrom(flow),
    reason: "event",
    state: { ...flow.state, ...known, event: payload },
    ...(typeof step === "string" && step !== "" ? { step: step.slice(0, 200) } : {}),
    ...(end === undefined ? (flow.wait === undefined ? {} : { wait: flow.wait }) : { end }),
    ...(typeof reason === "string" ? { error: reason.slice(0, 500) } : {}),
  };
}
