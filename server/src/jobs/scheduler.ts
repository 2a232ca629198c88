import type { CallOptions, Job, JobRun, JobRunStore, MessageBus, TurnState } from "@troupe/contracts";
import { SUBJECTS, TroupeError } from "@troupe/contracts";
import { createWakeLoop, within } from "../kit/index.ts";
import { openRun } from "./ended.ts";
import { runStateOf, settledRun } from "./settle.ts";
import { settling } from "./settling.ts";
import { createStarter, type StarterDeps } from "./starter.ts";

const DEFAULT_SWEEP_MS = 20_000;
/** How often runs are looked for that nobody else settles. */
const UPKEEP_MS = 20_000;
const RETRY_MS = 1_000;
const CLOCK_SKEW_PAUSE_MS = 250;
/** Looks after something moved: the commit that moves it may come a moment later. */
const ATTENTIVE_ROUNDS = 4;
const ATTENTIVE_MS = 200;
const DEFAULTS = { parallel: 16, leaseMs: 60_000, runMs: 30 * 60_000 };

export interface SchedulerDeps extends StarterDeps {
  readonly jobs: StarterDeps["jobs"];
  readonly jobRuns: JobRunStore;
  readonly bus: MessageBus;
  readonly processId: string;
  /** How often it looks without being told to, for doorbells that were lost and clocks that were put forward. Default 20,000. */
  readonly sweepMs?: number;
  /** How long a claim is held without its start having come to an end, milliseconds. Default a minute. */
  readonly leaseMs?: number;
  /** Longest time of a run, milliseconds; past it the run counts as lost and its job goes on. Default 30 minutes. */
  readonly runMs?: () => number;
}

export interface Scheduler {
  /** Works until the signal aborts. One timer, however many jobs there are. */
  start(signal: AbortSignal): void;
  /** Claims no more and waits for starts under way, at most `withinMs` milliseconds; what is left is claimed again later. */
  stop(withinMs: number): Promise<void>;
  /** Something is about to move: looks now and a few times more. */
  nudge(): void;
}

/** Brings jobs to run when their time has come, and settles what nobody else settled. One for all agents of a process. */
export function createScheduler(deps: SchedulerDeps): Scheduler {
  const { jobRuns, bus, clock, logger, metrics, processId, sweepMs = DEFAULT_SWEEP_MS } = deps;
  const bells = new DisposableStack();
  const life = new AbortController();
  let attentive = 0;
  let dueAt = Number.POSITIVE_INFINITY;
  const starts = createStarts(deps, life.signal, () => loop.wake());
  const upkeep = createUpkeep(deps);
  metrics.probe("jobs_starting", "Runs of jobs that are on their way into the way in", () => starts.size);
  metrics.probe(
    "jobs_overdue_seconds",
    "How late the oldest due job is, as last looked",
    () => Math.max(0, clock.now() - dueAt) / 1_000,
  );
  const loop = createWakeLoop({
    ...{ name: "jobs", clock, logger, retryMs: RETRY_MS },
    round: async (signal) => {
      await upkeep(signal);
      // The end of a start wakes the loop.
      if (starts.room <= 0) return sweepMs;
      const toDueMs = (await jobRuns.untilDueMs(processId, { signal })) ?? Number.POSITIVE_INFINITY;
      dueAt = clock.now() + toDueMs;
      const lookMs = attentive > 0 ? ATTENTIVE_MS : sweepMs;
      attentive = Math.max(0, attentive - 1);
      if (toDueMs > 0) return Math.min(sweepMs, lookMs, toDueMs);
      return (await starts.claim(signal)) > 0 ? 0 : CLOCK_SKEW_PAUSE_MS;
    },
  });
  return {
    start(signal) {
      if (signal.aborted) return;
      signal.addEventListener("abort", () => life.abort(signal.reason), { once: true });
      // Back on the bus: a bell may have been missed.
      for (const subject of [SUBJECTS.jobDue, SUBJECTS.busBack])
        bells.use(bus.subscribe(subject, () => loop.wake()));
      loop.start(signal);
    },
    async stop(withinMs) {
      bells.dispose();
      await loop.stop(withinMs);
      await starts.drain(withinMs);
      life.abort(new Error("The scheduler stops."));
    },
    nudge() {
      attentive = ATTENTIVE_ROUNDS;
      loop.wake();
    },
  };
}

