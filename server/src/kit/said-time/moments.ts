import type { Read, SaidClock, SaidDay, SaidTime, Tokens } from "./types.ts";
import {
  AND,
  AT,
  DAYS,
  HALF,
  HOURS,
  IN,
  MERIDIEM,
  MONTHS,
  NEXT,
  NUMBERS,
  ON,
  PARTS,
  SHORT_UNITS,
  SPOKEN_HOURS,
  THIS,
  UNITS,
  WEEKDAYS,
} from "./words.ts";

/** `in 10 minutes`, `за півтори години`. */
export function spanAt(tokens: Tokens, at: number): Read<SaidTime> | undefined {
  if (!IN.has(wordAt(tokens, at))) return undefined;
  const length = lengthAt(tokens, at + 1);
  return length && { value: { kind: "in", seconds: length.value }, next: length.next };
}

/** Seconds of `an hour and 30 minutes`, `2h`, `half an hour`. */
export function lengthAt(tokens: Tokens, at: number): Read<number> | undefined {
  const first = oneLengthAt(tokens, at);
  if (first === undefined) return undefined;
  const { next } = first;
  const hasAnd = AND.has(wordAt(tokens, next));
  const isHalf = hasAnd && wordAt(tokens, next + 1) === "a" && HALF.has(wordAt(tokens, next + 2));
  if (isHalf) return { value: first.value + halfOf(tokens, at), next: next + 3 };
  const second = oneLengthAt(tokens, hasAnd ? next + 1 : next);
  return second === undefined || second.value >= first.value
    ? first
    : { value: first.value + second.value, next: second.next };
}

function oneLengthAt(tokens: Tokens, at: number): Read<number> | undefined {
  const word = wordAt(tokens, at);
  if (word === "півгодини") return { value: 1_800, next: at + 1 };
  if (word === "півтори") return timesUnit(tokens, at + 1, 1.5);
  if (HALF.has(word)) return timesUnit(tokens, /^an?$/.test(wordAt(tokens, at + 1)) ? at + 2 : at + 1, 0.5);
  const whole = /^(\d{1,4})(\p{L}+)$/u.exec(word);
  const unit = SHORT_UNITS.get(whole?.[2] ?? "");
  if (whole !== null && unit !== undefined) return { value: Number(whole[1]) * unit, next: at + 1 };
  const count = /^\d{1,4}$/.test(word) ? Number(word) : NUMBERS.get(word);
  if (count === undefined) return timesUnit(tokens, at, 1);
  // "an" of "half" stands behind it, "couple" before "of".
  if (HALF.has(wordAt(tokens, at + 1)) && count === 1) return oneLengthAt(tokens, at + 1);
  if (wordAt(tokens, at + 1) === "couple") return oneLengthAt(tokens, at + 1);
  return timesUnit(tokens, wordAt(tokens, at + 1) === "of" ? at + 2 : at + 1, count);
}

function timesUnit(tokens: Tokens, at: number, count: number): Read<number> | undefined {
  const unit = UNITS.get(wordAt(tokens, at));
  return unit === undefined ? undefined : { value: unit * count, next: at + 1 };
}

/** Half of the unit that stands in `an hour and a half`. */
function halfOf(tokens: Tokens, at: number): number {
  const unit = UNITS.get(wordAt(tokens, at)) ?? UNITS.get(wordAt(tokens, at + 1)) ?? 0;
  return unit / 2;
}

/** `tomorrow at 9`, `at 9 on Monday`, `завтра вранці`, `25 December`. */
export function momentAt(tokens: Tokens, at: number): Read<SaidTime> | undefined {
  let day: SaidDay | undefined;
  let clock: SaidClock | undefined;
  let part: number | undefined;
  let next = at;
  for (let from = -1; from !== next; ) {
    from = next;
    const foundDay = day === undefined ? dayAt(tokens, next) : undefined;
    if (foundDay !== undefined) {
      day = foundDay.value;
      if (wordAt(tokens, next) === "tonight") part = PARTS.get("tonight");
      next = foundDay.next;
    }
    const foundClock = clock === undefined ? clockAt(tokens, next) : undefined;
    if (foundClock !== undefined) ({ value: clock, next } = foundClock);
    const foundPart = part === undefined ? partAt(tokens, next, day !== undefined) : undefined;
    if (foundPart !== undefined) {
      part = foundPart.value;
      if (THIS.has(wordAt(tokens, next))) day ??= { kind: "in", days: 0 };
      next = foundPart.next;
    }
  }
  if (next === at) return undefined;
  const hour = clockIn(clock, part);
  return {
    value: {
      kind: "at",
      ...(day === undefined ? {} : { day }),
      ...(hour === undefined ? {} : { clock: hour }),
    },
    next,
  };
}

/** The evening's 7 is 19. */
export function clockIn(clock: SaidClock | undefined, part: number | undefined): SaidClock | undefined {
  if (clock === undefined) return part === undefined ? undefined : { hour: part, minute: 0 };
  const isLater = part !== undefined && part > 12 && clock.hour < 12;
  return isLater ? { ...clock, hour: clock.hour + 12 } : clock;
}

