import type { Job, JobRun, JobRunState, JobTime, SettledRun, TurnState } from "@troupe/contracts";
import { timeAfterRun } from "./after-run.ts";
import { timeIn } from "./schedule.ts";

/** A one-off job whose turn failed is tried so often again, each time later. Source: feature NR-074. */
const RETRIES = 3;
const RETRY_MS = 30_000;
const RETRY_FACTOR = 8;
const MAX_RETRY_MS = 30 * 60_000;

export interface RunEnd {
  readonly state: Exclude<JobRunState, "starting" | "running">;
  readonly turnId?: string | undefined;
  readonly messageId?: string | undefined;
  readonly reason?: string | undefined;
  /** What its turn said shows that the job is over. */
  readonly isOver?: boolean;
  /** Times up to then are left out as well, UTC milliseconds. */
  readonly leavesOutUntilMs?: number;
}

/** How a turn's end reads as a run's. */
export function runStateOf(state: TurnState): RunEnd["state"] {
  if (state === "replied" || state === "suppressed") return "succeeded";
  return state === "cancelled" ? "cancelled" : "failed";
}

/** What becomes of a job with the end of its run. Scheduling is arithmetic alone; no model decides a time. */
export function settledRun(
  job: Job,
  run: Pick<JobRun, "id" | "dueAt" | "startedAt">,
  end: RunEnd,
  nowMs: number,
): SettledRun {
  const { state, turnId, messageId, reason } = end;
  // It began by the store's clock. A process behind that would find each next time missed, and the one after it.
  const at = Math.max(nowMs, run.startedAt);
  return {
    ...{ runId: run.id, jobId: job.id, revision: job.revision, state, at },
    ...(turnId === undefined ? {} : { turnId }),
    ...(messageId === undefined ? {} : { messageId }),
    ...(reason === undefined ? {} : { reason }),
    job: jobAfter(job, run, end, at),
  };
}

function jobAfter(
  job: Job,
  run: Pick<JobRun, "dueAt" | "startedAt">,
  end: RunEnd,
  nowMs: number,
): SettledRun["job"] {
  const runs = job.runs + (end.state === "skipped" ? 0 : 1);
  const { until, schedule, kind } = job.spec;
  // A person chose another time while it ran.
  const chosen = job.next.at > run.dueAt ? job.next : undefined;
  if (kind === "one_off" && chosen === undefined) return afterOnce(job, end, runs, nowMs);
  const outUntilMs = end.leavesOutUntilMs ?? 0;
  const next =
    chosen ??
    timeAfterRun(job.spec, {
      dueAt: run.dueAt,
      startedAt: Math.max(run.startedAt, outUntilMs),
      nowMs: Math.max(nowMs, outUntilMs),
    });
  const isOver = end.isOver === true || (until?.maxRuns !== undefined && runs >= until.maxRuns);
  if (isOver || next === undefined) return { state: "completed", next: timeIn(schedule.zone, run.dueAt) };
  return { state: "active", next };
}

function afterOnce(job: Job, { state }: RunEnd, runs: number, nowMs: number): SettledRun["job"] {
  if (state === "succeeded") return { state: "completed", next: job.next };
  const mayRetry = (state === "failed" || state === "lost") && runs <= RETRIES;
  return mayRetry
    ? { state: "active", next: retryTime(job, runs, nowMs) }
    : { state: "failed", next: job.next };
}

function retryTime({ spec }: Job, runs: number, nowMs: number): JobTime {
  const delayMs = Math.min(MAX_RETRY_MS, RETRY_MS * RETRY_FACTOR ** (runs - 1));
  return timeIn(spec.schedule.zone, nowMs + delayMs);
}
