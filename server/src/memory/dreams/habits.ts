import type { SourceReference } from "@troupe/contracts";
import { stemOf, wordsOf } from "../../kit/index.ts";

/** On so many days of one weekday at least. */
const MIN_WEEKDAYS = 4;
/** How likely it may be that some weekday is met so often by chance alone. */
const MAX_CHANCE = 0.005;
/** A name that is asked about on so many days, over so many days, is a subject of theirs. */
const MIN_SUBJECT_DAYS = 6;
const MIN_SUBJECT_SPAN_DAYS = 15;
/** Share of days that two words must share to belong to one habit. */
const SAME_DAYS = 0.75;
const MIN_LETTERS = 3;
const MAX_WORDS = 24;
const DAY_MS = 86_400_000;

/** What one person said, as habits see it. */
export interface Heard {
  readonly reference: Extract<SourceReference, { kind: "message" }>;
  readonly turnId: string;
  /** UTC milliseconds. */
  readonly at: number;
  /** `2026-11-20` and 0 (Sunday) to 6, in the zone of the home. */
  readonly day: string;
  readonly weekday: number;
  /** The last sentence that asks; empty where none does. */
  readonly question: string;
}

/** What one person asks again and again. */
export interface Habit {
  /** On one weekday; undefined: whatever the day. */
  readonly weekday: number | undefined;
  /** What it is about: stems. The first is asked most often. */
  readonly stems: readonly string[];
  /** A name, as it was written last. */
  readonly name: string;
  /** Oldest first, one a day. */
  readonly uses: readonly Heard[];
}

/** Words that say when, which is what a weekday says already. */
const TIMES =
  /^(?:mon|tues|wednes|thurs|fri|satur|sun)day|^(?:today|tomorrow|tonight|yesterday|week|weekend|month|year|day|morning|evening|afternoon|night|hour|minute)s?$|^(?:понеділ|вівтор|серед|четвер|п.?ятни|субот|неділ|сьогодні|завтра|вчора|тиж|місяц|рок|рік|день|дні|ранк|вечор|вечір|ніч|годин|хвилин)/u;
const MONTHS = /^(?:january|february|march|april|may|june|july|august|september|october|november|december)$/u;
/** A capital letter within a sentence: the name of somebody or something. */
const NAME = /(?<=[\p{L}\p{N},] )\p{Lu}[\p{Ll}'’ʼ]{2,}/gu;

interface Word {
  readonly stem: string;
  /** A message a day, the last one of it; oldest first. */
  readonly uses: readonly Heard[];
  /** Uses in which it was written as a name. */
  readonly named: number;
  readonly name: string;
}

/**
 * What is asked on one weekday, and names that are asked about again and again, of those that came up since a time. A weekday is a
 * habit where chance would hardly ever bring it about, by how often the person is heard on that day at all.
 */
export function habitsOf(heard: readonly Heard[], since: number): readonly Habit[] {
  const words = wordsIn(heard).filter(({ uses }) => (uses.at(-1)?.at ?? 0) > since);
  const weekly = weekdayHabits(words, heardDays(heard));
  const told = new Set(weekly.flatMap(({ stems }) => stems));
  const subjects = words.filter((word) => !told.has(word.stem) && isSubject(word));
  return [
    ...weekly,
    ...subjects.map(({ stem, name, uses }) => ({ weekday: undefined, stems: [stem], name, uses })),
  ];
}

function wordsIn(heard: readonly Heard[]): readonly Word[] {
  const found = new Map<string, { uses: Map<string, Heard>; named: Set<string>; name: string }>();
  for (const one of heard.toSorted((a, b) => a.at - b.at)) {
    if (one.question === "") continue;
    const names = new Map(
      (one.question.match(NAME) ?? []).map((name): [string, string] => [stemOf(name.toLowerCase()), name]),
    );
    for (const stem of stemsOf(one.question)) {
      const word = found.get(stem) ?? { uses: new Map(), named: new Set(), name: "" };
      found.set(stem, word);
      word.uses.set(one.day, one);
      const name = names.get(stem);
      if (name === undefined) continue;
      word.named.add(one.day);
      word.name = name;
    }
  }
  return [...found].map(([stem, { uses, named, name }]) => ({
    ...{ stem, name, named: named.size },
    uses: [...uses.values()],
  }));
}

function stemsOf(question: string): ReadonlySet<string> {
  const words = wordsOf(question, MAX_WORDS).filter(
    (word) => word.length >= MIN_LETTERS && !TIMES.test(word) && !MONTHS.test(word) && !/\p{N}/u.test(word),
  );
  return new Set(words.map(stemOf));
}

/** Days on which the person was heard at all, by weekday. */
function heardDays(heard: readonly Heard[]): readonly number[] {
  const days = new Map(heard.map(({ day, weekday }) => [day, weekday]));
  const counts = new Array<number>(7).fill(0);
  for (const weekday of days.values()) counts[weekday] = (counts[weekday] ?? 0) + 1;
  return counts;
}

function weekdayHabits(words: readonly Word[], heard: readonly number[]): readonly Habit[] {
  const all = heard.reduce((sum, days) => sum + days, 0);
  const weekly = words
    .flatMap((word) => {
      const days = Map.groupBy(word.uses, ({ weekday }) => weekday);
      const [weekday, uses] = [...days].toSorted((a, b) => b[1].length - a[1].length)[0] ?? [0, []];
      const share = (heard[weekday] ?? 0) / all;
      const chance = 7 * chanceOf(word.uses.length, uses.length, share);
      return uses.length >= MIN_WEEKDAYS && chance < MAX_CHANCE ? [{ ...word, weekday, uses }] : [];
    })
    .toSorted((a, b) => b.uses.length - a.uses.length);
  const habits: Habit[] = [];
  for (const { stem, name, weekday, uses } of weekly) {
    const at = habits.findIndex((habit) => habit.weekday === weekday && areTogether(habit.uses, uses));
    const habit = habits[at];
    if (habit === undefined) habits.push({ weekday, stems: [stem], name, uses });
    else habits[at] = { ...habit, stems: [...habit.stems, stem] };
  }
  return habits;
}

function areTogether(some: readonly Heard[], others: readonly Heard[]): boolean {
  const days = new Set(some.map(({ day }) => day));
  const shared = others.filter(({ day }) => days.has(day)).length;
  return shared >= SAME_DAYS * Math.min(some.length, others.length);
}

/** That of `days` at least `met` are of a kind, where one is with `share`. */
function chanceOf(days: number, met: number, share: number): number {
  let chance = 0;
  for (let count = met; count <= days; count++)
    chance += combinations(days, count) * share ** count * (1 - share) ** (days - count);
  return chance;
}

function combinations(all: number, some: number): number {
  let count = 1;
  for (let n = 1; n <= some; n++) count = (count * (all - some + n)) / n;
  return count;
}

function isSubject({ uses, named }: Word): boolean {
  const [first] = uses;
  const last = uses.at(-1);
  if (first === undefined || last === undefined || uses.length < MIN_SUBJECT_DAYS) return false;
  // A word that begins sentences, or is written small as well, is no name.
  if (named < uses.length) return false;
  return last.at - first.at >= MIN_SUBJECT_SPAN_DAYS * DAY_MS;
}
