import { readSaidTime, type SaidClock, type SaidDay, type SaidTime } from "../kit/index.ts";
import { atOf, timeIn } from "./schedule.ts";

/** A time in words, as the one thing that a schedule is made from. `at` is wall-clock time. */
export type ReadWhen =
  | { readonly inSeconds: number }
  | { readonly everyMinutes: number }
  | { readonly cron: string }
  | { readonly at: string };

const DAY_MS = 86_400_000;
/** Between two 29ths of February lie eight at most. */
const MOST_YEARS = 8;
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
    case "at": {
      const at = localOf(said, nowMs, zone);
      return at === undefined ? undefined : { at };
    }
    default:
      return undefined;
  }
}

function localOf(
  { day, clock }: Extract<SaidTime, { kind: "at" }>,
  nowMs: number,
  zone: string,
): string | undefined {
  const today = Date.parse(`${timeIn(zone, nowMs).local.slice(0, 10)}T00:00:00Z`);
  const hasPassed = (dateMs: number, time: SaidClock): boolean =>
    (atOf(localText(dateMs, time), zone) ?? 0) <= nowMs;
  if (day === undefined) {
    const time = clock ?? DEFAULT_CLOCK;
    return localText(hasPassed(today, time) ? today + DAY_MS : today, time);
  }
  const dateMs = dateOf(day, { today, hasPassed: (ms) => hasPassed(ms, clock ?? DEFAULT_CLOCK) });
  if (dateMs === undefined) return undefined;
  const isLate = clock === undefined && dateMs === today && hasPassed(today, DEFAULT_CLOCK);
  return localText(dateMs, clock ?? (isLate ? LATER_TODAY : DEFAULT_CLOCK));
}

/** The day as the midnight of a calendar, without a zone; undefined for one that no year has. */
function dateOf(
  day: SaidDay,
  { today, hasPassed }: { readonly today: number; readonly hasPassed: (dateMs: number) => boolean },
): number | undefined {
  if (day.kind === "in") return today + day.days * DAY_MS;
  if (day.kind === "weekday") {
    const ahead = (day.weekday - new Date(today).getUTCDay() + 7) % 7;
    const isOver = ahead === 0 && (day.isNext || hasPassed(today));
    return today + (isOver ? 7 : ahead) * DAY_MS;
  }
  const thisYear = new Date(today).getUTCFullYear();
  const years =
    day.year === undefined ? Array.from({ length: MOST_YEARS + 1 }, (_, n) => thisYear + n) : [day.year];
  return years
    .map((year) => Date.UTC(year, day.month - 1, day.day))
    .find((date) => isDay(date, day) && (day.year !== undefined || !hasPassed(date)));
}

/** "31 April" would become another day. */
function isDay(dateMs: number, { month, day }: Extract<SaidDay, { kind: "date" }>): boolean {
  const date = new Date(dateMs);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function localText(dateMs: number, { hour, minute }: SaidClock): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${new Date(dateMs).toISOString().slice(0, 10)} ${two(hour)}:${two(minute)}`;
}
