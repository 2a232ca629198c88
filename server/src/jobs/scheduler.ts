import type { CallOptions, Job, JobRun, JobRunStore, MessageBus, TurnState } from "@troupe/contracts";
import { SUBJECTS, TroupeError } from "@troupe/contracts";
import { createWakeLoop, within } from "../kit/index.ts";
import { openRun } from "./ended.ts";
import { runStateOf, settledRun } from "./settle.ts";
import { createStarter, type StarterDeps } from "./starter.ts";

const DEFAULT_SWEEP_MS = 20_000;
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
  readonly sweepMs?: number;
  /** Longest time of a run, milliseconds; past it the run counts as lost and its job goes on. Default 30 minutes. */
  readonly runMs?: () => number;
}

export interface Scheduler {
  /** Works until the signal aborts. One timer, however many jobs there are. */
  start(signal: AbortSignal): void;
  /** Claims no more and waits for starts under way. */
  stop(withinMs: number): Promise<void>;
  /** Something moved, or is about to: looks now and a few times more. */
  nudge(): void;
}

/** Brings jobs to run when their time has come, and settles what nobody else settled. One for all agents of a process. */
export function createScheduler(deps: SchedulerDeps): Scheduler {
  const { unit, jobRuns, bus, clock, logger, metrics, processId, sweepMs = DEFAULT_SWEEP_MS } = deps;
  const starter = createStarter(deps);
  const under = new Map<string, Promise<void>>();
  let sweptAtMs = Number.NEGATIVE_INFINITY;
  let attentive = 0;
  let doorbell: Disposable | undefined;
  const lateness = metrics.histogram(
    "job_late_seconds",
    "Time from when a run was due to its claim",
    [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600],
  );

  const claim = async (signal: AbortSignal): Promise<number> => {
    const { parallel, leaseMs } = DEFAULTS;
    const claimed = jobRuns.claim({
      ...{ owner: processId, leaseMs, limit: parallel - under.size },
      runMs: deps.runMs?.() ?? DEFAULTS.runMs,
    });
    // A process whose own lease has ended is given again what it starts already.
    const found = (await unit.commit([claimed], { signal }))
      .read(claimed)
      .filter(({ runId }) => !under.has(runId));
    for (const one of found) {
      lateness.observe(Math.max(0, one.claimedAt - one.dueAt) / 1_000);
      const work = starter.start(one, { signal }).finally(() => {
        under.delete(one.runId);
        loop.wake();
      });
      under.set(one.runId, work);
    }
    return found.length;
  };
  const sweep = async (signal: AbortSignal): Promise<void> => {
    if (clock.monotonicMs() - sweptAtMs < sweepMs) return;
    sweptAtMs = clock.monotonicMs();
    for (const run of await jobRuns.stuck({ signal })) await settleStuck(deps, run, { signal });
    const released = jobRuns.release(clock.now());
    const { count } = (await unit.commit([released], { signal })).read(released);
    if (count > 0) logger.info("job.released", { count });
  };
  const loop = createWakeLoop({
    ...{ name: "jobs", clock, logger, retryMs: RETRY_MS },
    round: async (signal) => {
      await sweep(signal);
      // The end of a start wakes the loop.
      if (under.size >= DEFAULTS.parallel) return undefined;
      const dueAt = (await jobRuns.nextDue({ signal })) ?? Number.POSITIVE_INFINITY;
      const toDueMs = dueAt - clock.now();
      const isAttentive = attentive > 0;
      if (isAttentive) attentive -= 1;
      const nextMs = Math.min(sweepMs, isAttentive ? ATTENTIVE_MS : sweepMs, Math.max(toDueMs, 0));
      if (toDueMs > 0) return nextMs;
      return (await claim(signal)) > 0 ? 0 : CLOCK_SKEW_PAUSE_MS;
    },
  });
  const nudge = (): void => {
    attentive = ATTENTIVE_ROUNDS;
    loop.wake();
  };
  return {
    start(signal) {
      doorbell ??= bus.subscribe(SUBJECTS.jobDue, nudge);
      loop.start(signal);
    },
    async stop(withinMs) {
      doorbell?.[Symbol.dispose]();
      await loop.stop(withinMs);
      if (under.size > 0) await within(clock, Promise.allSettled(under.values()), withinMs);
    },
    nudge,
  };
}

/** A run that nobody will settle any more: its turn ended without telling, is gone, or takes too long. */
async function settleStuck(deps: SchedulerDeps, run: JobRun, options: CallOptions): Promise<void> {
  const { unit, jobs, jobRuns, turns, clock, logger } = deps;
  const job = await jobs.get({ spaceId: run.spaceId, id: run.jobId }, options);
  if (job === undefined || (await openRun(jobs, job, run.id, options)) === undefined) return;
  const turn = run.turnId === undefined ? undefined : await turns.get(run.turnId, options);
  const isOpen = turn?.state === "queued" || turn?.state === "running";
  const end =
    turn === undefined || isOpen
      ? lost(isOpen)
      : { state: runStateOf(turn.state as TurnState), turnId: turn.id };
  try {
    await unit.commit([jobRuns.settle(settledRun(job, run, end, clock.now()))], options);
    logger.warn("job.recovered", { jobId: job.id, runId: run.id, state: end.state });
  } catch (error) {
    if (!TroupeError.is(error, "store.conflict")) throw error;
    return;
  }
  if (isOpen) await stop(deps, job, turn.id, options);
}

function lost(isOpen: boolean): { readonly state: "lost"; readonly reason: string } {
  const reason = isOpen ? "It took longer than a run may take." : "Its turn was not there any more.";
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
