import type { JobSchedule, JobTime } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { Cron } from "croner";
import { isZone } from "../kit/index.ts";

/** Least and greatest interval, milliseconds. Source: features NN-061, NR-074. */
export const MIN_EVERY_MS = 60_000;
export const MAX_EVERY_MS: number = 90 * 86_400_000;

/** The first time of a schedule after `afterMs`; undefined when there is none. Reads no clock. */
export function nextTime(
  schedule: JobSchedule,
  afterMs: number,
  anchorMs: number = afterMs,
): JobTime | undefined {
  const at = nextAt(schedule, afterMs, anchorMs);
  return at === undefined ? undefined : timeIn(schedule.zone, at);
}

/** One moment, said three ways. */
export function timeIn(zone: string, at: number): JobTime {
  return { at, local: localText(zone, at), zone };
}

function nextAt(
  { at, cron, everyMs, zone }: JobSchedule,
  afterMs: number,
  anchorMs: number,
): number | undefined {
  if (at !== undefined) return at > afterMs ? at : undefined;
  if (everyMs !== undefined) return anchorMs + (Math.floor((afterMs - anchorMs) / everyMs) + 1) * everyMs;
  return nextOfCron(cron ?? "", zone, afterMs);
}

/**
 * Patterns step in local wall-clock time, so that 8 o'clock stays 8 o'clock. A time that the clocks skip runs at the moment
 * they are put forward to or past it; one that they show twice runs the first time.
 */
function nextOfCron(pattern: string, zone: string, afterMs: number): number | undefined {
  const cron = cronOf(pattern, zone);
  for (let from = afterMs; ; ) {
    const found = cron.nextRun(new Date(from))?.getTime();
    if (found === undefined) return undefined;
    if (found > afterMs && !isSecondShowing(pattern, zone, found)) return found;
    from = Math.max(found, from + 1_000);
  }
}

/** The same wall-clock time has been there before, an hour or less ago. Patterns of every hour run in both hours. */
function isSecondShowing(pattern: string, zone: string, at: number): boolean {
  const [, hours = "*"] = pattern.trim().split(/\s+/);
  if (hours === "*" || hours.startsWith("*/")) return false;
  const local = localText(zone, at);
  return [30, 60].some((minutes) => localText(zone, at - minutes * 60_000) === local);
}

const crons = new Map<string, Cron>();
const MAX_KEPT = 256;

function cronOf(pattern: string, zone: string): Cron {
  const key = `${zone} ${pattern}`;
  const known = crons.get(key);
  if (known !== undefined) return known;
  const made = new Cron(pattern, { timezone: zone, mode: "5-part", paused: true });
  if (crons.size >= MAX_KEPT) crons.clear();
  crons.set(key, made);
  return made;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function localText(zone: string, at: number): string {
  const known = formats.get(zone);
  const format =
    known ??
    new Intl.DateTimeFormat("en-CA", {
      ...{ timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit" },
      ...{ hour: "2-digit", minute: "2-digit", second: "2-digit" },
    });
  if (known === undefined) {
    if (formats.size >= MAX_KEPT) formats.clear();
    formats.set(zone, format);
  }
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const of = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? "";
  return `${of("year")}-${of("month")}-${of("day")}T${of("hour")}:${of("minute")}:${of("second")}`;
}

const LOCAL = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{1,2}):(\d{2})(?::(\d{2}))?$/;

/**
 * The moment of a wall-clock time in a zone; undefined for what is none. A time that the clocks skip becomes as much later
 * as they were put forward; of two the first is meant.
 */
export function atOf(local: string, zone: string): number | undefined {
  const match = LOCAL.exec(local.trim());
  if (match === null) return undefined;
  const [, year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.map((part) =>
    Number(part ?? 0),
  );
  const asUtc = Date.UTC(year, month - 1, day, hour, minute, second);
  const wanted = new Date(asUtc).toISOString().slice(0, 19);
  // "2026-02-30" and "25:00" would become other days.
  if (
    wanted !==
    `${match[1]}-${match[2]}-${match[3]}T${String(hour).padStart(2, "0")}:${match[5]}:${String(second).padStart(2, "0")}`
  )
    return undefined;
  // The offsets a day before and after are all that may hold in between; zones do not change twice in two days.
  const before = asUtc - offsetAt(zone, asUtc - 86_400_000);
  const after = asUtc - offsetAt(zone, asUtc + 86_400_000);
  const hits = [before, after].filter((at) => localText(zone, at) === wanted);
  return hits.length > 0 ? Math.min(...hits) : before;
}

/** How far the zone's clocks are ahead of UTC, milliseconds. */
function offsetAt(zone: string, at: number): number {
  return Date.parse(`${localText(zone, at)}Z`) - Math.floor(at / 1_000) * 1_000;
}

/** What is wrong with a schedule, in one sentence; undefined when it can be kept. */
export function scheduleProblem(schedule: JobSchedule, nowMs: number): string | undefined {
  const { at, cron, everyMs, zone } = schedule;
  if (!isZone(zone)) return `"${zone}" is no time zone. Use an IANA name such as Europe/Kyiv.`;
  const given = [at, cron, everyMs].filter((one) => one !== undefined).length;
  if (given !== 1) return "Give exactly one of a time, a cron pattern and an interval.";
  if (at !== undefined && !Number.isFinite(at)) return "The time cannot be read. Write 2026-11-21 18:30.";
  if (at !== undefined && at <= nowMs)
    return `The time ${timeIn(zone, at).local} (${zone}) has passed. Give one that is to come.`;
  if (everyMs !== undefined && !(everyMs >= MIN_EVERY_MS && everyMs <= MAX_EVERY_MS))
    return "The interval must be between one minute and 90 days.";
  if (cron !== undefined) return cronProblem(cron, zone, nowMs);
  return undefined;
}

function cronProblem(cron: string, zone: string, nowMs: number): string | undefined {
  try {
    if (cron.trim().split(/\s+/).length !== 5 && !cron.startsWith("@"))
      return `The cron pattern "${cron}" must have five fields: minute, hour, day, month, weekday.`;
    if (nextOfCron(cron, zone, nowMs) === undefined) return `The cron pattern "${cron}" never comes true.`;
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, "") : String(error);
    return `The cron pattern "${cron}" cannot be read: ${why}`;
  }
}

/** As `scheduleProblem`, thrown with `request.invalid`. */
export function assertSchedule(schedule: JobSchedule, nowMs: number): void {
  const problem = scheduleProblem(schedule, nowMs);
  if (problem !== undefined) throw new TroupeError(problem, { code: "request.invalid" });
}
