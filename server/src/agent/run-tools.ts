import type {
  ToolCallPart,
  ToolContext,
  ToolOutput,
  ToolResultPart,
  TurnStep,
  Write,
} from "@troupe/contracts";
import { say } from "../kit/index.ts";
import type { AgentDeps } from "./deps.ts";
import { callNumber, type Replay } from "./journal.ts";
import type { EquippedTurn } from "./values.ts";

/** Results of the calls of one step, in the order of the calls, and the writes that join the turn's commit. */
export interface StepResults {
  readonly results: readonly ToolResultPart[];
  readonly writes: readonly Write<unknown>[];
}

/** Runs the calls of one model step, a few at a time. Resolves for every outcome; rejects with the signal's reason or a store error. */
export async function runCalls(
  deps: AgentDeps,
  turn: EquippedTurn,
  calls: readonly ToolCallPart[],
  replay: Replay,
  modelStep: number,
  signal: AbortSignal,
): Promise<StepResults> {
  const outcomes: { result: ToolResultPart; writes: readonly Write<unknown>[] }[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < calls.length) {
      const at = next++;
      const call = calls[at];
      if (call !== undefined)
        outcomes[at] = await runCall(deps, turn, call, replay, callNumber(modelStep, at), signal);
    }
  };
  const size = Math.min(deps.settings.toolParallelism, calls.length);
  // All of them end before an error is told: none may go on behind a turn that has been settled.
  const ended = await Promise.allSettled(Array.from({ length: size }, worker));
  for (const one of ended) if (one.status === "rejected") throw one.reason;
  return { results: outcomes.map((one) => one.result), writes: outcomes.flatMap((one) => one.writes) };
}

async function runCall(
  deps: AgentDeps,
  turn: EquippedTurn,
  call: ToolCallPart,
  replay: Replay,
  n: number,
  signal: AbortSignal,
): Promise<{ result: ToolResultPart; writes: readonly Write<unknown>[] }> {
  const { emitter, trace } = turn.run;
  const kind = turn.tools.kindOf(call.name) ?? "pure";
  const before = replay.call(n, call.name);
  emitter.tool("requested", call);
  // A transactional call reruns: its effect is its writes, and those were never committed.
  if (before?.kind === "done" && kind !== "transactional") {
    emitter.tool(before.result.isError === true ? "failed" : "succeeded", call, "replayed");
    return { result: before.result, writes: [] };
  }
  if (before?.kind === "unknown") {
    emitter.tool("unknown", call);
    trace.push({
      at: deps.clock.now(),
      what: "tool",
      detail: `${call.name} (${kind}) unknown, not run again`,
    });
    const text = say(turn.language, "tool.unknown_outcome", { tool: call.name });
    return { result: resultOf(call, { text, isError: true }), writes: [] };
  }
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
  const output = await deps.toolbox.run(turn.tools, call, contextOf(turn, call, n, deps.clock.now()), {
    signal,
  });
  const tookMs = Math.round(deps.clock.monotonicMs() - startedMs);
  const result = resultOf(call, output);
  const step: TurnStep = { kind: "result", n, at: deps.clock.now(), result };
  const entry = deps.turns.journal(turn.run.claimed.turn, step);
  // The result of an act on the world is kept at once; losing the others costs a rerun.
  if (kind === "external") await deps.unit.commit([entry], { signal: NEVER });
  else deps.unit.ride([entry]);
  emitter.tool(output.isError === true ? "failed" : "succeeded", call, `${tookMs} ms`);
  trace.push({
    at: deps.clock.now(),
    what: "tool",
    detail: `${call.name} (${kind}) ${output.isError === true ? "failed" : "done"}, ${tookMs} ms`,
  });
  return { result, writes: kind === "transactional" ? (output.writes ?? []) : [] };
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
