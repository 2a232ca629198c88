import type {
  BrokenCall,
  ClaimedTurn,
  ClientOptions,
  ModelCallRecord,
  ModelChoice,
  ModelEvent,
  ModelMessage,
  ModelReasoning,
  ModelRequest,
  ModelToolCall,
  ToolSpec,
  TroupeError,
  TurnStep,
  Usage,
} from "@troupe/contracts";
import { NO_USAGE } from "@troupe/contracts";
import { type CallAbout, callRecord, dayOf, derivedId, failedCallRecord, sumCalls } from "../kit/index.ts";
import type { AgentDeps } from "./deps.ts";
import { loadFiles } from "./load-files.ts";
import type { EquippedTurn, TurnRun } from "./values.ts";

type ModelEnd = Extract<ModelEvent, { type: "end" }>;

/** What one model call of a turn came to. */
export interface ModelAnswer {
  readonly text: string;
  readonly calls: readonly ModelToolCall[];
  readonly model: string;
  /** The call that answered, or broke off; undefined where none began to. */
  readonly record: ModelCallRecord | undefined;
  /** Every call that was made for it, failed ones included. */
  readonly records: readonly ModelCallRecord[];
  /** Undefined when the model came to its end. */
  readonly error: TroupeError | undefined;
  readonly reason: ModelEnd["reason"];
  readonly reasoning?: ModelReasoning | undefined;
}

export interface ModelQuestion {
  readonly choices: readonly ModelChoice[];
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ToolSpec[];
  /** Calls for this answer that broke off in the middle. */
  readonly brokenOff: readonly BrokenCall[];
  /** Of the loop, from 0. */
  readonly step: number;
  /** Told before the first text, to part it from what an earlier step said. */
  readonly lead: string;
  /** Longest answer, where a budget pays for it: it must not outgrow what was reserved. */
  readonly maxOutputTokens: number | undefined;
  /** Under which an adapter may keep what the next prompt begins with. */
  readonly conversation: WeakKey;
}

/** Asks once, streaming what comes to whoever watches. Never rejects: failures are in the answer. */
export async function askModel(
  deps: AgentDeps,
  turn: EquippedTurn,
  question: ModelQuestion,
  signal: AbortSignal,
): Promise<ModelAnswer> {
  const { emitter, trace, claimed, deadlineAt } = turn.run;
  const about = aboutOf(claimed, turn.storyline.id);
  const startedMs = deps.clock.monotonicMs();
  const calls: ModelToolCall[] = [];
  const records: ModelCallRecord[] = [];
  let text = "";
  let choice: ModelChoice | undefined;
  let end: ModelEnd | undefined;
  const files = await loadFiles(deps, claimed.turn.spaceId, question, signal);
  const request = requestOf(turn, question, files);
  const tape = turn.run.tape?.ask(question.step, request);
  const events = deps.router.stream(question.choices, request, {
    signal,
    deadlineAt,
    brokenOff: question.brokenOff,
    onModel: (answering) => {
      choice = answering;
      tape?.answering(answering);
    },
    onRetry: ({ model, error, waitMs }) =>
      trace.push({
        at: deps.clock.now(),
        what: "model",
        detail: `${model} ${error.code}, waited ${waitMs} ms`,
      }),
    onFailedCall: (failed) => {
      tape?.failed(failed);
      const record = failedCallRecord(about, failed, { id: deps.ids.next(), at: deps.clock.now() });
      records.push(record);
      keepNow(deps, record);
    },
  });
  for await (const event of events) {
    tape?.event(event);
    if (event.type === "text-delta") {
      if (text === "" && question.lead !== "") emitter.emit({ type: "text-delta", text: question.lead });
      text += event.text;
      emitter.emit(event);
    } else if (event.type === "reasoning-delta") emitter.emit(event);
    else if (event.type === "tool-call") calls.push(event.call);
    else end = event;
  }
  const latencyMs = deps.clock.monotonicMs() - startedMs;
  const record =
    choice === undefined
      ? undefined
      : callRecord(about, { id: deps.ids.next(), at: deps.clock.now(), choice, end, latencyMs });
  if (record !== undefined) {
    records.push(record);
    if (record.outcome === "error" || record.outcome === "aborted") keepNow(deps, record);
  }
  const model = record?.model ?? records.at(-1)?.model ?? question.choices[0]?.name ?? "unknown";
  trace.push({ at: deps.clock.now(), what: "model", detail: describe(model, record, end) });
  const ended = { error: end?.error, reason: end?.reason ?? "error", reasoning: end?.reasoning } as const;
  return { text, calls, model, record, records, ...ended };
}

