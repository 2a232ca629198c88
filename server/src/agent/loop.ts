import type {
  BrokenCall,
  MessagePart,
  ModelCallRecord,
  ModelChoice,
  ModelMessage,
  ToolCallPart,
  ToolResultPart,
  TurnStep,
  Usage,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { addUsage, estimateTokens, sumCalls } from "../kit/index.ts";
import { askModel, type ModelAnswer, type Spent, spentSoFar } from "./ask-model.ts";
import { partCalls } from "./client-tools.ts";
import type { AgentDeps } from "./deps.ts";
import { CALLS_PER_STEP, createReplay, type Replay } from "./journal.ts";
import { needsJournalFirst, runCalls } from "./run-tools.ts";
import { reserveCall, type Spending } from "./spending.ts";
import { fromUser, HANDED_NOTE } from "./to-model.ts";
import { tokensOf } from "./tracks.ts";
import type { EquippedTurn, TurnRun } from "./values.ts";

/**
 * After a model broke off in mid-answer the next one of the list is asked, or the same again, so many times; each is a new
 * attempt for whoever watches.
 */
const MIDWAY_RESTARTS = 2;

/** What the loop came to. Kept up to date while it runs, so that a stop or failure loses nothing that was paid for. */
export interface LoopState extends Spending {
  readonly parts: MessagePart[];
  readonly calls: ModelCallRecord[];
  readonly toolWrites: Write<unknown>[];
  usage: Usage;
  costMicroUsd: number;
  extraReservedMicroUsd: number;
  choices: readonly ModelChoice[];
  model: string;
  /** Model steps that ended. */
  steps: number;
  /** What follows the prompt by now: answers, results, and messages that joined on the way. */
  readonly added: ModelMessage[];
  /** Model steps of this attempt that are not surely in the journal; the first `ridden` of them were sent there. */
  readonly unkept: TurnStep[];
  ridden: number;
}

/**
 * `before`: what earlier attempts were billed for, which counts however this one ends, as what this one asked before its
 * loop does. Every call is added to those of the run.
 */
export function createLoopState(
  run: TurnRun,
  before: Spent,
  asks: Pick<Spending, "choices" | "model">,
): LoopState {
  const spent = spentSoFar(run, before);
  run.calls.unshift(...before.calls);
  return {
    parts: [],
    calls: run.calls,
    toolWrites: [],
    usage: spent.usage,
    costMicroUsd: spent.costMicroUsd,
    extraReservedMicroUsd: run.before.reservedMicroUsd,
    choices: asks.choices,
    model: asks.model,
    steps: 0,
    added: [],
    unkept: [],
    ridden: 0,
  };
}

/** Builds the prompt; asked again when the model said that it was too long. `shrink` halves what history may take. */
export type BuildPrompt = (shrink: number) => readonly ModelMessage[];

export interface LoopInput {
  readonly turn: EquippedTurn;
  readonly prompt: BuildPrompt;
  /** Tokens of the prompt, for reserving further calls. */
  readonly promptTokens: number;
  readonly maxSteps: number;
}

/**
 * Model and tools in turn until the model has nothing more to call and every message that joined was seen. Goes on from
 * where `state` is, so that a message which joins at the very end is answered by going on. Rejects with the error that
 * ends the turn; `state` then holds what there was.
 */
export async function runLoop(
  deps: AgentDeps,
  input: LoopInput,
  state: LoopState,
  signal: AbortSignal,
): Promise<void> {
  const replay = createReplay(input.turn.journal, "loop");
  const { run } = input.turn;
  const { added } = state;
  for (;;) {
    for (const message of run.arrived.splice(0)) {
      added.push(fromUser(message));
      run.tape?.join(state.steps, message);
    }
    const isLast = state.steps >= input.maxSteps - 1;
    const answer = await answerOf(deps, input, state, replay, isLast, signal);
    const calls = answer.calls.map(
      ({ callId, name, arguments: text }): ToolCallPart => ({
        type: "tool-call",
        callId,
        name,
        arguments: text,
      }),
    );
    if (calls.length > CALLS_PER_STEP) {
      throw new TroupeError(
        `The model called ${calls.length} tools at once; ${CALLS_PER_STEP} are the most.`,
        {
          code: "model.bad_response",
        },
      );
    }
    say(state, answer.text);
    state.parts.push(...calls);
    const { reasoning } = answer;
    added.push({
      role: "assistant",
      text: answer.text,
      calls: answer.calls,
      ...(reasoning === undefined ? {} : { reasoning }),
    });
    const step = state.steps;
    state.steps += 1;
    if (calls.length === 0) {
      // An answer that an earlier attempt had gone on from was not the last one: a message had joined.
      if ((run.arrived.length === 0 && !replay.goesOn(step)) || isLast) return;
      continue;
    }
    if (isLast) {
      throw new TroupeError(`The agent used its ${input.maxSteps} model calls without coming to an answer.`, {
        code: "turn.failed",
      });
    }
    const { own, clients } = partCalls(input.turn, calls);
    // Stopped in the midst of them: the next turn must know what was done already.
    const onCut = (known: readonly ToolResultPart[]): void => void state.parts.push(...known);
    const { results, writes } = await runCalls(deps, input.turn, own, replay, step, signal, onCut);
    state.parts.push(...results);
    state.toolWrites.push(...writes);
    for (const { callId, name, text, isError } of results)
      added.push({ role: "tool", callId, name, text, isError: isError === true });
    // The client runs these and answers with its next message. A model that is asked again before, because a message
    // joined in the last moment, is told so: a provider takes no call without a result.
    for (const { callId, name } of clients)
      added.push({ role: "tool", callId, name, text: HANDED_NOTE, isError: false });
    if (clients.length > 0) return;
  }
}

/** The next step's answer: from the journal of an earlier attempt, or from a model. */
async function answerOf(
  deps: AgentDeps,
  input: LoopInput,
  state: LoopState,
  replay: Replay,
  isLast: boolean,
  signal: AbortSignal,
): Promise<Pick<ModelAnswer, "text" | "calls" | "reasoning">> {
  const kept = replay.model(state.steps);
  if (kept !== undefined) {
    if (kept.text !== "")
      input.turn.run.emitter.emit({ type: "text-delta", text: leadOf(state) + kept.text });
    input.turn.run.trace.push({
      at: deps.clock.now(),
      what: "model",
      detail: `${kept.model} step ${state.steps + 1} replayed`,
    });
    return kept;
  }
  const answer = await askUntilWhole(deps, input, state, isLast, signal);
  const { model, text, calls, record, reasoning } = answer;
  const { usage, costMicroUsd } = sumCalls(record === undefined ? [] : [record]);
  const recordId = record === undefined ? {} : { recordId: record.id };
  const thought = reasoning === undefined ? {} : { reasoning };
  const output = { model, ...recordId, text, calls, usage, costMicroUsd, ...thought };
  state.unkept.push({ kind: "model", n: state.steps, at: deps.clock.now(), output });
  if (calls.length > 0) await keepSteps(deps, input.turn, calls, state, signal);
  return answer;
}

/**
 * Journals the model's steps. Those that lead to an external call are all kept before it begins: a takeover that missed
 * one of them would find the call at another place and make it again.
 */
async function keepSteps(
  deps: AgentDeps,
  turn: EquippedTurn,
  calls: readonly { readonly name: string }[],
  state: LoopState,
  signal: AbortSignal,
): Promise<void> {
  const { unkept } = state;
  const toWrite = (step: TurnStep): Write => deps.turns.journal(turn.run.claimed.turn, step);
  if (!needsJournalFirst(turn, calls)) {
    deps.unit.ride(unkept.slice(state.ridden).map(toWrite));
    state.ridden = unkept.length;
    return;
  }
  await deps.unit.commit(unkept.map(toWrite), { signal });
  unkept.length = 0;
  state.ridden = 0;
}

/** Asks, and asks again where that can help: a shorter history, or a model that broke off. */
async function askUntilWhole(
  deps: AgentDeps,
  input: LoopInput,
  state: LoopState,
  isLast: boolean,
  signal: AbortSignal,
): Promise<ModelAnswer> {
  const { turn } = input;
  let shrink = 0;
  const brokenOff: BrokenCall[] = [];
  for (;;) {
    const tokens = input.promptTokens + tokensOf(state.added, estimateTokens);
    const maxOutputTokens = await reserveCall(deps, turn, state, tokens, signal);
    const prompt = input.prompt(shrink);
    // The last step must be an answer, so it gets no tools to call.
    const question = {
      choices: state.choices,
      messages: state.added.length === 0 ? prompt : [...prompt, ...state.added],
      tools: isLast ? [] : turn.tools.specs,
      lead: leadOf(state),
      step: state.steps,
      brokenOff,
      maxOutputTokens,
      conversation: turn.session,
    };
    const answer = await askModel(deps, turn, question, signal);
    account(state, sumCalls(answer.records));
    state.calls.push(...answer.records);
    if (signal.aborted) {
      say(state, answer.text);
      throw signal.reason;
    }
    if (answer.reason !== "error") {
      if (answer.text === "" && answer.calls.length === 0) throw wordless(answer);
      return answer;
    }
    const error =
      answer.error ??
      new TroupeError(`The model ${answer.model} broke off.`, {
        code: "model.bad_response",
        retryable: true,
      });
    // A call that failed before it said anything has been tried on every model of the list already.
    const hasBegun = answer.record !== undefined;
    const mayHelp = error.retryable || state.choices.length > 1;
    if (error.code === "model.context_exceeded" && shrink < 4) shrink += 1;
    else if (hasBegun && mayHelp && brokenOff.length < MIDWAY_RESTARTS) {
      brokenOff.push({ model: answer.model, error });
    } else throw error;
    if (hasBegun) restart(turn, state);
  }
}

/** Why a model that did not fail wrote nothing. */
function wordless({ model, reason }: ModelAnswer): TroupeError {
  switch (reason) {
    case "length":
      return new TroupeError(
        `The model ${model} used all it may write before its first word. Allow it a longer answer.`,
        { code: "turn.failed" },
      );
    case "content-filter":
      return new TroupeError(`The model ${model} was stopped by its provider's filter.`, {
        code: "model.rejected",
      });
    default:
      return new TroupeError(`The model ${model} answered nothing.`, { code: "model.bad_response" });
  }
}

/** Watchers start anew, so what earlier steps said is told again. */
function restart(turn: EquippedTurn, state: LoopState): void {
  const { emitter } = turn.run;
  emitter.restart();
  const said = replyOf(state.parts);
  if (said !== "") emitter.emit({ type: "text-delta", text: said });
}

/** What the steps of a turn said, as one text. */
export function replyOf(parts: readonly MessagePart[]): string {
  const texts = parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
  return texts.join(PARAGRAPH);
}

const PARAGRAPH = "\n\n";

/** Two texts with nothing between them are one part, parted as whoever watches saw it. */
function say(state: LoopState, text: string): void {
  if (text === "") return;
  const { parts } = state;
  const last = parts.at(-1);
  if (last?.type === "text") parts[parts.length - 1] = { type: "text", text: last.text + PARAGRAPH + text };
  else parts.push({ type: "text", text });
}

function leadOf(state: LoopState): string {
  return state.parts.some((part) => part.type === "text") ? PARAGRAPH : "";
}

function account(state: LoopState, spent: { readonly usage: Usage; readonly costMicroUsd: number }): void {
  state.usage = addUsage(state.usage, spent.usage);
  state.costMicroUsd += spent.costMicroUsd;
}
