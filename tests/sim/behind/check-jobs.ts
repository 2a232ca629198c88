// Jobs: each time runs once or is left out by the job's own policy, one run at a time, and none against what a person was told.
import type { JobRun } from "@troupe/contracts";
import type { Report } from "../check.ts";
import type { KeptTurn } from "../kept.ts";
import type { BehindOutcome } from "./check.ts";
import type { KeptJob } from "./kept.ts";
import type { PlannedJob } from "./plan.ts";

/** What is so late was not missed, says the policy. */
const GRACE_MS = 60_000;

export function checkJobs(outcome: BehindOutcome, report: Report): void {
  const { plan, kept } = outcome;
  const turns = new Map<string, KeptTurn[]>();
  for (const one of kept.turns) {
    const { cause } = one.turn.payload;
    if (cause?.of?.kind !== "job-run") continue;
    turns.set(cause.of.id, [...(turns.get(cause.of.id) ?? []), one]);
  }
  for (const one of kept.jobs) {
    const planned = plan.jobs.find(({ id }) => id === one.job.id);
    if (planned === undefined) continue;
    checkRuns(one, report);
    checkTimes(outcome, one, planned, report);
    checkRunTurns(one, turns, report);
    checkEnd(outcome, one, planned, report);
  }
  const known = new Set(kept.jobs.flatMap(({ runs }) => runs.map(({ id }) => id)));
  for (const id of turns.keys()) if (!known.has(id)) report("no run is invented", `a turn for ${id}`);
  checkHalts(outcome, report);
}

/** Runs are numbered without gaps, and have ended. */
function checkRuns({ job, runs }: KeptJob, report: Report): void {
  const about = `${job.id} (${job.state})`;
  if (runs.some(({ id }, at) => id !== `${job.id}.${at + 1}`) || runs.length !== job.begun)
    report("runs have no gaps", `${about} has begun ${job.begun} and has ${runs.map(({ id }) => id)}`);
  for (const { id, state } of runs)
    if (state === "starting" || state === "running") report("every run ends", `${id} is ${state}`);
  const counted = runs.filter(({ state }) => state !== "skipped").length;
  if (job.runs !== counted) report("every run counts once", `${about} counts ${job.runs}, ended ${counted}`);
  for (const { id, state, reason } of runs)
    if (state === "skipped" && (reason ?? "") === "")
      report("what is left out says why", `${id} is skipped and says nothing`);
}

/** Between two runs no time was passed over but by the job's policy, and none ran twice. */
function checkTimes(
  { plan, wasCalm }: BehindOutcome,
  one: KeptJob,
  planned: PlannedJob,
  report: Report,
): void {
  const { runs } = one;
  const { everyMs, missed } = planned;
  const tolerance = clocksApart(plan);
  for (const run of runs) {
    const lateMs = run.startedAt - run.dueAt;
    if (
      run.state === "skipped" &&
      planned.maxRuns === undefined &&
      (missed !== "skip" || lateMs < GRACE_MS - tolerance)
    )
      report(
        "a time is left out by policy alone",
        `${run.id} was skipped, ${lateMs} ms late, missed: ${missed}`,
      );
    if (missed === "skip" && lateMs > GRACE_MS + tolerance && !["skipped", "cancelled"].includes(run.state))
      report("a time is left out by policy alone", `${run.id} ran ${lateMs} ms late, missed: skip`);
    if (
      wasCalm &&
      plan.skewMs === 0 &&
      lateMs > 3_000 &&
      planned.needs === undefined &&
      planned.acts.length === 0 &&
      run === runs[0]
    )
      report("a run begins in time", `${run.id} began ${lateMs} ms late and nothing was in the way`);
  }
  // A person's wish for another time moves the times that follow.
  if (everyMs === undefined || planned.acts.some(({ action }) => action !== "cancel")) return;
  for (const [at, run] of runs.entries()) {
    const next = runs[at + 1];
    if (next === undefined) break;
    const gap = next.dueAt - run.dueAt;
    if (gap <= 0) report("no time runs twice", `${next.id} is for ${gap} ms after ${run.id}`);
    else if (gap % everyMs !== 0)
      report("a job keeps its times", `${next.id} came ${gap} ms after ${run.id}`);
    else if (gap > everyMs) checkPassed(one, run, next, planned, report);
  }
}

