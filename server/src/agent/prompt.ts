import type {
  Agent,
  AgentCause,
  Message,
  ModelMessage,
  PromptBlock,
  ToolSpec,
  Trigger,
  TurnPayload,
} from "@troupe/contracts";
import { estimateTokens, isKnownToAll } from "../kit/index.ts";
import { type Awareness, awareBlocks } from "./aware-text.ts";
import { type GatheredStanding, type StandingMemo, type StandingPart, standingParts } from "./standing.ts";
import { answersOf, fromUser, userMessage } from "./to-model.ts";
import { KEPT_TURNS, letGo, type Track, tokensOf } from "./tracks.ts";
import type { EquippedTurn, GatheredContribution } from "./values.ts";

/** Of the window, what an answer may take when nobody says otherwise. */
const ANSWER_SHARE = 0.25;
const ANSWER_TOKENS_MAX = 4_096;
/** After a cut the history fills so much of its budget: the next cut, and the next change of the prefix, is far away. */
export const REFILL_SHARE = 0.5;
/** Beyond its own budget a history may grow by this much while a summary is made of its beginning. */
const WAITING_SHARE = 1.25;
/** Set aside whether there is a summary or not, so that the first one lets no more of the history go. */
const SUMMARY_TOKENS = 600;
const SUMMARY_HEAD = "Earlier in this conversation:";
const ROLE_TOKENS = 4;

/** Budgeted blocks of a prompt, most stable first, so that a provider's cache finds the same prefix again. */
export interface Prompt {
  readonly messages: ModelMessage[];
  readonly tokens: number;
  /**
   * What stands just before the newest message: what modules added, and what started the turn. It stays in the history,
   * so that the next prompt begins with the same bytes.
   */
  readonly added: ModelMessage | undefined;
  /** Most tokens that its history may have. */
  readonly historyBudget: number;
  /** What it is made of, in its order, for `turn show --prompt`. */
  blocks(): readonly PromptBlock[];
}

/** Tokens that the history may take. */
interface HistoryBudget {
  /** Beside everything else in the model's window. */
  readonly window: number;
  /** The less of that and of what the settings say. */
  readonly own: number;
}

function historyBudget(
  { contextWindow, historyTokens }: PromptInput,
  fixedTokens: number,
  maxOutputTokens: number | undefined,
): HistoryBudget {
  const answer = Math.min(maxOutputTokens ?? ANSWER_TOKENS_MAX, Math.floor(contextWindow * ANSWER_SHARE));
  const window = Math.max(0, contextWindow - answer - fixedTokens);
  return { window, own: Math.min(window, historyTokens * WAITING_SHARE) };
}

export interface PromptInput {
  readonly turn: EquippedTurn;
  /** Messages of the turn that were there when the model was first asked. */
  readonly newest: readonly Message[];
  readonly contextWindow: number;
  /** Most tokens of the history, however wide the window is. */
  readonly historyTokens: number;
  readonly standing: readonly GatheredStanding[];
  readonly contributions: readonly GatheredContribution[];
}

/** A block that is the same in every prompt, counted once. */
interface Counted {
  readonly message: ModelMessage;
  readonly tokens: number;
}

interface Memos {
  readonly heads: WeakMap<Agent, Counted>;
  readonly tools: WeakMap<ToolSpec, number>;
  readonly standing: StandingMemo;
}

/** Assembles prompts; remembers each agent's own block by identity, so that its bytes never change. */
export function createPrompts(): { assemble(input: PromptInput): Prompt } {
  const memos: Memos = { heads: new WeakMap(), tools: new WeakMap(), standing: new WeakMap() };
  return { assemble: (input) => assemble(memos, input) };
}

