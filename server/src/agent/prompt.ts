import type { Agent, AgentCause, Message, ModelMessage, Trigger, TurnPayload } from "@troupe/contracts";
import { estimateTokens } from "../kit/index.ts";
import { cutHistory, isCut, type SessionView, tokensOf } from "./session-views.ts";
import { answersOf, fromUser, userMessage } from "./to-model.ts";
import type { EquippedTurn, GatheredContribution } from "./values.ts";

/** Of the window, what an answer may take when nobody says otherwise. */
const ANSWER_SHARE = 0.25;
const ANSWER_TOKENS_MAX = 4_096;
/** After a cut the history fills so much of its budget: the next cut, and the next change of the prefix, is far away. */
const REFILL_SHARE = 0.5;
const TOKENS_PER_TOOL = 120;

/** Budgeted blocks of a prompt, most stable first, so that a provider's cache finds the same prefix again. */
export interface Prompt {
  readonly messages: ModelMessage[];
  /** Oldest turn that is shown as it was said. */
  readonly shownFromTurnSeq: number;
  readonly wasCut: boolean;
  readonly tokens: number;
  /**
   * What stands just before the newest message: what modules added, and what started the turn. It stays in the history,
   * so that the next prompt begins with the same bytes.
   */
  readonly added: ModelMessage | undefined;
}

/** Lets as much of the history go as does not fit, and tells whether any is missing. Changes the view: a cut stays cut. */
function fitHistory(view: SessionView, budgetTokens: number): boolean {
  if (view.shownTokens > budgetTokens) cutHistory(view, budgetTokens * REFILL_SHARE);
  return isCut(view);
}

/** Tokens that the history may take beside everything else. */
function historyBudget(
  contextWindow: number,
  fixedTokens: number,
  maxOutputTokens: number | undefined,
): number {
  const answer = Math.min(maxOutputTokens ?? ANSWER_TOKENS_MAX, Math.floor(contextWindow * ANSWER_SHARE));
  return Math.max(0, contextWindow - answer - fixedTokens);
}

export interface PromptInput {
  readonly turn: EquippedTurn;
  /** Messages of the turn that were there when the model was first asked. */
  readonly newest: readonly Message[];
  readonly contextWindow: number;
  readonly contributions: readonly GatheredContribution[];
  /** Of the storyline, when the history was cut; empty otherwise. */
  readonly summary: string;
}

/** Assembles prompts; remembers each agent's own block by identity, so that its bytes never change. */
export function createPrompts(): { assemble(input: PromptInput): Prompt } {
  const heads = new WeakMap<Agent, ModelMessage>();
  return { assemble: (input) => assemble(heads, input) };
}

function assemble(heads: WeakMap<Agent, ModelMessage>, input: PromptInput): Prompt {
  const { turn, contributions } = input;
  const { turn: record, session: talk } = turn.run.claimed;
  const { payload } = record;
  const head = headOf(heads, turn.agent, payload);
  const shown = turn.session.shownLines;
  const started = triggerLine(record.trigger, talk.channel, payload.cause?.from);
  // A channel is that of the whole conversation; everything else is about this turn alone.
  const isTold = record.trigger === "channel" && shown.has(started);
  const block = addedBlock(contributions, shown, isTold ? "" : started);
  // A call that brings its history brings the calls too, right before the results that it begins with.
  const isAnswer = payload.given?.at(-1)?.role === "assistant";
  const newest = input.newest.flatMap(({ parts }) => (isAnswer ? answersOf(parts) : [fromUser(parts)]));
  const fixed = [...head, ...(block === undefined ? [] : [block]), ...newest];
  const fixedTokens =
    tokensOf(fixed, estimateTokens) +
    turn.tools.specs.length * TOKENS_PER_TOOL +
    estimateTokens(input.summary);
  const budget = historyBudget(input.contextWindow, fixedTokens, payload.maxOutputTokens);
  if (payload.given !== undefined) return stateless(payload, head, block, newest, fixedTokens, budget);

  const { session } = turn;
  const wasCut = fitHistory(session, budget);
  if (wasCut && input.summary !== "")
    head.push({ role: "system", text: `Earlier in this conversation:\n${input.summary}` });
  const messages = head.concat(session.shownMessages);
  if (block !== undefined) messages.push(block);
  messages.push(...newest);
  return {
    messages,
    shownFromTurnSeq: shownFrom(session),
    wasCut,
    tokens: fixedTokens + session.shownTokens,
    added: block,
  };
}

/** Oldest turn of the session that prompts show; the newest possible number when none is. */
export function shownFrom(session: SessionView): number {
  return session.history[session.shownFrom]?.turnSeq ?? Number.MAX_SAFE_INTEGER;
}

