import type { JobInput, JobKind, JobSchedule, JobSpec, JobUntil } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { isZone } from "../kit/index.ts";
import { readWhen } from "./said-when.ts";
import { assertSchedule, atOf } from "./schedule.ts";

const MAX_TITLE = 120;
const MAX_TEXT = 8_000;
const MAX_DEPENDENCIES = 20;

/** Everything about a job that a person chose, whole and checked; throws `request.invalid` with one sentence. */
export function specOf(
  input: JobInput,
  { now, zone, known }: { readonly now: number; readonly zone: string; readonly known?: JobSpec },
): JobSpec {
  const text = checkedText(input.text ?? known?.work.text ?? "", "text", MAX_TEXT);
  const title = checkedText(input.title ?? known?.title ?? text.slice(0, 60), "title", MAX_TITLE);
  const dependsOn = [...new Set(input.dependsOn ?? known?.dependsOn ?? [])];
  if (dependsOn.length > MAX_DEPENDENCIES)
    throw invalid(`A job waits for ${MAX_DEPENDENCIES} others at most.`);
  const schedule = scheduleOf(input, { now, zone, known, mayStartAtOnce: dependsOn.length > 0 });
  const until = untilOf(input, known);
  const isReminder = input.isReminder ?? known?.work.kind === "reminder";
  return {
    ...{ title, kind: kindOf(schedule, until), schedule },
    work: { kind: isReminder ? "reminder" : "message", text },
    ...(until === undefined ? {} : { until }),
    deliverTo: input.deliverTo ?? known?.deliverTo ?? "session",
    missed: input.missed ?? known?.missed ?? "one",
    overlap: input.overlap ?? known?.overlap ?? "skip",
    dependsOn,
    onFailedDependency: input.onFailedDependency ?? known?.onFailedDependency ?? "hold",
    ...flagsOf(input, known),
  };
}

function flagsOf(input: JobInput, known: JobSpec | undefined): Pick<JobSpec, "isSilent" | "evenWhenQuiet"> {
  const isSilent = input.isSilent ?? known?.isSilent ?? false;
  const evenWhenQuiet = input.evenWhenQuiet ?? known?.evenWhenQuiet ?? false;
  return { ...(isSilent ? { isSilent } : {}), ...(evenWhenQuiet ? { evenWhenQuiet } : {}) };
}

function kindOf(schedule: JobSchedule, until: JobUntil | undefined): JobKind {
  if (schedule.at !== undefined) {
    if (until !== undefined)
      throw invalid("A job that runs once needs no end. Give an interval or a cron pattern with it.");
    return "one_off";
  }
  if (until !== undefined) return "ongoing";
  return schedule.cron === undefined ? "recurring" : "scheduled";
}

function untilOf({ until, maxRuns }: JobInput, known: JobSpec | undefined): JobUntil | undefined {
  const condition = until?.trim() ?? known?.until?.condition;
  const runs = maxRuns ?? known?.until?.maxRuns;
  if (runs !== undefined && !(Number.isInteger(runs) && runs >= 1 && runs <= 100_000))
    throw invalid("maxRuns must be a whole number from 1 to 100000.");
  if ((condition === undefined || condition === "") && runs === undefined) return undefined;
  return {
    ...(condition === undefined || condition === "" ? {} : { condition: condition.slice(0, 500) }),
    ...(runs === undefined ? {} : { maxRuns: runs }),
  };
}

function scheduleOf(
  input: JobInput,
  about: {
    readonly now: number;
    readonly zone: string;
    readonly known: JobSpec | undefined;
    readonly mayStartAtOnce: boolean;
  },
): JobSchedule {
  const { now, known, mayStartAtOnce } = about;
  const zone = input.zone?.trim() || about.zone;
  const { at, inSeconds, cron, everyMinutes } = timesOf(input, now, zone);
  const given = [at, inSeconds, cron, everyMinutes].filter((one) => one !== undefined).length;
  if (given === 0 && known !== undefined) return movedTo(known.schedule, input.zone?.trim());
  if (given > 1) throw invalid("Give exactly one of a time, a cron pattern and an interval.");
  if (given === 0 && !mayStartAtOnce) throw invalid("Say when: a time, a cron pattern or an interval.");
  const schedule: JobSchedule = {
    zone,
    ...(cron === undefined ? {} : { cron: cron.trim() }),
    ...(everyMinutes === undefined ? {} : { everyMs: everyMinutes * 60_000 }),
    ...(inSeconds === undefined ? {} : { at: now + Math.max(1, Math.round(inSeconds * 1_000)) }),
    ...(at === undefined ? {} : { at: momentOf(at, zone) }),
    // What waits for others and says no time runs when they are done.
    ...(given === 0 ? { at: now + 1 } : {}),
  };
  assertSchedule(schedule, now);
  return schedule;
}

type Times = Pick<JobInput, "at" | "inSeconds" | "cron" | "everyMinutes">;

/** The times that are given, those in words among them. */
function timesOf({ when, at, inSeconds, cron, everyMinutes }: JobInput, now: number, zone: string): Times {
  const given: Times = {
    ...(at === undefined ? {} : { at }),
    ...(inSeconds === undefined ? {} : { inSeconds }),
    ...(cron === undefined ? {} : { cron }),
    ...(everyMinutes === undefined ? {} : { everyMinutes }),
  };
  if (when === undefined) return given;
  if (Object.keys(given).length > 0) throw invalid("Say when in words or in fields, not both.");
  assertZone(zone);
  const read = readWhen(when, now, zone);
  if (read !== undefined) return read;
  throw invalid(
    `I cannot read "${when.slice(0, 80)}" as a time. Say, for example: in 10 minutes, tomorrow at 9, every Monday at 8, or 2026-11-21 18:30.`,
  );
}

/** The same times on the clocks of another zone; of a job that runs once, the same moment. */
function movedTo(schedule: JobSchedule, zone: string | undefined): JobSchedule {
  if (zone === undefined || zone === "") return schedule;
  assertZone(zone);
  return { ...schedule, zone };
}

function assertZone(zone: string): void {
  if (!isZone(zone))
    throw invalid(`"${zone.slice(0, 80)}" is no time zone. Use an IANA name such as Europe/Kyiv.`);
}

function momentOf(text: string, zone: string): number {
  assertZone(zone);
  const local = atOf(text, zone);
  if (local !== undefined) return local;
  const absolute = /(?:[zZ]|[+-]\d{2}:?\d{2})$/.test(text.trim()) ? Date.parse(text.trim()) : Number.NaN;
  if (Number.isNaN(absolute))
    throw invalid(`"${text.slice(0, 80)}" is no time. Write 2026-11-21 18:30, or ISO 8601 with an offset.`);
  return absolute;
}

function checkedText(text: string, what: string, most: number): string {
  const trimmed = text.trim();
  if (trimmed === "") throw invalid(`The job needs a ${what}.`);
  if (trimmed.length > most) throw invalid(`The ${what} is longer than ${most} characters.`);
  return trimmed;
}

function invalid(message: string): TroupeError {
  return new TroupeError(message, { code: "request.invalid" });
}
