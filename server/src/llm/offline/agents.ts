import type { AgentPhrases } from "./agent-phrases.ts";
import { after, type Clause, type Intent } from "./clause.ts";
import { phraseAt, type Word } from "./words.ts";

const MOST_NAMES = 8;

/** What a clause asks of other agents; undefined when it is about none. */
export function readAgents(clause: Clause, phrases: AgentPhrases): Intent | undefined {
  const { words } = clause;
  if (phraseAt(words, 0, phrases.list) > 0) return call("list_agents", {});
  if (phraseAt(words, 0, phrases.back) > 0) return call("hand_back", {});
  return readHandOff(clause, phrases) ?? readAsk(clause, phrases) ?? readTell(clause, phrases);
}

function readHandOff(clause: Clause, phrases: AgentPhrases): Intent | undefined {
  const length = phraseAt(clause.words, 0, phrases.handOff);
  const name = clause.words[length];
  if (length === 0 || name === undefined || phrases.notNames.includes(name.text)) return undefined;
  return call("hand_off", { agent: written(clause, name), note: phrases.handOffNote, show: "messages" });
}

function readAsk(clause: Clause, phrases: AgentPhrases): Intent | undefined {
  const length = phraseAt(clause.words, 0, phrases.ask);
  if (length === 0) return undefined;
  const { names, next } = namesFrom(clause, length, phrases);
  const question = questionFrom(clause, next, phrases);
  const [agent] = names;
  if (agent === undefined || question === "") return undefined;
  // One word behind a comma is a further name of a list that goes on.
  if (names.length === 1 && /^\s*,\s*\S+$/.test(clause.text.slice(clause.words[next - 1]?.end)))
    return undefined;
  if (names.length === 1) return call("ask_agent", { agent, question, wait: true });
  return call("ask_agents", { questions: names.map((one) => ({ agent: one, question })), wait: true });
}

/** `tell kate that …`, `tell kate: …`, and `tell Kate …` where the name is written as one. */
function readTell(clause: Clause, phrases: AgentPhrases): Intent | undefined {
  const { words } = clause;
  const length = phraseAt(words, 0, phrases.tell);
  const name = words[length];
  if (length === 0 || name === undefined || phrases.notNames.includes(name.text)) return undefined;
  const joint = phraseAt(words, length + 1, phrases.to);
  const agent = written(clause, name);
  const isMarked = joint > 0 || /^\s*[:,–—]/.test(clause.text.slice(name.end)) || /^\p{Lu}/u.test(agent);
  const text = after(clause, length + 1 + joint);
  return isMarked && text !== "" ? call("send_to_agent", { agent, text }) : undefined;
}

/** One name, or several between commas and conjunctions, and where the rest begins. */
function namesFrom(
  clause: Clause,
  from: number,
  phrases: AgentPhrases,
): { readonly names: readonly string[]; readonly next: number } {
  const { words, text } = clause;
  const isName = (at: number): boolean =>
    words[at] !== undefined && !phrases.notNames.includes(words[at].text);
  const isAnd = (at: number): boolean => words[at] !== undefined && phrases.and.includes(words[at].text);
  const isComma = (at: number): boolean =>
    words[at] !== undefined && words[at + 1] !== undefined
      ? /^\s*,\s*$/.test(text.slice(words[at].end, words[at + 1]?.start))
      : false;
  const names: string[] = [];
  let at = from;
  while (isName(at) && names.length < MOST_NAMES) {
    names.push(written(clause, words[at] as Word));
    if (isAnd(at + 1) && isName(at + 2)) at += 2;
    // A comma may end the names too; it joins them where a further one follows.
    else if (isComma(at) && isName(at + 1) && (isComma(at + 1) || isAnd(at + 2))) at += 1;
    else return { names, next: at + 1 };
  }
  return { names, next: at };
}

function questionFrom(clause: Clause, next: number, phrases: AgentPhrases): string {
  const { words, isQuestion } = clause;
  const about = phraseAt(words, next, phrases.about);
  if (about > 0) {
    const text = after(clause, next + about);
    return text === "" ? "" : phrases.aboutQuestion.replace("{text}", text);
  }
  const whether = phraseAt(words, next, phrases.whether);
  const text = after(clause, next + (whether > 0 ? whether : phraseAt(words, next, phrases.askTo)));
  return text !== "" && (isQuestion || whether > 0) ? `${text}?` : text;
}

function written({ text }: Clause, word: Word): string {
  return text.slice(word.start, word.end);
}

function call(
  tool: Extract<Intent, { kind: "tool" }>["tool"],
  input: Readonly<Record<string, unknown>>,
): Intent {
  return { kind: "tool", tool, input };
}
