import type { Intent } from "./clause.ts";
import type { PhraseTable, Saying } from "./phrases.ts";
import { readClause } from "./requests.ts";
import { phraseAt, wordsOf } from "./words.ts";

/** Most requests that are read from one message; the rest of a very long one is left. */
const MAX_INTENTS = 8;
/** What of a message is read at most. It is read in one go, and everybody else waits meanwhile. */
const MAX_CHARACTERS = 4_000;
/** Most joints of one sentence that are looked at; what follows them stays in one clause. */
const MAX_JOINTS = 24;

/** Everything that a message asks for, in its order. Never empty. */
export function planOf(text: string, table: PhraseTable, agentName: string | undefined): readonly Intent[] {
  const intents: Intent[] = [];
  let isGreeted = false;
  for (const sentence of sentencesOf(text.slice(0, MAX_CHARACTERS))) {
    if (intents.filter((intent) => !isLost(intent)).length >= MAX_INTENTS) break;
    const { rest, hasGreeting } = withoutGreeting(sentence, table, agentName);
    isGreeted ||= hasGreeting;
    if (rest !== "") for (const clause of clausesOf(rest, table)) add(intents, clause, table);
  }
  if (intents.length === 0) return [isGreeted ? say("greeting") : say("default")];
  // What was understood is answered; that the rest was not would only be noise.
  const understood = intents.filter((intent) => !isLost(intent));
  const kept = understood.length > 0 ? understood : intents.slice(0, 1);
  return [...(isGreeted ? [say("greetingAgain")] : []), ...kept.slice(0, MAX_INTENTS)];
}

function add(intents: Intent[], clause: string, table: PhraseTable): void {
  const intent = readClause(clause, table) ?? lost(clause);
  // The same twice is one request, dice excepted.
  const isRepeated = intents.some((known) => JSON.stringify(known) === JSON.stringify(intent));
  if (!isRepeated || (intent.kind === "tool" && intent.tool === "dice")) intents.push(intent);
}

/** A statement of some length is not nonsense; it is only nothing to do. */
function lost(clause: string): Intent {
  return say(wordsOf(clause).length >= 3 && !/[?？]$/.test(clause) ? "statement" : "unclear");
}

function isLost(intent: Intent): boolean {
  return intent.kind === "say" && (intent.saying === "statement" || intent.saying === "unclear");
}

function say(saying: "greeting" | "greetingAgain" | "default" | "statement" | "unclear"): Intent {
  return { kind: "say", saying };
}

/** `9 a.m.` ends no sentence. */
function sentencesOf(text: string): readonly string[] {
  return text
    .replace(/(?<=\d\s?)([ap])\.m\.?(?![\p{L}\p{N}])/giu, "$1m")
    .split(/(?<=[.!?…])\s+|\s*[\n;]+\s*/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => wordsOf(sentence).length > 0);
}

function withoutGreeting(
  sentence: string,
  table: PhraseTable,
  agentName: string | undefined,
): { readonly rest: string; readonly hasGreeting: boolean } {
  const words = wordsOf(sentence);
  let taken = phraseAt(words, 0, table.greeting);
  if (taken === 0) return { rest: sentence, hasGreeting: false };
  const nameLength = agentName === undefined ? 0 : wordsOf(agentName).length;
  taken += phraseAt(words, taken, table.greeted);
  if (agentName !== undefined && phraseAt(words, taken, [agentName.toLowerCase()]) > 0) taken += nameLength;
  const next = words[taken];
  return { rest: next === undefined ? "" : sentence.slice(next.start), hasGreeting: true };
}

/** A place where two requests may meet: where the one ends, and where the other begins. */
interface Joint {
  readonly end: number;
  readonly start: number;
}

/** Splits where a conjunction or comma stands between two requests that are each clear by themselves. */
function clausesOf(sentence: string, table: PhraseTable): readonly string[] {
  const isClearText = (text: string): boolean => isClear(readClause(text, table));
  const joints = jointsOf(sentence, table);
  /** What follows each joint. From the last one on, so that no rest is taken apart twice. */
  const rests: { readonly clauses: readonly string[]; readonly isClear: boolean }[] = [];
  const clausesFrom = (start: number): readonly string[] => {
    for (const [at, { end }] of joints.entries()) {
      const rest = rests[at];
      if (end <= start || rest?.isClear !== true) continue;
      const left = sentence.slice(start, end);
      if (isClearText(left)) return [left, ...rest.clauses];
    }
    return [sentence.slice(start)];
  };
  for (const [at, { start }] of [...joints.entries()].toReversed()) {
    const clauses = clausesFrom(start);
    rests[at] = { clauses, isClear: isClearText(clauses[0] ?? "") };
  }
  return clausesFrom(0);
}

function jointsOf(sentence: string, table: PhraseTable): readonly Joint[] {
  const words = wordsOf(sentence);
  const joints: Joint[] = [];
  for (let at = 1; at < words.length && joints.length < MAX_JOINTS; at++) {
    const before = words[at - 1];
    const here = words[at];
    if (before === undefined || here === undefined) break;
    const joined = phraseAt(words, at, table.conjunctions);
    const hasComma = sentence.slice(before.end, here.start).includes(",");
    const next = words[at + joined];
    if ((joined > 0 || hasComma) && next !== undefined) joints.push({ end: before.end, start: next.start });
  }
  return joints;
}

/** Sayings of a clause that something is missing from: it may stand in the rest of the sentence. */
const INCOMPLETE: ReadonlySet<Saying> = new Set([
  ...(["unclear", "remindWhat", "remindWhen", "scheduleWhat", "whichJob"] as const),
]);

function isClear(intent: Intent | undefined): boolean {
  return (
    intent !== undefined &&
    (intent.kind === "tool" || (intent.kind === "say" && !INCOMPLETE.has(intent.saying)))
  );
}
