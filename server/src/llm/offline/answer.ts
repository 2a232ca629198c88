import type { ModelMessage, ModelRequest, ModelToolCall } from "@troupe/contracts";
import { derivedId, detectLanguage, NO_REPLY, withoutAuthor } from "../../kit/index.ts";
import type { Intent } from "./clause.ts";
import { findAnswer } from "./found.ts";
import { type GuideTool, type PhraseTable, phrasesOf } from "./phrases.ts";
import { planOf } from "./plan.ts";

/** Either calls, or words. */
export interface Reply {
  readonly text: string;
  readonly calls: readonly ModelToolCall[];
}

/** User messages that stand together, and the results that came after them. A turn that was steered has several. */
interface Exchange {
  readonly text: string;
  /** Where its first message stands. */
  readonly at: number;
  readonly results: readonly ToolMessage[];
  readonly hasFiles: boolean;
}

interface Situation {
  readonly request: ModelRequest;
  readonly table: PhraseTable;
  readonly tools: ReadonlySet<string>;
}

type ToolMessage = Extract<ModelMessage, { role: "tool" }>;

/** What the guide answers: first the calls that the newest message asks for, and words once their results are there. */
export function replyTo(request: ModelRequest): Reply {
  const exchanges = exchangesOf(request.messages);
  const newest = exchanges.at(-1);
  const text = newest?.text ?? "";
  const hinted = request.hints?.language === "uk" ? "uk" : "en";
  const table = phrasesOf(/\p{L}/u.test(text) ? detectLanguage(text) : hinted);
  const situation: Situation = { request, table, tools: new Set(request.tools.map((tool) => tool.name)) };
  const plan = (exchange: Exchange): readonly Intent[] =>
    planOf(exchange.text, table, request.hints?.agentName);

  // Words of other agents: told on, and not done.
  if (table.agents.answers.test(text)) return { text, calls: [] };
  if (newest === undefined || newest.results.length === 0) {
    const intents = newest === undefined ? [] : plan(newest);
    // Asked to speak only if there is something to say, and of nothing that it could do.
    if (maySayNothing(request) && !intents.some(({ kind }) => kind === "tool"))
      return { text: NO_REPLY, calls: [] };
    const wanted = intents.flatMap((intent) => callOf(intent, situation) ?? []);
    if (wanted.length > 0) return { text: "", calls: callsOf(wanted, text, request.messages.length) };
  }
  const sentences = exchanges.flatMap((exchange) => sentencesOf(exchange, plan(exchange), situation));
  return { text: joinSentences(sentences), calls: [] };
}

function maySayNothing({ messages }: ModelRequest): boolean {
  return messages.some(({ role, text }) => role === "system" && text.includes(NO_REPLY));
}

/** Ids that a conversation does not hold yet: its length is part of them. */
function callsOf(wanted: readonly Wanted[], text: string, length: number): readonly ModelToolCall[] {
  return wanted.map(({ name, input }, at) => ({
    callId: `call_${derivedId(text, String(length), name, String(at)).slice(0, 20)}`,
    name,
    arguments: JSON.stringify(input),
  }));
}

/** Results come in the order of their calls, and calls in the order of the intents. */
function sentencesOf(
  exchange: Exchange,
  intents: readonly Intent[],
  situation: Situation,
): readonly string[] {
  let used = 0;
  const said = exchange.hasFiles ? [situation.table.sayings.files] : [];
  // Files without a word about them: there is nothing else to answer.
  if (exchange.hasFiles && exchange.text.trim() === "") return said;
  const sentences = intents.map((intent) => {
    const result = callOf(intent, situation) === undefined ? undefined : exchange.results[used++];
    return phrase(intent, result, exchange, situation);
  });
  // Results that the plan does not know, as after a change of tools: told as they are.
  return [...said, ...sentences, ...exchange.results.slice(used).map((result) => result.text)];
}

