import type {
  Effect,
  EffectDraft,
  HookFailure,
  HookOptions,
  HookTurn,
  ToolGateOutcome,
  TurnEndView,
} from "@troupe/contracts";
import { derivedId } from "../kit/index.ts";
import type { AgentDeps } from "./deps.ts";
import type { EquippedTurn, ExecutedTurn, OpenedTurn, TurnRun } from "./values.ts";

/** The turn as its hooks are told of it. */
export function hookTurn({ run, agent }: Pick<OpenedTurn, "run" | "agent">): HookTurn {
  const { turn, session } = run.claimed;
  return {
    ...{ turnId: turn.id, spaceId: turn.spaceId, sessionId: session.id, agent, trigger: turn.trigger },
    ...{ peerId: session.peerId, audience: session.audience, attempt: turn.attempt },
  };
}

/** Failures of the turn's hooks go into its trace. */
export function hookOptions(
  { clock }: Pick<AgentDeps, "clock">,
  { run, agent }: Pick<OpenedTurn, "run" | "agent">,
  signal: AbortSignal,
): HookOptions {
  return {
    signal,
    spec: agent.spec,
    onFailure: (failure) =>
      void run.trace.push({ at: clock.now(), what: "hook", detail: describeFailure(failure) }),
  };
}

function describeFailure({ point, hook, error }: HookFailure): string {
  const why = error instanceof Error ? error.message : String(error);
  return `${hook} at ${point} failed: ${why.slice(0, 200)}`;
}

/** Before anything else of the turn: a new session, and the turn itself. Undefined where nobody listens. */
export function tellStart(deps: AgentDeps, turn: OpenedTurn, signal: AbortSignal): Promise<void> | undefined {
  const { hooks } = deps;
  if (hooks === undefined) return undefined;
  const { session, turn: record } = turn.run.claimed;
  const isFirst = session.isNew && !session.stateless && hooks.has("session_start");
  if (!isFirst && !hooks.has("turn_start")) return undefined;
  const options = hookOptions(deps, turn, signal);
  return (async () => {
    const { spaceId, agentId } = record;
    if (isFirst) await hooks.tell("session_start", { spaceId, sessionId: session.id, agentId }, options);
    if (hooks.has("turn_start")) await hooks.tell("turn_start", hookTurn(turn), options);
  })();
}

export function endView(turn: ExecutedTurn): TurnEndView {
  const { run, reply, state, error, usage, costMicroUsd } = turn;
  return { turn: hookTurn(turn), inbound: run.inbound, reply, state, error, usage, costMicroUsd };
}

/** What the hooks of the turn's end want kept with it; undefined where nobody listens. */
export function effectsAtEnd(
  deps: AgentDeps,
  turn: ExecutedTurn,
  signal: AbortSignal,
): Promise<readonly Omit<Effect, "attempt" | "epoch">[]> | undefined {
  const { hooks, clock } = deps;
  if (hooks?.has("turn_end") !== true) return undefined;
  return (async () => {
    const drafts = await hooks.endTurn(endView(turn), hookOptions(deps, turn, signal));
    return drafts.map((draft) => effectOf(turn.run, draft, clock.now()));
  })();
}

/** The same draft of the same turn is one effect, however often its commit is tried. */
function effectOf(
  { claimed: { turn, session } }: TurnRun,
  { id, lane = "background", ...draft }: EffectDraft & { readonly id: string },
  createdAt: number,
) {
  const owner = { spaceId: turn.spaceId, turnId: turn.id, sessionId: session.id, createdAt };
  return { ...draft, ...owner, lane, id: derivedId("turn_end", turn.id, id) };
}

/** After the end is kept and told. What fails now stands in the turn's record by a later line. */
export function tellEnd(deps: AgentDeps, turn: ExecutedTurn): void {
  const { hooks, clock, unit, turns, logger } = deps;
  if (hooks?.has("after_message") !== true) return;
  const { id } = turn.run.claimed.turn;
  const onFailure = (failure: HookFailure): void =>
    unit.ride([turns.note(id, [{ at: clock.now(), what: "hook", detail: describeFailure(failure) }])]);
  hooks
    .tell("after_message", endView(turn), { signal: NEVER, spec: turn.agent.spec, onFailure })
    .catch((error: unknown) => logger.error("hook.failed", { turnId: id, error }));
}

const NEVER: AbortSignal = new AbortController().signal;

/** What hooks say of a call that is about to run; undefined where nobody listens. */
export function gateCall(
  deps: AgentDeps,
  turn: EquippedTurn,
  call: { readonly callId: string; readonly name: string; readonly arguments: string },
  signal: AbortSignal,
): Promise<ToolGateOutcome> | undefined {
  const { hooks } = deps;
  if (hooks?.has("before_tool_call") !== true) return undefined;
  return hooks.gateToolCall(callView(turn, call), hookOptions(deps, turn, signal));
}

function callView(
  turn: EquippedTurn,
  call: { readonly callId: string; readonly name: string; readonly arguments: string },
) {
  return {
    ...{ turn: hookTurn(turn), principal: turn.run.claimed.principal, callId: call.callId },
    ...{ tool: call.name, toolKind: turn.tools.kindOf(call.name) ?? ("pure" as const) },
    arguments: call.arguments,
  };
}

/** The result is kept by now. */
export function tellResult(
  deps: AgentDeps,
  turn: EquippedTurn,
  call: { readonly callId: string; readonly name: string; readonly arguments: string },
  result: { readonly text: string; readonly isError: boolean; readonly tookMs: number },
  signal: AbortSignal,
): Promise<void> | undefined {
  const { hooks } = deps;
  if (hooks?.has("after_tool_call") !== true) return undefined;
  return hooks.tell(
    "after_tool_call",
    { ...callView(turn, call), ...result },
    hookOptions(deps, turn, signal),
  );
}