/** `at 9`, `at half past nine`, `9:30`, `9pm`, `о 9 вечора`, `noon`. A number alone is none. */
export function clockAt(tokens: Tokens, at: number): Read<SaidClock> | undefined {
  const isAt = AT.has(wordAt(tokens, at));
  const isOn = ON.has(wordAt(tokens, at)) && /^\d/.test(wordAt(tokens, at + 1));
  let next = isAt || isOn ? at + 1 : at;
  const named = HOURS.get(wordAt(tokens, next));
  if (named !== undefined) return { value: { hour: named, minute: 0 }, next: next + 1 };
  const past = HALF.has(wordAt(tokens, next)) && wordAt(tokens, next + 1) === "past";
  if (past) next += 2;
  const word = wordAt(tokens, next);
  const read = /^(\d{1,2})(?:([:.])(\d{2}))?(am|pm)?$/.exec(word);
  const spoken = isAt || past ? SPOKEN_HOURS.get(word) : undefined;
  if (read === null && spoken === undefined) return undefined;
  next += 1;
  const [, digits = "0", colon, minutes = past ? "30" : "0", glued] = read ?? [];
  if (/^(o'clock|годині|година|год)$/.test(wordAt(tokens, next))) next += 1;
  const half = glued ?? MERIDIEM.get(wordAt(tokens, next));
  if (glued === undefined && half !== undefined) next += 1;
  const isSure = isAt || isOn || past || colon === ":" || half !== undefined;
  const hour = hourOf(spoken ?? Number(digits), half);
  const minute = Number(minutes);
  return isSure && hour <= 23 && minute <= 59 ? { value: { hour, minute }, next } : undefined;
}

function hourOf(hour: number, half: string | undefined): number {
  if (half === "am") return hour === 12 ? 0 : hour;
  return half === "pm" && hour < 12 ? hour + 12 : hour;
}

/** `in the morning`, `this evening`, `at night`, `ввечері`. Without such a word before it only behind a day. */
export function partAt(tokens: Tokens, at: number, isBehindDay: boolean): Read<number> | undefined {
  const isInThe = wordAt(tokens, at) === "in" && wordAt(tokens, at + 1) === "the";
  const isLed = isInThe || wordAt(tokens, at) === "at" || wordAt(tokens, at) === "this";
  const next = isInThe ? at + 2 : isLed ? at + 1 : at;
  const word = wordAt(tokens, next);
  const hour = PARTS.get(word);
  const mayStandAlone = isLed || isBehindDay || !/^[a-z]/.test(word);
  return hour !== undefined && mayStandAlone ? { value: hour, next: next + 1 } : undefined;
}

function dayAt(tokens: Tokens, at: number): Read<SaidDay> | undefined {
  let next = at;
  if (ON.has(wordAt(tokens, next))) next += 1;
  const isNext = NEXT.has(wordAt(tokens, next));
  if (isNext || THIS.has(wordAt(tokens, next))) next += 1;
  const weekday = WEEKDAYS.get(wordAt(tokens, next));
  if (weekday !== undefined) return { value: { kind: "weekday", weekday, isNext }, next: next + 1 };
  if (next > at && isNext) return undefined;
  const after = ["the", "day", "after", "tomorrow"];
  const skipped = wordAt(tokens, at) === "the" ? 0 : 1;
  if (after.slice(skipped).every((word, offset) => wordAt(tokens, at + offset) === word))
    return { value: { kind: "in", days: 2 }, next: at + after.length - skipped };
  const days = DAYS.get(wordAt(tokens, at));
  if (days !== undefined) return { value: { kind: "in", days }, next: at + 1 };
  return dateAt(tokens, next);
}

function dateAt(tokens: Tokens, at: number): Read<SaidDay> | undefined {
  const iso = /^(\d{4})-(\d{2})-(\d{2})$/.exec(wordAt(tokens, at));
  if (iso !== null) {
    const [year = 0, month = 0, day = 0] = iso.slice(1).map(Number);
    return { value: { kind: "date", year, month, day }, next: at + 1 };
  }
  const from = wordAt(tokens, at) === "the" ? at + 1 : at;
  const before = dayOfMonth(wordAt(tokens, from));
  const of = wordAt(tokens, from + 1) === "of" ? from + 2 : from + 1;
  const monthBehind = MONTHS.get(wordAt(tokens, of));
  if (before !== undefined && monthBehind !== undefined)
    return { value: { kind: "date", month: monthBehind, day: before }, next: of + 1 };
  const month = MONTHS.get(wordAt(tokens, at));
  const the = wordAt(tokens, at + 1) === "the" ? at + 2 : at + 1;
  const behind = dayOfMonth(wordAt(tokens, the));
  return month === undefined || behind === undefined
    ? undefined
    : { value: { kind: "date", month, day: behind }, next: the + 1 };
}

/** `5`, `5th`, `5-го`. */
export function dayOfMonth(word: string): number | undefined {
  const day = Number(/^(\d{1,2})(?:st|nd|rd|th|-го|-те)?$/.exec(word)?.[1] ?? 0);
  return day >= 1 && day <= 31 ? day : undefined;
}

export function wordAt(tokens: Tokens, at: number): string {
  return tokens[at]?.text ?? "";
}