interface Starts {
  readonly size: number;
  /** How many more may begin. */
  readonly room: number;
  /** Claims what is due and begins it; resolves with how many began. */
  claim(signal: AbortSignal): Promise<number>;
  drain(withinMs: number): Promise<void>;
}

/** Runs on their way into the way in; `signal` cuts them short. */
function createStarts(deps: SchedulerDeps, signal: AbortSignal, onFree: () => void): Starts {
  const { unit, jobRuns, clock, metrics, processId: owner, leaseMs = DEFAULTS.leaseMs } = deps;
  const { parallel } = DEFAULTS;
  const starter = createStarter(deps);
  const under = new Map<string, Promise<void>>();
  const lateness = metrics.histogram(
    "job_late_seconds",
    "Time from when a run was due to its claim",
    [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600],
  );
  return {
    get size() {
      return under.size;
    },
    get room() {
      return parallel - under.size;
    },
    async claim(looking) {
      const limit = parallel - under.size;
      const claimed = jobRuns.claim({ owner, leaseMs, limit, runMs: deps.runMs?.() ?? DEFAULTS.runMs });
      const rows = (await unit.commit([claimed], { signal: looking })).read(claimed);
      // One whose start takes longer than its lease is given again.
      const found = rows.filter(({ runId }) => !under.has(runId));
      for (const one of found) {
        lateness.observe(Math.max(0, one.claimedAt - one.dueAt) / 1_000);
        const work = starter.start(one, { signal }).finally(() => {
          under.delete(one.runId);
          onFree();
        });
        under.set(one.runId, work);
      }
      return found.length;
    },
    async drain(withinMs) {
      if (under.size > 0) await within(clock, Promise.allSettled(under.values()), withinMs);
    },
  };
}

/** Now and then: runs that nobody else settles, and jobs that two ends in one moment left blocked. */
function createUpkeep(deps: SchedulerDeps): (signal: AbortSignal) => Promise<void> {
  const { unit, jobRuns, clock, logger } = deps;
  let doneAtMs = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    if (clock.monotonicMs() - doneAtMs < UPKEEP_MS) return;
    doneAtMs = clock.monotonicMs();
    for (const run of await jobRuns.stuck({ signal })) await settleStuck(deps, run, { signal });
    const released = jobRuns.release(clock.now());
    const { count } = (await unit.commit([released], { signal })).read(released);
    if (count > 0) logger.info("job.released", { count });
  };
}

/** A run that nobody will settle any more: its turn ended without telling, is gone, or takes too long. */
async function settleStuck(deps: SchedulerDeps, run: JobRun, options: CallOptions): Promise<void> {
  const { unit, jobs, turns, clock, logger } = deps;
  const job = await jobs.get({ spaceId: run.spaceId, id: run.jobId }, options);
  if (job === undefined || (await openRun(jobs, job, run.id, options)) === undefined) return;
  const turn = run.turnId === undefined ? undefined : await turns.get(run.turnId, options);
  const isOpen = turn?.state === "queued" || turn?.state === "running";
  const end =
    turn === undefined || isOpen
      ? lost(run, isOpen)
      : { state: runStateOf(turn.state as TurnState), turnId: turn.id };
  try {
    await unit.commit(settling(deps, job, settledRun(job, run, end, clock.now())), options);
    logger.warn("job.recovered", { jobId: job.id, runId: run.id, state: end.state });
  } catch (error) {
    if (!TroupeError.is(error, "store.conflict")) throw error;
    return;
  }
  if (isOpen) await stop(deps, job, turn.id, options);
}

function lost({ turnId }: JobRun, isOpen: boolean): { readonly state: "lost"; readonly reason: string } {
  if (isOpen) return { state: "lost", reason: "It took longer than a run may take." };
  const reason = turnId === undefined ? "It could not begin in time." : "Its turn is not there any more.";
  return { state: "lost", reason };
}

async function stop(
  { control, logger }: SchedulerDeps,
  job: Job,
  turnId: string,
  options: CallOptions,
): Promise<void> {
  try {
    await control.cancel(turnId, { reason: "it took longer than a run may take" }, options);
  } catch (error) {
    logger.warn("job.stop_failed", { jobId: job.id, turnId, error });
  }
}
