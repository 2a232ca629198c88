import { clockAt, clockIn, dayOfMonth, lengthAt, partAt, wordAt } from "./moments.ts";
import type { Read, SaidTime, Tokens } from "./types.ts";
import { AND, EVERY, EVERY_WEEKDAY, KINDS, ON, REPEATED, WEEKDAYS } from "./words.ts";

/** What repeats, before a time of day is known. */
interface Repetition {
  /** Minutes of an interval; undefined for days of a calendar. */
  readonly minutes?: number;
  readonly monthDay?: number;
  /** Field of a cron pattern. */
  readonly weekdays?: string;
  /** Where none is said. */
  readonly hour: number;
}

/** `every 2 hours`, `every Monday and Thursday at 8`, `at 8 every day`, `щопонеділка о 8`, `по буднях`. */
export function repeatedAt(tokens: Tokens, at: number): Read<SaidTime> | undefined {
  const early = clockAt(tokens, at);
  const found = repetitionAt(tokens, early?.next ?? at);
  if (found === undefined) return undefined;
  const { value } = found;
  const part = partAt(tokens, found.next, true);
  const late = early === undefined ? clockAt(tokens, part?.next ?? found.next) : undefined;
  const partBehind = late === undefined || part !== undefined ? part : partAt(tokens, late.next, true);
  const next = Math.max(found.next, part?.next ?? 0, late?.next ?? 0, partBehind?.next ?? 0);
  const evening = value.hour > 12 ? value.hour : undefined;
  const clock = clockIn((early ?? late)?.value, partBehind?.value ?? evening);
  if (value.minutes !== undefined) {
    const isPlain = clock === undefined;
    return { value: isPlain ? { kind: "every", minutes: value.minutes } : { kind: "unclear" }, next };
  }
  const { hour, minute } = clock ?? { hour: value.hour, minute: 0 };
  const { monthDay = "*", weekdays = "*" } = value;
  return { value: { kind: "pattern", cron: `${minute} ${hour} ${monthDay} * ${weekdays}` }, next };
}

const MORNING = 9;
const EVENING = 19;
const WEEK_MINUTES = 10_080;

function repetitionAt(tokens: Tokens, at: number): Read<Repetition> | undefined {
  const word = wordAt(tokens, at);
  const led = ON.has(word) || word === "по" ? at + 1 : at;
  const plural = weekdaysAt(tokens, led, EVERY_WEEKDAY);
  if (plural !== undefined) return plural;
  if (word === "по" && /^(буднях|вихідних)$/.test(wordAt(tokens, led)))
    return { value: daysOf(wordAt(tokens, led) === "буднях" ? "workday" : "weekend"), next: led + 1 };
  const repeated = REPEATED.get(word);
  if (repeated === "hour" || repeated === "minute")
    return { value: { minutes: repeated === "hour" ? 60 : 1, hour: 0 }, next: at + 1 };
  if (repeated !== undefined) return kindAt(tokens, at + 1, repeated);
  if (!EVERY.has(word)) return undefined;
  if (wordAt(tokens, at + 1) === "буднього") return { value: daysOf("workday"), next: at + 3 };
  const weekdays = weekdaysAt(tokens, at + 1, WEEKDAYS);
  if (weekdays !== undefined) return weekdays;
  const kind = KINDS.get(wordAt(tokens, at + 1));
  if (kind !== undefined) return kindAt(tokens, at + 2, kind);
  const length = lengthAt(tokens, at + 1);
  return length && { value: { minutes: length.value / 60, hour: 0 }, next: length.next };
}

type Kind = "day" | "morning" | "evening" | "workday" | "weekend" | "week" | "month";

/** `next`: behind the word itself. */
function kindAt(tokens: Tokens, next: number, kind: Kind): Read<Repetition> {
  const from = ON.has(wordAt(tokens, next)) ? next + 1 : next;
  if (kind === "week") {
    const weekday = WEEKDAYS.get(wordAt(tokens, from));
    return weekday === undefined
      ? { value: { minutes: WEEK_MINUTES, hour: 0 }, next }
      : { value: { weekdays: String(weekday), hour: MORNING }, next: from + 1 };
  }
  if (kind !== "month") return { value: daysOf(kind), next };
  const the = wordAt(tokens, from) === "the" ? from + 1 : from;
  const monthDay = dayOfMonth(wordAt(tokens, the));
  if (monthDay === undefined) return { value: { monthDay: 1, hour: MORNING }, next };
  const isNamed = wordAt(tokens, the + 1) === "числа";
  return { value: { monthDay, hour: MORNING }, next: isNamed ? the + 2 : the + 1 };
}

function daysOf(kind: Exclude<Kind, "week" | "month">): Repetition {
  if (kind === "workday") return { weekdays: "1-5", hour: MORNING };
  if (kind === "weekend") return { weekdays: "0,6", hour: MORNING };
  return { hour: kind === "evening" ? EVENING : MORNING };
}

function weekdaysAt(
  tokens: Tokens,
  at: number,
  names: ReadonlyMap<string, number>,
): Read<Repetition> | undefined {
  const found: number[] = [];
  let next = at;
  for (let here = at; ; here = AND.has(wordAt(tokens, next)) ? next + 1 : next) {
    const weekday =
      names.get(wordAt(tokens, here)) ?? (found.length > 0 ? WEEKDAYS.get(wordAt(tokens, here)) : undefined);
    if (weekday === undefined) break;
    found.push(weekday);
    next = here + 1;
  }
  if (found.length === 0) return undefined;
  const weekdays = [...new Set(found)].sort().join(",");
  return { value: { weekdays, hour: MORNING }, next };
}
