import { readAgents } from "./agents.ts";
import { after, type Clause, clauseOf, type Intent } from "./clause.ts";
import { readJob } from "./job-requests.ts";
import type { PhraseTable, Saying } from "./phrases.ts";
import { findPhrase, phraseAt, wordsOf } from "./words.ts";

type Reader = (clause: Clause, table: PhraseTable) => Intent | undefined;

/**
 * Most specific first; the rest in the order of feature DA-006 (help, thanks, …, question), with greetings taken off
 * before.
 */
const READERS: readonly Reader[] = [
  (clause, { agents }) => readAgents(clause, agents),
  readRemember,
  readRecall,
  readJob,
  readLater,
  readListSessions,
  readDice,
  readTime,
  readCalculation,
  readSaying,
  readQuestion,
];

/** What one clause asks for; undefined when it asks for nothing that is known. */
export function readClause(text: string, table: PhraseTable): Intent | undefined {
  const clause = clauseOf(text, table);
  for (const read of READERS) {
    const intent = read(clause, table);
    if (intent !== undefined) return intent;
  }
  return undefined;
}

function readRemember(clause: Clause, table: PhraseTable): Intent | undefined {
  const length = phraseAt(clause.words, 0, table.remember);
  if (length === 0) return undefined;
  // "Can you remember what my cat is called?" wants to know something.
  if (clause.isQuestion && table.questionWords.includes(clause.words[length]?.text ?? "")) return undefined;
  const text = after(clause, length);
  return text === ""
    ? { kind: "say", saying: "rememberWhat" }
    : { kind: "tool", tool: "remember", input: { text } };
}

/** What a person wants kept, when the text asks for that. */
export function rememberedText(text: string, table: PhraseTable): string | undefined {
  const intent = readRemember(clauseOf(text, table), table);
  return intent?.kind === "tool" ? String(intent.input.text) : undefined;
}

function readRecall(clause: Clause, table: PhraseTable): Intent | undefined {
  const length = phraseAt(clause.words, 0, table.recall);
  return length === 0 ? undefined : question(clause, table);
}

function readLater(clause: Clause, table: PhraseTable): Intent | undefined {
  const isLater = phraseAt(clause.words, 0, table.later, table.notNames) > 0;
  return isLater ? { kind: "say", saying: "later" } : undefined;
}

function readListSessions(clause: Clause, table: PhraseTable): Intent | undefined {
  return findPhrase(clause.words, table.listSessions) === undefined
    ? undefined
    : { kind: "tool", tool: "list_sessions", input: {} };
}

/** `2d6`, `d20`, `3d8+2`; `к` as in Ukrainian rule books. */
const NOTATION = /(?<![\p{L}\p{N}])(\d{0,3})[dDдДкК](\d{1,4})(?:\s?([+-])\s?(\d{1,4}))?(?![\p{L}\p{N}])/u;

function readDice(clause: Clause, table: PhraseTable): Intent | undefined {
  const match = NOTATION.exec(clause.text);
  const rolls = phraseAt(clause.words, 0, table.roll) > 0;
  if (match !== null && (rolls || clause.text.replace(NOTATION, "").trim() === "")) {
    const [, count = "", sides = "", sign = "", more = ""] = match;
    return dice(`${count === "" ? "1" : count}d${sides}${sign}${more}`);
  }
  const length = phraseAt(clause.words, 0, namesIn(table.dice));
  if (length === 0) return undefined;
  const phrase = clause.words.slice(0, length).map((word) => word.text);
  return dice(table.dice[phrase.join(" ")] ?? "1d6");
}

function dice(notation: string): Intent {
  return { kind: "tool", tool: "dice", input: { notation } };
}

const names = new WeakMap<object, readonly string[]>();

/** The same list each time, so that it is taken apart into words once. */
function namesIn(record: Readonly<Record<string, string>>): readonly string[] {
  const known = names.get(record) ?? Object.keys(record);
  names.set(record, known);
  return known;
}

