import type { JobSchedule, JobSpec, JobTime } from "@troupe/contracts";
import { hoursEndAt } from "./hours.ts";
import { nextTime, timeIn } from "./schedule.ts";

/** `missed: all` makes up for the times of so long at most. */
const CATCH_UP_MS = 86_400_000;
/** What is so late was not missed: the process was only busy, or a clock a little off. */
export const GRACE_MS = 60_000;

/** True for a time that passed while nobody was there, of a job that makes up for none. */
export function isLeftOut(spec: JobSpec, dueAt: number, claimedAt: number): boolean {
  return spec.missed === "skip" && claimedAt - dueAt > GRACE_MS;
}

/**
 * When a job runs next after its run for `dueAt`, which began at `startedAt` and ended at `nowMs`; undefined for one that is
 * over. Times up to the start were missed, those up to the end fell into the run: each kind by its own policy. A clock that
 * was put back changes nothing: what follows comes after `dueAt`.
 */
export function timeAfterRun(
  spec: JobSpec,
  run: { readonly dueAt: number; readonly startedAt: number; readonly nowMs: number },
): JobTime | undefined {
  const { schedule, missed, overlap } = spec;
  const { dueAt, startedAt, nowMs } = run;
  const after = (ms: number): JobTime | undefined => nextWithin(schedule, Math.max(ms, dueAt), dueAt);
  if (missed === "all") {
    const next = after(Math.max(dueAt, nowMs - CATCH_UP_MS));
    if (next !== undefined && next.at <= startedAt) return next;
  }
  return after(overlap === "queue" ? startedAt : nowMs);
}

/** The time of a new job, in its zone. */
export function firstTime(spec: Pick<JobSpec, "schedule">, nowMs: number): JobTime {
  return nextWithin(spec.schedule, nowMs) ?? timeIn(spec.schedule.zone, nowMs);
}

/** The next time within the hours of the schedule; for one outside of them, when they begin. */
function nextWithin(schedule: JobSchedule, afterMs: number, anchorMs?: number): JobTime | undefined {
  const next = nextTime(schedule, afterMs, anchorMs);
  const { within, zone } = schedule;
  if (next === undefined || within === undefined) return next;
  const beginsAt = hoursEndAt({ from: within.to, to: within.from }, zone, next.at);
  return beginsAt === undefined ? next : timeIn(zone, beginsAt);
}
