import type {
  CallOptions,
  Clock,
  EffectHandler,
  FlowMove,
  FlowRun,
  FlowStore,
  FlowTurn,
  FlowWait,
  InboundMessage,
  Inbox,
  Principal,
  Session,
  SessionStore,
  UnitOfWork,
} from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import { resumed, type Says } from "./moves.ts";

/** Kind of the effect that a turn leaves for the flow which asked for it. */
export const TURN_ENDED = "flow.turn_ended";
const VERSION = 1;
/** Of what was said, the flow's state holds so much. */
const MAX_REPLY = 20_000;
const LOOKED_AT = 50;
/** Channel, peer and owner of flows that belong to no session. */
const OWN = "flow";

type TurnWait = Extract<FlowWait, { readonly kind: "turn" }>;

export interface FlowTurnDeps {
  readonly flows: Pick<FlowStore, "get" | "move" | "noteTurn">;
  readonly sessions: Pick<SessionStore, "get" | "messages">;
  readonly unit: UnitOfWork;
  /** Given when it is there: flows are joined before the way in is. */
  readonly inbox: () => Inbox;
  /** Channels that replies are pushed to. */
  readonly pushes: (channel: string) => boolean;
  readonly clock: Clock;
  readonly says: Says;
}

export type BegunTurn =
  | { readonly kind: "begun"; readonly wait: TurnWait }
  /** Said no for now: the same may be accepted later. */
  | { readonly kind: "later"; readonly afterMs: number; readonly reason: string }
  | { readonly kind: "refused"; readonly move: FlowMove; readonly reason: string };

/**
 * Hands the turn that a flow waits for to the way in. The platform id follows from the flow and its revision, so that a crash
 * in between, or another process, finds the same turn.
 */
export async function beginTurn(
  deps: FlowTurnDeps,
  flow: FlowRun,
  wait: TurnWait,
  options: CallOptions,
): Promise<BegunTurn> {
  const session = flow.sessionId === undefined ? undefined : await deps.sessions.get(flow.sessionId, options);
  if (flow.sessionId !== undefined && session === undefined && wait.turn.sessionKey === undefined) {
    return refused(flow, "request.not_found", "The conversation that the flow belongs to is gone.");
  }
  const message = inboundOf(deps, flow, wait.turn, session);
  const id = wait.turn.ownerId ?? session?.ownerId ?? OWN;
  const principal: Principal = { spaceId: flow.spaceId, kind: "system", id };
  const result = await deps.inbox().accept(message, principal, options);
  if (result.kind !== "refused") return { kind: "begun", wait: { ...wait, turnId: result.turnId } };
  if (result.retryAfterMs !== undefined)
    return { kind: "later", afterMs: result.retryAfterMs, reason: result.message };
  return refused(flow, result.code, result.message);
}

/** The flow goes on all the same: its next step decides what that means. */
function refused(flow: FlowRun, code: string, message: string): BegunTurn {
  const state = { turn: { state: "refused", error: { code, message } } };
  return { kind: "refused", reason: message, move: resumed(flow, { reason: "turn", state }) };
}

function inboundOf(
  { clock, pushes }: FlowTurnDeps,
  flow: FlowRun,
  turn: FlowTurn,
  session: Session | undefined,
): InboundMessage {
  const peerId = turn.peerId ?? session?.peerId ?? OWN;
  const channel = turn.channel ?? session?.channel ?? OWN;
  const replyTo = turn.replyTo ?? (pushes(channel) ? { channel, target: peerId } : undefined);
  return {
    ...{ agentId: turn.agentId ?? session?.agentId ?? flow.agentId ?? "", channel, peerId },
    sessionKey: turn.sessionKey ?? session?.key ?? `flow:${flow.id}`,
    audience: turn.audience ?? session?.audience ?? [peerId],
    parts: [{ type: "text", text: turn.text }],
    ...{ trigger: "flow", lane: turn.lane ?? "background", debounceMs: 0, receivedAt: clock.now() },
    platformId: `flow:${flow.id}:${flow.revision}`,
    cause: { depth: 0, of: { kind: "flow", id: flow.id } },
    afterEnd: {
      ...{ kind: TURN_ENDED, v: VERSION, lane: "realtime" },
      payload: { flowId: flow.id, revision: flow.revision },
    },
    ...(replyTo === undefined ? {} : { replyTo }),
  };
}

/**
 * Moves a flow on when the turn that it waited for has ended, however that was. It commits by itself and then says so, since
 * who runs effects could not wake the flow; a repetition finds the flow at another revision and does nothing.
 */
export function turnEndedHandler(deps: FlowTurnDeps & { readonly onMoved: () => void }): EffectHandler {
  return {
    kind: TURN_ENDED,
    versions: [VERSION],
    async handle(effect, options) {
      const { flowId, revision, turnId, state, messageId, error } = effect.payload;
      const flow = await deps.flows.get(String(flowId), options);
      if (flow?.wait?.kind !== "turn" || flow.revision !== revision || flow.endedAt !== undefined) return [];
      // Asked to cancel: the wake loop ends it.
      if (flow.cancelRequested !== undefined) return [];
      const text = await saidIn(deps, effect.sessionId, messageId, options);
      const turn = { turnId, state, text, ...(error === undefined ? {} : { error }) };
      const move = resumed(flow, { reason: "turn", state: { turn } });
      const change = deps.says("resumed", `turn ${String(turnId)} ${String(state)}`);
      await deps.unit.commit([deps.flows.move(move, change)], options);
      deps.onMoved();
      return [];
    },
  };
}

async function saidIn(
  { sessions }: FlowTurnDeps,
  sessionId: string,
  messageId: unknown,
  options: CallOptions,
): Promise<string> {
  if (typeof messageId !== "string") return "";
  const { items } = await sessions.messages({ sessionId, newest: true, limit: LOOKED_AT }, options);
  const message = items.find(({ id }) => id === messageId);
  return message === undefined ? "" : textOf(message.parts).slice(0, MAX_REPLY).toWellFormed();
}
