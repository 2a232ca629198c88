import type {
  AcceptResult,
  CallOptions,
  ClaimedJob,
  Clock,
  Inbox,
  Job,
  JobRun,
  JobRunStore,
  JobStore,
  Logger,
  SessionStore,
  TurnControl,
  TurnStore,
  UnitOfWork,
} from "@troupe/contracts";
import { TroupeError, textOf } from "@troupe/contracts";
import type { Metrics } from "../kit/index.ts";
import { isLeftOut } from "./after-run.ts";
import { messageOf, principalOf, sessionOf } from "./messages.ts";
import { type RunEnd, settledRun } from "./settle.ts";

/** Tries of a message that the way in refuses for now, and the pauses between them. Source: feature NR-074. */
const MAX_TRIES = 6;
const FIRST_PAUSE_MS = 30_000;
const MAX_PAUSE_MS = 30 * 60_000;
/** What an answer of an earlier job may bring into a message. */
const MAX_BEFORE_CHARACTERS = 4_000;

export interface StarterDeps {
  readonly unit: UnitOfWork;
  readonly jobs: Pick<JobStore, "get" | "runs">;
  readonly jobRuns: Pick<JobRunStore, "started" | "postpone" | "settle">;
  readonly sessions: Pick<SessionStore, "get" | "find">;
  readonly turns: Pick<TurnStore, "get">;
  readonly inbox: Inbox;
  readonly control: Pick<TurnControl, "cancel">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface Starter {
  /** Brings a claimed run into the way in, or settles it without. Never rejects: what fails is claimed again. */
  start(claimed: ClaimedJob, options: CallOptions): Promise<void>;
}

export function createStarter(deps: StarterDeps): Starter {
  const { logger, clock, metrics } = deps;
  const starts = metrics.counter("job_starts_total", "Runs of jobs by what became of them at their start");
  return {
    async start(claimed, options) {
      const { job, runId } = claimed;
      try {
        const outcome = await begin(deps, claimed, options);
        starts.add(1, { outcome });
        logger.info("job.start", {
          jobId: job.id,
          runId,
          outcome,
          lateMs: Math.max(0, clock.now() - claimed.dueAt),
        });
      } catch (error) {
        if (options.signal.aborted) return;
        starts.add(1, { outcome: "failed" });
        // Its lease ends by itself, and whoever claims it next goes on with the same run.
        logger.error("job.start_failed", { jobId: job.id, runId, error });
      }
    },
  };
}

async function begin(deps: StarterDeps, claimed: ClaimedJob, options: CallOptions): Promise<string> {
  const { job, runId, dueAt } = claimed;
  const left = whyLeftOut(claimed, deps.clock.now());
  if (left !== undefined) {
    await settle(deps, claimed, { state: "skipped", reason: left.reason, isOver: left.isOver }, options);
    return "skipped";
  }
  const session = await sessionOf(deps.sessions, job, options);
  const before = await answersBefore(deps, job, session?.audience ?? [job.peerId], options);
  const message = messageOf(job, runId, session, { before, at: dueAt });
  const result = await deps.inbox.accept(message, principalOf(job), options);
  if (result.kind === "refused") return refused(deps, claimed, result, options);
  const started = deps.jobRuns.started({
    ...{ runId, jobId: job.id, epoch: claimed.epoch },
    turnId: result.turnId,
  });
  const { jobState } = (await deps.unit.commit([started], options)).read(started);
  if (jobState === "cancelled")
    await deps.control.cancel(result.turnId, { reason: "its job was cancelled" }, options);
  return result.kind;
}

function whyLeftOut(
  { job, dueAt }: ClaimedJob,
  nowMs: number,
): { readonly reason: string; readonly isOver: boolean } | undefined {
  const { until } = job.spec;
  if (until?.maxRuns !== undefined && job.runs >= until.maxRuns)
    return { reason: "It had run as often as it was to.", isOver: true };
  if (isLeftOut(job.spec, dueAt, nowMs))
    return { reason: "Its time passed while nobody was there.", isOver: false };
  return undefined;
}

/** A refusal that may pass is tried again later with the same run; one that stays is the run's end. */
async function refused(
  deps: StarterDeps,
  claimed: ClaimedJob,
  { code, message, retryAfterMs }: Extract<AcceptResult, { kind: "refused" }>,
  options: CallOptions,
): Promise<string> {
  const mayPass = retryAfterMs !== undefined || code === "rate.limited" || code === "budget.exceeded";
  if (mayPass && claimed.attempt < MAX_TRIES) {
    const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (claimed.attempt - 1));
    const claim = { jobId: claimed.job.id, epoch: claimed.epoch };
    await deps.unit.commit([deps.jobRuns.postpone(claim, Math.max(pauseMs, retryAfterMs ?? 0))], options);
    return "postponed";
  }
  await settle(deps, claimed, { state: "failed", reason: message }, options);
  return "refused";
}

async function settle(
  deps: StarterDeps,
  claimed: ClaimedJob,
  end: RunEnd,
  options: CallOptions,
): Promise<void> {
  const { job, runId, dueAt, claimedAt } = claimed;
  const run: Pick<JobRun, "id" | "dueAt" | "startedAt"> = { id: runId, dueAt, startedAt: claimedAt };
  // Whoever changed the job meanwhile changed its revision: read anew, it is settled by what they chose.
  const newest = (await deps.jobs.get({ spaceId: job.spaceId, id: job.id }, options)) ?? job;
  try {
    await deps.unit.commit([deps.jobRuns.settle(settledRun(newest, run, end, deps.clock.now()))], options);
  } catch (error) {
    if (!TroupeError.is(error, "store.conflict")) throw error;
  }
}

/** What the jobs that this one waited for had said, as far as its readers may read it. Source: feature NN-070. */
async function answersBefore(
  { jobs, turns, sessions }: StarterDeps,
  job: Job,
  readers: readonly string[],
  options: CallOptions,
): Promise<string> {
  const { spaceId } = job;
  const answers = await Promise.all(
    job.spec.dependsOn.map(async (id) => {
      const [needed, runs] = await Promise.all([
        jobs.get({ spaceId, id }, options),
        jobs.runs({ jobId: id, limit: 1 }, options),
      ]);
      const [run] = runs.items;
      if (needed === undefined || run?.turnId === undefined || run.messageId === undefined) return [];
      const turn = await turns.get(run.turnId, options);
      if (turn === undefined) return [];
      const { sessionId, turnSeq } = turn;
      const reference = { kind: "message" as const, id: run.messageId, sessionId, turnSeq };
      const [said] = await sessions.find({ spaceId, readers, references: [reference] }, options);
      return said === undefined ? [] : [`${needed.spec.title}: ${textOf(said.parts)}`];
    }),
  );
  return answers.flat().join("\n\n").slice(0, MAX_BEFORE_CHARACTERS);
}
