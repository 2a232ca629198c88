import { readSaidTime, type SaidClock, type SaidDay, type SaidTime } from "../kit/index.ts";
import { atOf, timeIn } from "./schedule.ts";

/** A time in words, as the one thing that a schedule is made from. `at` is wall-clock time. */
export type ReadWhen =
  | { readonly inSeconds: number }
  | { readonly everyMinutes: number }
  | { readonly cron: string }
  | { readonly at: string };

const DAY_MS = 86_400_000;
/** Of a day that is said without a time. */
const DEFAULT_CLOCK: SaidClock = { hour: 9, minute: 0 };
/** Of today, when that has passed. */
const LATER_TODAY: SaidClock = { hour: 18, minute: 0 };

/**
 * What words such as `tomorrow at 9` mean to somebody in that zone now; undefined for what is no time. A time of day without
 * a day is the next one; a date without a year, too.
 */
export function readWhen(text: string, nowMs: number, zone: string): ReadWhen | undefined {
  const said = readSaidTime(text);
  switch (said?.kind) {
    case "in":
      return { inSeconds: said.seconds };
    case "every":
      return { everyMinutes: said.minutes };
    case "pattern":
      return { cron: said.cron };
    case "at":
      return { at: localOf(said, nowMs, zone) };
    default:
      return undefined;
  }
}

function localOf({ day, clock }: Extract<SaidTime, { kind: "at" }>, nowMs: number, zone: string): string {
  const today = Date.parse(`${timeIn(zone, nowMs).local.slice(0, 10)}T00:00:00Z`);
  const hasPassed = (dateMs: number, time: SaidClock): boolean =>
    (atOf(localText(dateMs, time), zone) ?? 0) <= nowMs;
  if (day === undefined) {
    const time = clock ?? DEFAULT_CLOCK;
    return localText(hasPassed(today, time) ? today + DAY_MS : today, time);
  }
  const dateMs = dateOf(day, { today, hasPassed: (ms) => hasPassed(ms, clock ?? DEFAULT_CLOCK) });
  const isLate = clock === undefined && dateMs === today && hasPassed(today, DEFAULT_CLOCK);
  return localText(dateMs, clock ?? (isLate ? LATER_TODAY : DEFAULT_CLOCK));
}

/** The day as the midnight of a calendar, without a zone. */
function dateOf(
  day: SaidDay,
  { today, hasPassed }: { readonly today: number; readonly hasPassed: (dateMs: number) => boolean },
): number {
  if (day.kind === "in") return today + day.days * DAY_MS;
  if (day.kind === "weekday") {
    const ahead = (day.weekday - new Date(today).getUTCDay() + 7) % 7;
    const isOver = ahead === 0 && (day.isNext || hasPassed(today));
    return today + (isOver ? 7 : ahead) * DAY_MS;
  }
  const year = day.year ?? new Date(today).getUTCFullYear();
  const date = Date.UTC(year, day.month - 1, day.day);
  return day.year === undefined && hasPassed(date) ? Date.UTC(year + 1, day.month - 1, day.day) : date;
}

function localText(dateMs: number, { hour, minute }: SaidClock): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${new Date(dateMs).toISOString().slice(0, 10)} ${two(hour)}:${two(minute)}`;
}