/** Times that nothing ran for: during the run, where those are left out, or before it, where those are not made up for. */
function checkPassed(
  { job }: KeptJob,
  run: JobRun,
  next: JobRun,
  { everyMs = 0, missed, overlap }: PlannedJob,
  report: Report,
): void {
  const first = run.dueAt + everyMs;
  const last = next.dueAt - everyMs;
  const about = `${job.id}: nothing for ${(last - first) / everyMs + 1} times between ${run.id} and ${next.id}`;
  const until = overlap === "queue" ? run.startedAt : (run.endedAt ?? 0);
  if (last > until) report("every time runs", `${about}, which had not come when ${run.id} ended`);
  if (missed === "all" && first <= run.startedAt)
    report("every time runs", `${about}, though all that were missed are made up for`);
}

/** Clocks of processes and database differ so much at most. */
function clocksApart({ skewMs, jumps }: BehindOutcome["plan"]): number {
  return 2 * skewMs + jumps.reduce((sum, { byMs }) => sum + Math.abs(byMs), 0) + 100;
}

/** One turn a run, ended as the run says; the next begins when it has said its last. */
function checkRunTurns(
  { runs }: KeptJob,
  turns: ReadonlyMap<string, readonly KeptTurn[]>,
  report: Report,
): void {
  let lastSeq = 0;
  let lastId = "";
  for (const run of runs) {
    const own = turns.get(run.id) ?? [];
    if (own.length > 1) report("no run is doubled", `${run.id} has turns ${own.map(({ turn }) => turn.id)}`);
    const [one] = own;
    if (one === undefined) {
      if (run.state === "succeeded") report("every run has its turn", `${run.id} succeeded without one`);
      continue;
    }
    const { turn, messages } = one;
    if (run.turnId !== undefined && run.turnId !== turn.id)
      report("every run has its turn", `${run.id} names ${run.turnId}, its turn is ${turn.id}`);
    const expected =
      turn.state === "replied" ? "succeeded" : turn.state === "cancelled" ? "cancelled" : "failed";
    if (run.state !== expected && run.state !== "lost")
      report("runs agree with their turns", `${run.id} is ${run.state}, its turn ${turn.state}`);
    const begins = messages.find(({ role }) => role === "user")?.seq ?? 0;
    if (begins < lastSeq) report("one run at a time", `${run.id} began before ${lastId} had said its last`);
    if (run.state === "lost") continue;
    lastSeq = messages.at(-1)?.seq ?? 0;
    lastId = run.id;
  }
}

function checkEnd(
  { kept }: BehindOutcome,
  { job, runs }: KeptJob,
  planned: PlannedJob,
  report: Report,
): void {
  const { everyMs, maxRuns, needs } = planned;
  const last = runs.at(-1);
  if (maxRuns !== undefined && job.runs > maxRuns)
    report(
      "a job ends when it should",
      `${job.id} ran ${job.runs} times of ${maxRuns}: ${runs.map((run) => `${run.id} for ${run.dueAt - job.createdAt} from ${run.startedAt - job.createdAt} to ${(run.endedAt ?? 0) - job.createdAt} ${run.state}`).join(", ")}`,
    );
  if (job.state === "completed") {
    if (everyMs === undefined && last?.state !== "succeeded")
      report("a job ends when it should", `${job.id} is completed, its last run ${last?.state}`);
    if (everyMs !== undefined && job.runs !== maxRuns)
      report("a job ends when it should", `${job.id} is completed after ${job.runs} runs of ${maxRuns}`);
  }
  if (job.state === "cancelled" && !planned.acts.some(({ action }) => action === "cancel"))
    report("a job ends when it should", `${job.id} is cancelled and nobody wanted that`);
  const needed = kept.jobs.find((one) => one.job.id === `job${needs}`)?.job;
  if (needed === undefined) return;
  if (job.state === "blocked" && needed.state === "completed")
    report("a job moves on with what it waited for", `${job.id} is blocked, ${needed.id} completed`);
  const hasFailed = needed.state === "failed" || needed.state === "cancelled";
  const wasResumed = planned.acts.some(({ action }) => action === "resume");
  if (runs.length > 0 && hasFailed && !wasResumed)
    report("a job waits for what it needs", `${job.id} ran, ${needed.id} ${needed.state}`);
  if (hasFailed && job.state === "blocked" && planned.onFailed === "fail")
    report("a job moves on with what it waited for", `${job.id} is blocked, ${needed.id} ${needed.state}`);
}

/** From an acknowledged pause or cancel on, no run began. */
function checkHalts({ kept, told }: BehindOutcome, report: Report): void {
  for (const { jobId, action, begun, begunLater } of told.halts) {
    const job = kept.jobs.find((one) => one.job.id === jobId)?.job;
    const later = begunLater ?? job?.begun ?? begun;
    if (later !== begun)
      report("a halted job begins no run", `${jobId}: ${begun} begun at the ${action}, ${later} later`);
  }
}
