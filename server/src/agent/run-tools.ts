import type {
  ApprovalRequest,
  ApprovalRule,
  SourceReference,
  TapeToolCall,
  ToolCallPart,
  ToolContext,
  ToolKind,
  ToolOutput,
  ToolResultPart,
  TurnStep,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { linkSignal, say, untilAborted } from "../kit/index.ts";
import type { AgentDeps } from "./deps.ts";
import { gateCall, tellResult } from "./hooks.ts";
import { callNumber, type Replay } from "./journal.ts";
import type { EquippedTurn } from "./values.ts";

/** Results of the calls of one step, in the order of the calls, and the writes that join the turn's commit. */
export interface StepResults {
  readonly results: readonly ToolResultPart[];
  readonly writes: readonly Write<unknown>[];
}

/**
 * Runs the calls of one model step, a few at a time. Resolves for every outcome. Rejects with the signal's reason or a store
 * error; `onCut` gets before that what is known of those that had begun.
 */
export async function runCalls(
  deps: AgentDeps,
  turn: EquippedTurn,
  calls: readonly ToolCallPart[],
  replay: Replay,
  modelStep: number,
  signal: AbortSignal,
  onCut: (known: readonly ToolResultPart[]) => void,
): Promise<StepResults> {
  const outcomes: CallOutcome[] = [];
  let next = 0;
  let isBroken = false;
  const worker = async (): Promise<void> => {
    while (next < calls.length && !isBroken) {
      const at = next++;
      const call = calls[at];
      if (call === undefined) return;
      const begins = (untilKnown: CallOutcome): void => {
        outcomes[at] = untilKnown;
      };
      try {
        outcomes[at] = await runCall(deps, turn, call, replay, callNumber(modelStep, at), signal, begins);
      } catch (error) {
        isBroken = true;
        throw error;
      }
    }
  };
  const size = Math.min(deps.settings.toolParallelism, calls.length);
  // All of them end before an error is told: none may go on behind a turn that has been settled.
  const ended = await Promise.allSettled(Array.from({ length: size }, worker));
  const cut = ended.find((one) => one.status === "rejected");
  if (cut !== undefined) {
    onCut(outcomes.flatMap(({ result }) => result));
    throw cut.reason;
  }
  return { results: outcomes.map((one) => one.result), writes: outcomes.flatMap((one) => one.writes) };
}

interface CallOutcome {
  readonly result: ToolResultPart;
  readonly writes: readonly Write<unknown>[];
}

async function runCall(
  deps: AgentDeps,
  turn: EquippedTurn,
  asked: ToolCallPart,
  replay: Replay,
  n: number,
  signal: AbortSignal,
  begins: (untilKnown: CallOutcome) => void,
): Promise<CallOutcome> {
  const { emitter } = turn.run;
  const kind = turn.tools.kindOf(asked.name) ?? "pure";
  emitter.tool("requested", asked);
  const replayed = replayCall(deps, turn, asked, kind, replay.call(n, asked.name));
  if (replayed !== undefined) return replayed;
  const gating = gateCall(deps, turn, asked, signal);
  const gated = gating === undefined ? undefined : await gating;
  if (gated?.kind === "deny") return denyCall(deps, turn, asked, kind, gated, n);
  // What the model asked for stays what it is in history; what runs is what the hooks made of it.
  const call = gated === undefined ? asked : { ...asked, arguments: gated.arguments };
  if (gated !== undefined && gated.changedBy.length > 0)
    note(deps, turn, `${call.name} changed by ${gated.changedBy.join(", ")}`);
  const rule = await approvalOf(deps, turn, call, kind, signal);
  if (rule !== "allow") return refuseCall(deps, turn, call, kind, rule, n);
  if (kind === "external")
    await journalNow(
      deps,
      turn,
      { kind: "intent", n, at: deps.clock.now(), callId: call.callId, tool: call.name },
      signal,
    );
  signal.throwIfAborted();
  emitter.tool("started", call);
  const startedMs = deps.clock.monotonicMs();
  if (kind === "external") begins(unknownOutcome(turn, call, "tool.cut_off"));
  const output = await deps.toolbox
    .run(turn.runnable, call, contextOf(turn, call, n, deps.clock.now()), {
      signal,
      isDirect: turn.path.kind === "direct",
      onRetry: ({ error, waitMs }) => emitter.tool("retrying", call, `${error.message} Waits ${waitMs} ms.`),
    })
    .catch((error: unknown) => {
      if (kind === "external") {
        emitter.tool("unknown", call);
        note(deps, turn, `${call.name} (${kind}) cut off, outcome unknown`);
      }
      throw error;
    });
  const tookMs = Math.round(deps.clock.monotonicMs() - startedMs);
  const isError = output.isError === true;
  const { sources } = output;
  const result = resultOf(call, output);
  record(turn, asked, { n, rule, text: output.text, isError, tookMs });
  await keepResult(
    deps,
    turn,
    { kind: "result", n, at: deps.clock.now(), result, ...sourced(sources) },
    kind,
  );
  emitter.tool(isError ? "failed" : "succeeded", call, `${tookMs} ms`);
  note(deps, turn, `${call.name} (${kind}) ${isError ? "failed" : "done"}, ${tookMs} ms`, sources);
  const outcome = { result, writes: kind === "transactional" ? (output.writes ?? []) : [] };
  const told = tellResult(deps, turn, call, { text: output.text, isError, tookMs }, signal);
  if (told === undefined) return outcome;
  // It is known by now, also where the turn is stopped while hooks hear of it.
  begins(outcome);
  await told;
  return outcome;
}

/** What an earlier attempt's journal says of a call; undefined: it is to be run. */
function replayCall(
  deps: AgentDeps,
  turn: EquippedTurn,
  call: ToolCallPart,
  kind: ToolKind,
  before: ReturnType<Replay["call"]>,
): CallOutcome | undefined {
  const { emitter } = turn.run;
  // A transactional call reruns: its effect is its writes, and those were never committed.
  if (before?.kind === "done" && kind !== "transactional") {
    emitter.tool(before.result.isError === true ? "failed" : "succeeded", call, "replayed");
    note(deps, turn, `${call.name} (${kind}) replayed`, before.sources);
    return { result: before.result, writes: [] };
  }
  if (before?.kind !== "unknown") return undefined;
  emitter.tool("unknown", call);
  note(deps, turn, `${call.name} (${kind}) unknown, not run again`);
  return unknownOutcome(turn, call, "tool.unknown_outcome");
}

/** An act on the world of which nobody knows whether it happened. */
function unknownOutcome(
  turn: EquippedTurn,
  call: ToolCallPart,
  key: "tool.unknown_outcome" | "tool.cut_off",
): CallOutcome {
  const text = say(turn.language, key, { tool: call.name });
  return { result: resultOf(call, { text, isError: true }), writes: [] };
}

/** A policy that has not answered by then has said no. */
const APPROVAL_MS = 10_000;

/** Whether the call may run. No answer means no. Source: design §2 rule 9. */
async function approvalOf(
  deps: AgentDeps,
  turn: EquippedTurn,
  call: ToolCallPart,
  kind: ToolKind,
  signal: AbortSignal,
): Promise<ApprovalRule> {
  const { clock, approval, logger } = deps;
  const { claimed } = turn.run;
  const late = () =>
    new TroupeError(`The policy took longer than ${APPROVAL_MS} ms.`, { code: "request.timeout" });
  using scope = linkSignal(signal, { clock, afterMs: APPROVAL_MS, reason: late });
  const request: ApprovalRequest = {
    agent: turn.agent,
    principal: claimed.principal,
    trigger: claimed.turn.trigger,
    tool: call.name,
    kind,
    arguments: call.arguments,
  };
  try {
    const rule = await untilAborted(approval.decide(request, { signal: scope.signal }), scope.signal);
    return rule === "allow" || rule === "ask" ? rule : "deny";
  } catch (error) {
    signal.throwIfAborted();
    logger.error("approval.failed", { tool: call.name, turnId: claimed.turn.id, error });
    return "deny";
  }
}

/** The call is answered and not run; nobody can be asked in this version, so a call that needs it is refused too. */
function refuseCall(
  deps: AgentDeps,
  turn: EquippedTurn,
  call: ToolCallPart,
  kind: ToolKind,
  rule: "deny" | "ask",
  n: number,
): CallOutcome {
  const isAsked = rule === "ask";
  turn.run.emitter.tool(isAsked ? "approval-required" : "denied", call);
  note(deps, turn, `${call.name} (${kind}) ${isAsked ? "needs approval, not run" : "denied"}`);
  const text = say(turn.language, isAsked ? "tool.needs_approval" : "tool.denied", { tool: call.name });
  const result = resultOf(call, { text, isError: true });
  record(turn, call, { n, rule, text, isError: true, tookMs: 0 });
  const step: TurnStep = { kind: "result", n, at: deps.clock.now(), result };
  deps.unit.ride([deps.turns.journal(turn.run.claimed.turn, step)]);
  return { result, writes: [] };
}

/** A hook said no: the model reads why and may try something else. */
function denyCall(
  deps: AgentDeps,
  turn: EquippedTurn,
  call: ToolCallPart,
  kind: ToolKind,
  { reason, hook }: { readonly reason: string; readonly hook: string },
  n: number,
): CallOutcome {
  turn.run.emitter.tool("denied", call, reason);
  note(deps, turn, `${call.name} (${kind}) denied by ${hook}: ${reason}`);
  const text = say(turn.language, "tool.denied_because", { tool: call.name, reason });
  const result = resultOf(call, { text, isError: true });
  // As an answer of the tool: a replay has no hooks, and is to go the same way.
  record(turn, call, { n, rule: "allow", text, isError: true, tookMs: 0 });
  deps.unit.ride([
    deps.turns.journal(turn.run.claimed.turn, { kind: "result", n, at: deps.clock.now(), result }),
  ]);
  return { result, writes: [] };
}

function record(
  { run }: EquippedTurn,
  { callId, name, arguments: text }: ToolCallPart,
  how: Pick<TapeToolCall, "n" | "rule" | "text" | "isError" | "tookMs">,
): void {
  run.tape?.tool({ callId, name, arguments: text, ...how });
}

/**
 * The result of an act on the world is kept at once; losing the others costs a rerun. When the store cannot take it, the
 * turn goes on all the same: it knows what happened, and the result is kept with its end, which waits for the store. A
 * crash before that leaves the call unknown, which is the truth.
 */
async function keepResult(
  deps: AgentDeps,
  turn: EquippedTurn,
  step: TurnStep,
  kind: ToolKind,
): Promise<void> {
  const entry = deps.turns.journal(turn.run.claimed.turn, step);
  if (kind !== "external") return deps.unit.ride([entry]);
  try {
    await deps.unit.commit([entry], { signal: NEVER });
  } catch (error) {
    const isPassing =
      TroupeError.is(error) && error.code.startsWith("store.") && error.code !== "store.conflict";
    if (!isPassing) throw error;
    deps.logger.error("tool.result_unkept", { turnId: turn.run.claimed.turn.id, n: step.n, error });
    turn.run.unkept.push(entry);
  }
}

function note(
  deps: AgentDeps,
  turn: EquippedTurn,
  detail: string,
  sources?: readonly SourceReference[],
): void {
  turn.run.trace.push({ at: deps.clock.now(), what: "tool", detail, ...sourced(sources) });
}

function sourced(sources: readonly SourceReference[] | undefined): {
  readonly sources?: readonly SourceReference[];
} {
  return sources === undefined || sources.length === 0 ? {} : { sources };
}

/** The result of an act is kept even when nobody waits for the turn any more. */
const NEVER: AbortSignal = new AbortController().signal;

async function journalNow(
  deps: AgentDeps,
  turn: EquippedTurn,
  step: TurnStep,
  signal: AbortSignal,
): Promise<void> {
  await deps.unit.commit([deps.turns.journal(turn.run.claimed.turn, step)], { signal });
}

function resultOf(call: ToolCallPart, output: ToolOutput): ToolResultPart {
  return {
    type: "tool-result",
    callId: call.callId,
    name: call.name,
    text: output.text,
    ...(output.isError === true ? { isError: true } : {}),
  };
}

function contextOf(turn: EquippedTurn, call: ToolCallPart, n: number, now: number): ToolContext {
  const { principal, session, turn: record } = turn.run.claimed;
  return {
    principal,
    spaceId: record.spaceId,
    agentId: record.agentId,
    sessionId: session.id,
    turnId: record.id,
    turnSeq: record.turnSeq,
    messageIds: turn.run.inbound.map(({ id }) => id),
    callId: call.callId,
    peerId: session.peerId,
    ownerId: session.ownerId,
    audience: session.audience,
    now,
    language: turn.language,
    idempotencyKey: `${record.id}/${n}`,
  };
}

/** Whether running these calls needs the model's step to be kept first. */
export function needsJournalFirst(turn: EquippedTurn, calls: readonly { readonly name: string }[]): boolean {
  return calls.some((call) => turn.tools.kindOf(call.name) === "external");
}