/**
 * A failed call that was billed is kept at once: nobody knows yet whether its turn will come to an end here. It may have ended
 * elsewhere, so the turn's sum is made anew in the same commit.
 */
export function keepNow(deps: Pick<AgentDeps, "unit" | "ledger" | "turns">, record: ModelCallRecord): void {
  if (record.inputTokens + record.outputTokens === 0) return;
  deps.unit.ride([deps.ledger.record(record, { holder: record.turnId }), deps.turns.recount(record.turnId)]);
}

export function aboutOf({ turn, session }: ClaimedTurn, storylineId: string | undefined): CallAbout {
  return {
    spaceId: turn.spaceId,
    agentId: turn.agentId,
    sessionId: session.id,
    turnId: turn.id,
    peerId: session.peerId,
    ownerId: session.ownerId,
    storylineId,
    purpose: "turn",
    day: dayOf(turn.createdAt),
  };
}

/** What the client asked of the model. A call is asked for once: what follows results of tools is free. */
function clientOptionsFor(
  { toolChoice, responseFormat, stop }: ClientOptions,
  mayChoose: boolean,
): Pick<ModelRequest, "toolChoice" | "responseFormat" | "stop"> {
  return {
    ...(toolChoice === undefined || toolChoice === "none" || !mayChoose ? {} : { toolChoice }),
    ...(responseFormat === undefined ? {} : { responseFormat }),
    ...(stop === undefined ? {} : { stop }),
  };
}

function requestOf(
  turn: EquippedTurn,
  { messages, tools, conversation, step, ...question }: ModelQuestion,
  files: ModelRequest["files"],
): ModelRequest {
  const { payload } = turn.run.claimed.turn;
  const { temperature, client } = payload;
  const maxOutputTokens = payload.maxOutputTokens ?? question.maxOutputTokens;
  return {
    messages,
    tools,
    conversation,
    ...(files === undefined ? {} : { files }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(client === undefined ? {} : clientOptionsFor(client, step === 0 && tools.length > 0)),
    hints: { agentName: turn.agent.spec.name, language: turn.language },
  };
}

function describe(model: string, record: ModelCallRecord | undefined, end: ModelEnd | undefined): string {
  if (end?.error !== undefined || record === undefined)
    return `${model} ${end?.error?.code ?? "gave no answer"}`;
  const cached = record.cachedInputTokens === 0 ? "" : ` (${record.cachedInputTokens} cached)`;
  const paid = record.costMicroUsd === 0 ? "" : `, ${(record.costMicroUsd / 1e6).toFixed(4)} USD`;
  const cut = end?.reason === "length" || end?.reason === "content-filter" ? `, cut: ${end.reason}` : "";
  return `${model} ${record.inputTokens} in${cached}, ${record.outputTokens} out${paid}${cut}`;
}

/** What models were paid for. */
export interface Spent {
  readonly calls: readonly ModelCallRecord[];
  readonly usage: Usage;
  readonly costMicroUsd: number;
}

/**
 * What earlier attempts of a turn were billed for: the calls that are kept, and those of its journal, which a takeover
 * replays and nobody else tells of.
 */
export function spentBefore(
  claimed: ClaimedTurn,
  journal: readonly TurnStep[],
  kept: readonly ModelCallRecord[],
): Spent {
  if (journal.length === 0 && kept.length === 0) return NOTHING_SPENT;
  const before = kept.filter(({ purpose }) => purpose === "turn" || purpose === "decision");
  const ids = new Set(before.map(({ id }) => id));
  const journalled = journal
    .filter((step) => step.kind === "model")
    .map((step) => journalledCall(claimed, step))
    .filter(({ id }) => !ids.has(id));
  const calls = [...before, ...journalled];
  return { calls, ...sumCalls(calls) };
}

/** With what this attempt was billed for before its loop began. */
export function spentSoFar({ calls }: Pick<TurnRun, "calls">, before: Spent): Spent {
  if (calls.length === 0) return before;
  const all = [...before.calls, ...calls];
  return { calls: all, ...sumCalls(all) };
}

const NOTHING_SPENT: Spent = { calls: [], usage: NO_USAGE, costMicroUsd: 0 };

function journalledCall(
  claimed: ClaimedTurn,
  { n, at, output }: Extract<TurnStep, { kind: "model" }>,
): ModelCallRecord {
  return {
    ...aboutOf(claimed, undefined),
    id: output.recordId ?? derivedId("model-call", claimed.turn.id, String(n)),
    model: output.model,
    keyId: undefined,
    outcome: "ok",
    errorCode: undefined,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    ...output.usage,
    estimated: false,
    costMicroUsd: output.costMicroUsd,
    isPriced: true,
    latencyMs: 0,
    at,
  };
}
