import type {
  ClaimedTurn,
  ModelCallRecord,
  ModelChoice,
  ModelEvent,
  ModelMessage,
  ModelToolCall,
  ToolSpec,
  TroupeError,
  TurnStep,
  Usage,
} from "@troupe/contracts";
import { NO_USAGE } from "@troupe/contracts";
import { addUsage, costMicroUsd, dayOf, derivedId } from "../kit/index.ts";
import type { AgentDeps } from "./deps.ts";
import type { EquippedTurn } from "./values.ts";

/** What one model call of a turn came to. */
export interface ModelAnswer {
  readonly text: string;
  readonly calls: readonly ModelToolCall[];
  readonly model: string;
  readonly usage: Usage;
  readonly costMicroUsd: number;
  readonly record: ModelCallRecord;
  /** Undefined when the model came to its end. */
  readonly error: TroupeError | undefined;
  readonly reason: Extract<ModelEvent, { type: "end" }>["reason"];
}

export interface ModelQuestion {
  readonly choices: readonly ModelChoice[];
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ToolSpec[];
  /** Told before the first text, to part it from what an earlier step said. */
  readonly lead: string;
}

/** Answers without a known length are reserved for as this many tokens. */
const RESERVED_OUTPUT_TOKENS = 1_024;

/** What a call may cost at most, by the dearest of the models that may answer. */
export function estimateMicroUsd(
  choices: readonly ModelChoice[],
  inputTokens: number,
  outputTokens: number = RESERVED_OUTPUT_TOKENS,
): number {
  const usage = { inputTokens, cachedInputTokens: 0, outputTokens };
  return Math.max(0, ...choices.map(({ price }) => costMicroUsd(usage, price)));
}

/** Reserves the cost of a further call of a turn; 0 when nothing has a price. Rejects with `budget.exceeded`. */
export async function reserveFurther(
  deps: AgentDeps,
  turn: EquippedTurn,
  microUsd: number,
  signal: AbortSignal,
): Promise<number> {
  if (microUsd === 0) return 0;
  const { spaceId, createdAt } = turn.run.claimed.turn;
  const limitMicroUsd = deps.settings.dailyLimitMicroUsd();
  await deps.unit.commit([deps.ledger.reserve({ spaceId, day: dayOf(createdAt), microUsd, limitMicroUsd })], {
    signal,
  });
  return microUsd;
}

/** Asks once, streaming what comes to whoever watches. Never rejects: failures are in the answer. */
export async function askModel(
  deps: AgentDeps,
  turn: EquippedTurn,
  question: ModelQuestion,
  signal: AbortSignal,
): Promise<ModelAnswer> {
  const { emitter, trace, claimed } = turn.run;
  const { payload } = claimed.turn;
  const startedMs = deps.clock.monotonicMs();
  const calls: ModelToolCall[] = [];
  let text = "";
  let choice = question.choices[0];
  let end: Extract<ModelEvent, { type: "end" }> | undefined;
  const request = {
    messages: question.messages,
    tools: question.tools,
    ...(payload.maxOutputTokens === undefined ? {} : { maxOutputTokens: payload.maxOutputTokens }),
    ...(payload.temperature === undefined ? {} : { temperature: payload.temperature }),
    hints: { agentName: turn.agent.spec.name, language: turn.language },
  };
  const events = deps.router.stream(question.choices, request, {
    signal,
    onModel: (answering) => {
      choice = answering;
    },
    onRetry: ({ model, error, waitMs }) =>
      trace.push({
        at: deps.clock.now(),
        what: "model",
        detail: `${model} ${error.code}, waited ${waitMs} ms`,
      }),
  });
  for await (const event of events) {
    if (event.type === "text-delta") {
      if (text === "" && question.lead !== "") emitter.emit({ type: "text-delta", text: question.lead });
      text += event.text;
      emitter.emit(event);
    } else if (event.type === "reasoning-delta") emitter.emit(event);
    else if (event.type === "tool-call") calls.push(event.call);
    else end = event;
  }
  const usage = end?.usage ?? NO_USAGE;
  const model = choice?.name ?? "unknown";
  const cost = costMicroUsd(usage, choice?.price);
  const latencyMs = Math.round(deps.clock.monotonicMs() - startedMs);
  trace.push({ at: deps.clock.now(), what: "model", detail: describe(model, usage, cost, end?.error) });
  const outcome =
    end === undefined || end.reason === "error" ? "error" : end.reason === "aborted" ? "aborted" : "ok";
  const record: ModelCallRecord = {
    id: deps.ids.next(),
    spaceId: claimed.turn.spaceId,
    agentId: claimed.turn.agentId,
    sessionId: claimed.session.id,
    turnId: claimed.turn.id,
    model,
    purpose: "turn",
    outcome,
    ...usage,
    estimated: end?.estimated ?? true,
    costMicroUsd: cost,
    latencyMs,
    at: deps.clock.now(),
  };
  return {
    text,
    calls,
    model,
    usage,
    costMicroUsd: cost,
    record,
    error: end?.error,
    reason: end?.reason ?? "error",
  };
}

function describe(model: string, usage: Usage, cost: number, error: TroupeError | undefined): string {
  if (error !== undefined) return `${model} ${error.code}`;
  const cached = usage.cachedInputTokens === 0 ? "" : ` (${usage.cachedInputTokens} cached)`;
  const paid = cost === 0 ? "" : `, ${(cost / 1e6).toFixed(4)} USD`;
  return `${model} ${usage.inputTokens} in${cached}, ${usage.outputTokens} out${paid}`;
}

/** What models were paid for. */
export interface Spent {
  readonly calls: readonly ModelCallRecord[];
  readonly usage: Usage;
  readonly costMicroUsd: number;
}

/** What earlier attempts of a turn were billed for, from their journal: a takeover replays it and nobody else tells of it. */
export function spentBefore(claimed: ClaimedTurn, journal: readonly TurnStep[]): Spent {
  const { turn, session } = claimed;
  const steps = journal.filter((step) => step.kind === "model");
  const calls = steps.map(
    ({ n, at, output }): ModelCallRecord => ({
      id: derivedId("model-call", turn.id, String(n)),
      spaceId: turn.spaceId,
      agentId: turn.agentId,
      sessionId: session.id,
      turnId: turn.id,
      model: output.model,
      purpose: "turn",
      outcome: "ok",
      ...output.usage,
      estimated: false,
      costMicroUsd: output.costMicroUsd,
      latencyMs: 0,
      at,
    }),
  );
  return {
    calls,
    usage: steps.reduce((sum, { output }) => addUsage(sum, output.usage), NO_USAGE),
    costMicroUsd: steps.reduce((sum, { output }) => sum + output.costMicroUsd, 0),
  };
}
