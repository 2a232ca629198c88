import { type SplitTime, splitSaidTime } from "../../kit/index.ts";
import { after, type Clause, clauseOf, type Intent } from "./clause.ts";
import type { JobAction, JobPhrases } from "./job-phrases.ts";
import type { PhraseTable, Saying } from "./phrases.ts";
import { findPhrase, phraseAt } from "./words.ts";

/** Reminders and schedules: making them, listing them, ending them. */
export function readJob(clause: Clause, table: PhraseTable): Intent | undefined {
  return (
    readReminder(clause, table) ??
    readAlarm(clause, table) ??
    readChange(clause, table) ??
    readList(clause, table) ??
    readSchedule(clause, table)
  );
}

function readReminder(clause: Clause, table: PhraseTable): Intent | undefined {
  const length = phraseAt(clause.words, 0, table.remind);
  return length === 0 ? undefined : reminder(after(clause, length));
}

function reminder(said: string): Intent {
  if (said === "") return say("remindWhat");
  const split = splitSaidTime(said);
  if (split === undefined) return say("remindWhen");
  return split.rest === "" ? say("remindWhat") : remind(split.rest, split.when);
}

/** `set a timer for 10 minutes`, `wake me at 7`. */
function readAlarm(clause: Clause, { alarms }: PhraseTable): Intent | undefined {
  for (const { phrases, text, leads } of alarms) {
    const length = phraseAt(clause.words, 0, phrases);
    if (length === 0) continue;
    const behind = clause.words[length];
    const isLed = behind !== undefined && leads.words.includes(behind.text);
    const said = after(clause, isLed ? length + 1 : length);
    // "for 10 minutes" means in, "for 7:00" means at.
    const tries = [...(isLed ? leads.read.map((word) => `${word} ${said}`) : []), after(clause, length)];
    const split = tries.map(splitSaidTime).find((one) => one !== undefined);
    return split === undefined
      ? say("remindWhen")
      : remind(split.rest === "" ? text : split.rest, split.when);
  }
  return undefined;
}

const ACTIONS: readonly JobAction[] = ["cancel", "pause", "resume"];

/** `cancel reminder 2`, `stop reminding me to stretch`, `pause the weekly summary`. */
function readChange(clause: Clause, table: PhraseTable): Intent | undefined {
  for (const action of ACTIONS) {
    const { verbs, needsNoun } = table.jobActions[action];
    const length = phraseAt(clause.words, 0, verbs);
    if (length === 0) continue;
    const name = nameBehind(clause, length, table);
    if (name === undefined && needsNoun) continue;
    const job = name ?? withoutLead(after(clause, length), table);
    return job === "" ? say("whichJob") : { kind: "tool", tool: `job_${action}`, input: { job } };
  }
  return undefined;
}

/** What stands behind the word for a job, or else between it and the verb; undefined where no such word stands. */
function nameBehind(clause: Clause, from: number, table: PhraseTable): string | undefined {
  const rest = clause.words.slice(from);
  const noun = findPhrase(rest, table.jobNouns);
  if (noun === undefined) return undefined;
  const behind = withoutLead(after(clause, from + noun.at + noun.length), table);
  if (behind !== "") return behind;
  const first = rest[0];
  const word = rest[noun.at];
  if (first === undefined || word === undefined) return "";
  const between = withoutLead(clause.text.slice(first.start, word.start).trim(), table);
  return between === "" && table.namedJobs.includes(word.text) ? word.text : between;
}

/** Without articles and the words that join a name. */
function withoutLead(text: string, { nameLeads }: JobPhrases): string {
  let rest = text;
  for (let word = firstWord(rest); nameLeads.includes(word.toLowerCase()); word = firstWord(rest))
    rest = rest.slice(word.length).replace(/^[\s:,#]+/, "");
  return rest.replace(/^["“„«#](.*?)["”“»]?$/u, "$1");
}

function firstWord(text: string): string {
  return /^[\p{L}\p{N}'’ʼ]+/u.exec(text)?.[0] ?? "";
}

function readList(clause: Clause, { listJobs }: PhraseTable): Intent | undefined {
  return findPhrase(clause.words, listJobs) === undefined
    ? undefined
    : { kind: "tool", tool: "job_list", input: {} };
}

/**
 * `schedule a report every Monday`, `every day at 8 write a summary`, `tomorrow at 9 remind me to call`. Without the word for
 * it, only what begins with something to do is a request: "every day at 8 I drink coffee" is none.
 */
function readSchedule(clause: Clause, table: PhraseTable): Intent | undefined {
  const length = phraseAt(clause.words, 0, table.schedule);
  const said = length > 0 ? after(clause, length) : clause.text;
  const split = clause.isQuestion ? undefined : splitSaidTime(said);
  if (split === undefined) return length > 0 ? say("scheduleWhat") : undefined;
  const todo = clauseOf(split.rest, table);
  const reminds = phraseAt(todo.words, 0, table.remind);
  if (reminds > 0) {
    const text = after(todo, reminds).replace(/^(?:to|that|about|щоб|що)\s+/iu, "");
    return text === "" ? say("remindWhat") : remind(text, split.when);
  }
  if (length > 0) return todo.text === "" ? say("scheduleWhat") : job(todo.text, split, table);
  return isTask(clause, todo, split, table) ? job(todo.text, split, table) : undefined;
}

function isTask(clause: Clause, todo: Clause, split: SplitTime, table: PhraseTable): boolean {
  if (phraseAt(todo.words, 0, table.jobVerbs) === 0) return false;
  // "Today tell me a story" means now.
  if (clause.text.startsWith(split.when)) return /[\d\s]/.test(split.when) || split.isRepeated;
  // "Tell me what you do every day" asks something of now.
  return split.isRepeated && !todo.words.some((word) => table.questionWords.includes(word.text));
}

function job(said: string, { when }: SplitTime, table: PhraseTable): Intent {
  const { text, until } = partUntil(said, table);
  const title = text.length <= 100 ? text : `${text.slice(0, 99).toWellFormed()}…`;
  return {
    kind: "tool",
    tool: "job_create",
    input: { title, text, when, ...(until === "" ? {} : { until }) },
  };
}

function partUntil(said: string, table: PhraseTable): { readonly text: string; readonly until: string } {
  const clause = clauseOf(said, table);
  const found = findPhrase(clause.words, table.until);
  const at = clause.words[found?.at ?? 0];
  if (found === undefined || found.at === 0 || at === undefined) return { text: trimmed(said), until: "" };
  return { text: trimmed(clause.text.slice(0, at.start)), until: after(clause, found.at + found.length) };
}

function trimmed(text: string): string {
  return text.replace(/[\s,;.!?…]+$/, "");
}

function remind(text: string, when: string): Intent {
  return { kind: "tool", tool: "remind_me", input: { text, when } };
}

function say(saying: Saying): Intent {
  return { kind: "say", saying };
}