/** An IANA zone as it is written. */
const ZONE = /(?<![\p{L}])(?:[A-Z][A-Za-z]+\/[A-Z][A-Za-z_]+(?:\/[A-Z][A-Za-z_]+)?|UTC|GMT)(?![\p{L}])/u;

function readTime(clause: Clause, table: PhraseTable): Intent | undefined {
  const found = findPhrase(clause.words, table.time);
  if (found === undefined) return undefined;
  const zone = ZONE.exec(clause.text)?.[0];
  if (zone !== undefined) return time(zone === "GMT" ? "UTC" : zone);
  const place = findPhrase(clause.words, namesIn(table.places));
  if (place !== undefined) {
    const words = clause.words.slice(place.at, place.at + place.length).map((word) => word.text);
    return time(table.places[words.join(" ")]);
  }
  const rest = clause.words.slice(found.at + found.length);
  // Any other place is left to the tool, which knows more of them, or says that it does not.
  const named = table.placeWords.includes(rest[0]?.text ?? "") ? rest.slice(1) : [];
  return time(
    named.length === 0 ? undefined : clause.text.slice(named[0]?.start ?? 0, named.at(-1)?.end ?? 0),
  );
}

function time(timeZone: string | undefined): Intent {
  return { kind: "tool", tool: "time", input: timeZone === undefined ? {} : { timeZone } };
}

const EXPRESSION = /[-(]*\d[\d\s.,+\-*/^%()]*/;

function readCalculation(clause: Clause, table: PhraseTable): Intent | undefined {
  let text = clause.text
    .toLowerCase()
    .replace(/×/g, "*")
    .replace(/÷|:(?=\s*\d)/g, "/")
    .replace(/[−–]/g, "-");
  for (const [words, sign] of Object.entries(table.operators)) {
    text = text.replaceAll(new RegExp(`(?<!\\p{L})${words}(?!\\p{L})`, "gu"), sign);
  }
  text = text.replace(/(?<=\d\s*)[xх](?=\s*\d)/g, "*").replace(/(?<=\d),(?=\d)/g, ".");
  const expression = EXPRESSION.exec(text)?.[0].replace(/[\s.,+\-*/^]+$/, "");
  if (expression === undefined || !/\d[\s)%]*[+\-*/^%][\s(+-]*\d/.test(expression)) return undefined;
  // What stands around it must be about calculating: telephone numbers and dates hold signs too.
  const around = wordsOf(text.replace(expression, " "));
  if (!around.every((word) => table.calculateWords.includes(word.text))) return undefined;
  return { kind: "tool", tool: "calculator", input: { expression: expression.trim() } };
}

function readSaying(clause: Clause, table: PhraseTable): Intent | undefined {
  const { words } = clause;
  if (words.length === 0) return undefined;
  const say = (saying: Saying): Intent => ({ kind: "say", saying });
  if (phraseAt(words, 0, table.connect) > 0) return say("connect");
  if (findPhrase(words, table.about) !== undefined) return say("about");
  if (phraseAt(words, 0, table.stop) === words.length) return say("stop");
  if (phraseAt(words, 0, table.wellbeing) === words.length) return say("wellbeing");
  if (phraseAt(words, 0, table.help) > 0) return say("help");
  if (findPhrase(words, table.thanks) !== undefined) return say("thanks");
  if (phraseAt(words, 0, table.farewell) > 0) return say("farewell");
  return undefined;
}

function readQuestion(clause: Clause, table: PhraseTable): Intent | undefined {
  const asks = clause.isQuestion || table.questionWords.includes(clause.words[0]?.text ?? "");
  return asks ? question(clause, table) : undefined;
}

/** Words that a question is looked for by: each is compared with all that was said. */
const MAX_QUESTION_WORDS = 24;

function question(clause: Clause, table: PhraseTable): Intent | undefined {
  const all = clause.words.map((word) => word.text).filter((word) => !table.emptyWords.includes(word));
  const words = all.slice(0, MAX_QUESTION_WORDS);
  return words.length === 0 ? undefined : { kind: "question", words };
}