function assemble(memos: Memos, input: PromptInput): Prompt {
  const { turn } = input;
  const { payload } = turn.run.claimed.turn;
  const track = turn.track;
  const head = headOf(memos, turn.agent);
  const tools = toolTokens(memos, turn.tools.specs);
  const own = standingParts(memos.standing, input.standing, input.contextWindow);
  const { messages: before, blocks: stable } = seldom(own, turn.session.awareness, payload);
  const { block, blocks: fresh } = addedBlock(input, track.shownLines, turn.session.awareness?.lines);
  // A call that brings its history brings the calls too, right before the results that it begins with.
  const isAnswer = payload.given?.at(-1)?.role === "assistant";
  const newest = input.newest.flatMap((message) =>
    isAnswer ? answersOf(message.parts) : [fromUser(message)],
  );
  const newestTokens = tokensOf(newest, estimateTokens);
  const fixedTokens =
    head.tokens + tools + newestTokens + SUMMARY_TOKENS + tokensOfBlocks(stable) + tokensOfBlocks(fresh);
  const budget = historyBudget(input, fixedTokens, payload.maxOutputTokens);
  const history =
    payload.given === undefined
      ? kept(turn, track, budget)
      : given(payload.given, newest[0]?.role === "tool", budget.window);
  const messages = [head.message, ...before, ...history.before].concat(history.messages);
  // Between calls and their results nothing may stand.
  if (block !== undefined && newest[0]?.role !== "tool") messages.push(block);
  messages.push(...newest);
  return {
    messages,
    tokens: fixedTokens + history.tokens,
    added: block,
    historyBudget: budget.own,
    blocks: () => [
      { block: "instructions", tokens: head.tokens, why: "what the agent is" },
      ...(tools === 0
        ? []
        : [{ block: "tools", tokens: tools, why: plural(turn.tools.specs.length, "tool") }]),
      ...stable,
      ...history.blocks,
      ...fresh,
      {
        block: "newest",
        tokens: newestTokens,
        why: `${plural(input.newest.length, "message")} of this turn`,
      },
    ],
  };
}