function headOf(heads: WeakMap<Agent, ModelMessage>, agent: Agent, payload: TurnPayload): ModelMessage[] {
  let system = heads.get(agent);
  if (system === undefined) {
    system = {
      role: "system",
      text: `${agent.spec.instructions.trim()}\n\nYour name is ${agent.spec.name}.`,
    };
    heads.set(agent, system);
  }
  return payload.instructions === undefined
    ? [system]
    : [system, { role: "system", text: payload.instructions }];
}

/** What started a turn, where it was not a person in a chat. One line each, always the same. Source: design §3. */
function triggerLine(trigger: Trigger, channel: string, from: AgentCause | undefined): string {
  switch (trigger) {
    case "chat":
      return "";
    case "job":
      return "A schedule started this turn; nobody wrote just now. What follows is the task.";
    case "agent":
      return from === undefined
        ? "What follows was written by another agent, not by a person."
        : agentLine(from);
    case "flow":
      return "A flow started this turn as one of its steps; nobody wrote just now. What follows is the task.";
    case "invocation":
      return "A program asks and reads the answer. Answer with the result alone.";
    case "channel":
      return `This conversation is held on the channel "${channel}".`;
  }
}

/** Who asks, and that what comes of it reaches the person for whom all this is done. Source: feature NN-086. */
function agentLine({ agentId, name, kind, channel }: AgentCause): string {
  const who = `the agent ${name} (${agentId})`;
  switch (kind) {
    case "ask":
      return `What follows was asked by ${who}, not by a person. Your answer is given to ${name}, who relays the outcome to its owner: answer with the result itself, and say plainly what you could not do.`;
    case "message":
      return `What follows was written by ${channel === undefined ? who : `agents in the channel "${channel}", last by ${who}`}, not by a person. Nobody waits for an answer; what you say here is the outcome as your owner reads it. To write back use send_to_agent${channel === undefined ? "" : " or post_to_channel"}.`;
    case "answer":
      return `What follows is what you asked for: answers of other agents (${name}), not words of a person. Relay the outcome to the person now, whatever it is; do not ask the same again.`;
    case "handoff":
      return `What follows was handed to you by ${who} together with the conversation. You answer the person from here on.`;
  }
}

function addedBlock(
  contributions: readonly GatheredContribution[],
  shown: ReadonlySet<string>,
  trigger: string,
): ModelMessage | undefined {
  const text = [...contributions.map((one) => freshLines(one.text, shown)), trigger]
    .filter((one) => one !== "")
    .join("\n\n");
  return text === "" ? undefined : { role: "system", text };
}

/** What the prompt does not show yet, under its heading; nothing when there is no such line. */
function freshLines(text: string, shown: ReadonlySet<string>): string {
  if (shown.size === 0) return text;
  const [heading = "", ...rest] = text.split("\n");
  if (rest.length === 0) return shown.has(heading) ? "" : heading;
  const fresh = rest.filter((line) => !shown.has(line));
  return fresh.length === 0 ? "" : [heading, ...fresh].join("\n");
}

/** A call that brought its own history: the oldest of it goes when it does not fit. */
function stateless(
  payload: TurnPayload,
  head: ModelMessage[],
  block: ModelMessage | undefined,
  newest: readonly ModelMessage[],
  fixedTokens: number,
  budget: number,
): Prompt {
  const given = (payload.given ?? []).map(toGiven);
  let tokens = tokensOf(given, estimateTokens);
  let from = 0;
  // Results that were just brought need the calls that they answer.
  const last = newest[0]?.role === "tool" ? given.length - 1 : given.length;
  while (from < last && tokens > budget) {
    tokens -= tokensOf(given.slice(from, from + 1), estimateTokens);
    from += 1;
  }
  // A result without its call is refused by providers.
  while (given[from]?.role === "tool") from += 1;
  const messages = [...head, ...given.slice(from)];
  // Between calls and their results nothing may stand.
  if (block !== undefined && newest[0]?.role !== "tool") messages.push(block);
  messages.push(...newest);
  return {
    messages,
    shownFromTurnSeq: Number.MAX_SAFE_INTEGER,
    wasCut: from > 0,
    tokens: fixedTokens + tokens,
    added: block,
  };
}

function toGiven(message: NonNullable<TurnPayload["given"]>[number]): ModelMessage {
  switch (message.role) {
    case "assistant":
      return { role: "assistant", text: message.text, calls: message.toolCalls ?? [] };
    case "tool":
      return { role: "tool", callId: message.callId ?? "", name: "", text: message.text, isError: false };
    case "user":
      return userMessage(message.text, message.files ?? []);
    default:
      return { role: message.role, text: message.text };
  }
}