/** What the present turn is about: all that came after the last complete answer. */
function exchangesOf(messages: readonly ModelMessage[]): readonly Exchange[] {
  const answeredAt = messages.findLastIndex(
    (message) => message.role === "assistant" && message.calls.length === 0,
  );
  const exchanges: { text: string; at: number; results: ToolMessage[]; hasFiles: boolean }[] = [];
  for (let at = answeredAt + 1; at < messages.length; at++) {
    const message = messages[at];
    const last = exchanges.at(-1);
    if (message?.role === "tool") last?.results.push(message);
    if (message?.role !== "user") continue;
    const hasFiles = message.files !== undefined;
    if (last !== undefined && last.results.length === 0) {
      last.text += `\n${withoutAuthor(message.text)}`;
      last.hasFiles ||= hasFiles;
    } else exchanges.push({ text: withoutAuthor(message.text), at, results: [], hasFiles });
  }
  return exchanges;
}

/** What a tool said may be a list or lack its full stop; then the next begins on a line of its own. */
function joinSentences(sentences: readonly string[]): string {
  let text = "";
  for (const sentence of sentences) {
    if (sentence === "") continue;
    const isOpen = text.includes("\n") || !/[.!?…”»]$/.test(text);
    text += (text === "" ? "" : isOpen ? "\n" : " ") + sentence;
  }
  return text;
}

const AGENT_TOOLS: ReadonlySet<GuideTool> = new Set<GuideTool>([
  ...(["ask_agent", "ask_agents", "send_to_agent", "list_agents", "hand_off", "hand_back"] as const),
]);

interface Wanted {
  readonly name: GuideTool;
  readonly input: Readonly<Record<string, unknown>>;
}

function callOf(intent: Intent, situation: Situation): Wanted | undefined {
  if (intent.kind === "say") return undefined;
  const name: GuideTool = intent.kind === "question" ? "recall" : intent.tool;
  if (!situation.tools.has(name)) return undefined;
  return { name, input: intent.kind === "question" ? { query: intent.words.join(" ") } : intent.input };
}

function phrase(
  intent: Intent,
  result: ToolMessage | undefined,
  exchange: Exchange,
  situation: Situation,
): string {
  const { sayings } = situation.table;
  switch (intent.kind) {
    case "say":
      return fill(sayings[intent.saying], { ...intent.values, ...introduction(situation) });
    case "question":
      return phraseAnswer(intent.words, result, exchange.at, situation);
    case "tool":
      if (result === undefined && AGENT_TOOLS.has(intent.tool)) return sayings.agentsMissing;
      if (result === undefined) return fill(sayings.toolMissing, { tool: intent.tool });
      if (result.isError) return fill(sayings.toolFailed, { text: result.text });
      return result.text;
  }
}

/** From what recall found, what memory put before the question, and what the conversation holds, in this order. */
function phraseAnswer(
  words: readonly string[],
  result: ToolMessage | undefined,
  userAt: number,
  { request, table }: Situation,
): string {
  const earlier = request.messages.slice(0, userAt);
  const added = earlier.at(-1)?.role === "system" && userAt > 1 ? (earlier.at(-1)?.text ?? "") : "";
  // What memory brings stands under a heading; a line alone says what started the turn, and nobody said it.
  const block = added.split("\n\n").filter((part) => part.includes("\n"));
  const said = earlier.filter((message) => message.role === "user").map((message) => message.text);
  const recalled = result === undefined || result.isError ? [] : [result.text];
  const found = findAnswer(words, [...recalled, ...block, ...said.toReversed()], table);
  if (found === undefined) return table.sayings.foundNothing;
  if (found.document !== undefined)
    return fill(table.sayings.foundIn, { text: found.text, document: found.document });
  return fill(found.isWhole ? table.sayings.found : table.sayings.foundClose, { text: found.text });
}

function introduction({ request, table, tools }: Situation): Readonly<Record<string, string>> {
  const name = request.hints?.agentName;
  const [open, close] = table.quotes;
  const offered = Object.entries(table.proposals).filter(([tool]) => tools.has(tool));
  const list = offered.map(([, proposal]) => `${open}${proposal}${close}`).join(", ");
  return {
    self: name === undefined || name === "" ? table.self.nameless : fill(table.self.named, { name }),
    list: list === "" ? table.noTools : list,
    proposals: list === "" ? "" : fill(table.tryThese, { list }),
  };
}

function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text
    .replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
    .replace(/ {2,}/g, " ")
    .trim();
}