function tokensOfBlocks(blocks: readonly PromptBlock[]): number {
  let sum = 0;
  for (const { tokens } of blocks) sum += tokens;
  return sum;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function headOf({ heads }: Memos, agent: Agent): Counted {
  let head = heads.get(agent);
  if (head === undefined) {
    const text = `${agent.spec.instructions.trim()}\n\nYour name is ${agent.spec.name}.`;
    head = { message: { role: "system", text }, tokens: ROLE_TOKENS + estimateTokens(text) };
    heads.set(agent, head);
  }
  return head;
}

function toolTokens({ tools }: Memos, specs: readonly ToolSpec[]): number {
  let sum = 0;
  for (const spec of specs) {
    let tokens = tools.get(spec);
    if (tokens === undefined) {
      tokens = 8 + estimateTokens(spec.name + spec.description + JSON.stringify(spec.inputSchema));
      tools.set(spec, tokens);
    }
    sum += tokens;
  }
  return sum;
}

interface Part {
  readonly messages: readonly ModelMessage[];
  readonly blocks: readonly PromptBlock[];
}

/** What stands between the agent's own block and the conversation, and changes seldom. */
function seldom(
  own: readonly StandingPart[],
  awareness: Awareness | undefined,
  { instructions }: TurnPayload,
): Part {
  const messages: ModelMessage[] = own.map(({ message }) => message);
  const blocks: PromptBlock[] = own.flatMap((part) => part.blocks);
  if (instructions !== undefined) {
    messages.push({ role: "system", text: instructions });
    const tokens = ROLE_TOKENS + estimateTokens(instructions);
    blocks.push({ block: "client", tokens, why: "what the caller adds" });
  }
  if (awareness?.message !== undefined) {
    messages.push(awareness.message);
    blocks.push(...awareBlocks(awareness));
  }
  return { messages, blocks };
}

interface History extends Part {
  /** The summary of what is shown no more. */
  readonly before: readonly ModelMessage[];
  readonly tokens: number;
}

/** The storyline as far as it fits. What is let go stays let go, so that the prefix of later prompts is the same. */
function kept({ run }: EquippedTurn, track: Track, { window, own }: HistoryBudget): History {
  if (track.shownTokens > own) letGo(track, own * REFILL_SHARE, KEPT_TURNS);
  if (track.shownTokens > window) letGo(track, own * REFILL_SHARE, 0);
  const { audience } = run.claimed.session;
  const mayTell = track.summaryAudience === undefined || isKnownToAll(track.summaryAudience, audience);
  const summary = track.hasEarlier && track.summary !== "" && mayTell ? summaryOf(track) : undefined;
  const { turns, shownTokens } = track;
  const [first] = turns;
  const blocks: PromptBlock[] = [];
  if (summary !== undefined) {
    const tokens = ROLE_TOKENS + estimateTokens(summary.text);
    blocks.push({ block: "summary", tokens, why: "what was said before in this storyline" });
  }
  if (first !== undefined) {
    const why = `${plural(turns.length, "turn")} of this storyline, from turn ${first.turnSeq}`;
    blocks.push({ block: "messages", tokens: shownTokens, why });
  }
  const before = summary === undefined ? [] : [summary];
  return { messages: track.shownMessages, tokens: shownTokens, before, blocks };
}

/** The same object while it says the same: an adapter finds by identity what it has written already. */
function summaryOf(track: Track): ModelMessage {
  const text = `${SUMMARY_HEAD}\n${track.summary}`;
  if (track.summaryMessage?.text !== text) track.summaryMessage = { role: "system", text };
  return track.summaryMessage;
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

/** What modules add, and what started the turn, as far as the prompt does not show it yet. */
function addedBlock(
  { turn, contributions }: PromptInput,
  shown: ReadonlySet<string>,
  aware: ReadonlySet<string> | undefined,
): { readonly block: ModelMessage | undefined; readonly blocks: readonly PromptBlock[] } {
  const { turn: record, session } = turn.run.claimed;
  const texts: string[] = [];
  const blocks: PromptBlock[] = [];
  const add = (block: string, text: string, why: string): void => {
    if (text === "") return;
    texts.push(text);
    blocks.push({ block, tokens: estimateTokens(text), why });
  };
  for (const { moduleId, text, detail } of contributions)
    if (text !== "") add(BLOCKS[moduleId] ?? moduleId, freshLines(text, shown, aware), detail ?? "");
  const started = triggerLine(record.trigger, session.channel, record.payload.cause?.from);
  // A channel is that of the whole conversation; everything else is about this turn alone.
  if (record.trigger !== "channel" || !shown.has(started)) add("trigger", started, "what started the turn");
  return { block: texts.length === 0 ? undefined : { role: "system", text: texts.join("\n\n") }, blocks };
}

/** What blocks are called that a module of another name brings. */
const BLOCKS: Readonly<Record<string, string>> = { memory: "recalled", episodes: "recalled" };

/** What the prompt does not show yet, under its heading; nothing when there is no such line. */
function freshLines(text: string, shown: ReadonlySet<string>, aware: ReadonlySet<string> = NO_LINES): string {
  if (shown.size + aware.size === 0) return text;
  const [heading = "", ...rest] = text.split("\n");
  if (rest.length === 0) return shown.has(heading) ? "" : heading;
  const fresh = rest.filter((line) => !shown.has(line) && !aware.has(line));
  return fresh.length === 0 ? "" : [heading, ...fresh].join("\n");
}

const NO_LINES: ReadonlySet<string> = new Set();

/** A call that brought its own history: the oldest of it goes when it does not fit. */
function given(brought: NonNullable<TurnPayload["given"]>, isAnswer: boolean, budget: number): History {
  const all = brought.map(toGiven);
  let tokens = tokensOf(all, estimateTokens);
  let from = 0;
  // Results that were just brought need the calls that they answer.
  const last = isAnswer ? all.length - 1 : all.length;
  while (from < last && tokens > budget) {
    tokens -= tokensOf(all.slice(from, from + 1), estimateTokens);
    from += 1;
  }
  // A result without its call is refused by providers.
  while (all[from]?.role === "tool") from += 1;
  const messages = all.slice(from);
  const why = from === 0 ? "what the caller brought" : `what the caller brought, without its first ${from}`;
  const blocks = messages.length === 0 ? [] : [{ block: "messages", tokens, why }];
  return { messages, blocks, before: [], tokens };
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
