import type {
  AcceptResult,
  CallOptions,
  ClaimedJob,
  Clock,
  InboundMessage,
  Inbox,
  InboxStore,
  Job,
  JobRun,
  JobRunStore,
  JobStore,
  Logger,
  QuietTimes,
  Session,
  SessionStore,
  TurnControl,
  TurnStore,
  UnitOfWork,
} from "@troupe/contracts";
import { TroupeError, textOf } from "@troupe/contracts";
import type { Metrics } from "../kit/index.ts";
import { isLeftOut } from "./after-run.ts";
import { isKnownTo, messageOf, principalOf } from "./messages.ts";
import { readersOf, sessionOf } from "./origin-session.ts";
import { quietReason } from "./quiet-hours.ts";
import { RUN_NOW } from "./service.ts";
import { type RunEnd, settledRun } from "./settle.ts";
import { type SettlingDeps, settling } from "./settling.ts";

/** Tries of a message that the way in refuses for now, and the pauses between them. Source: feature NR-074. */
const MAX_TRIES = 6;
const FIRST_PAUSE_MS = 30_000;
const MAX_PAUSE_MS = 30 * 60_000;
/** What an answer of an earlier job may bring into a message. */
const MAX_BEFORE_CHARACTERS = 4_000;

export interface StarterDeps extends SettlingDeps {
  readonly unit: UnitOfWork;
  readonly jobs: Pick<JobStore, "get" | "runs">;
  readonly jobRuns: Pick<JobRunStore, "mayBegin" | "started" | "postpone" | "settle">;
  readonly sessions: Pick<SessionStore, "get" | "find">;
  readonly turns: Pick<TurnStore, "get">;
  readonly inbox: Inbox;
  /** What came in. */
  readonly inboxRows: Pick<InboxStore, "find">;
  readonly control: Pick<TurnControl, "cancel">;
  /** Runs wait for their end. Absent: nobody has any. */
  readonly quiet?: QuietTimes;
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
  const left = whyLeftOut(claimed);
  if (left?.isOver !== true && job.endedAt === undefined) {
    const waits = await waitOut(deps, claimed, options);
    if (waits) return "quiet";
  }
  if (left !== undefined && job.endedAt === undefined) {
    await settle(deps, claimed, { state: "skipped", reason: left.reason, isOver: left.isOver }, options);
    return "skipped";
  }
  const session = await sessionOf(deps.sessions, job, options);
  if (job.endedAt !== undefined) return endedMeanwhile(deps, claimed, session, options);
  const readers = readersOf(job, session);
  // Where it would say that it says nothing, it says nothing.
  if (job.spec.isSilent === true && !isKnownTo(job, readers)) {
    await settle(
      deps,
      claimed,
      { state: "skipped", reason: "Somebody joined who does not know of it." },
      options,
    );
    return "withheld";
  }
  const before = await answersBefore(deps, job, readers, options);
  const message = messageOf(job, runId, session, { before, at: dueAt });
  const result = await accept(deps, claimed, message, options);
  if (result === undefined) {
    const ended = await deps.jobs.get({ spaceId: job.spaceId, id: job.id }, options);
    return ended?.endedAt === undefined
      ? "lost"
      : endedMeanwhile(deps, { ...claimed, job: ended }, session, options);
  }
  if (result.kind === "refused") return refused(deps, claimed, result, options);
  await follow(deps, claimed, result.turnId, options);
  return result.kind;
}

/** Undefined: the run or its job ended before this came to be kept, and a person may have been told so. */
async function accept(
  { inbox, jobRuns }: StarterDeps,
  { job, runId }: ClaimedJob,
  message: InboundMessage,
  options: CallOptions,
): Promise<AcceptResult | undefined> {
  const guards = [jobRuns.mayBegin({ runId, jobId: job.id })];
  try {
    return await inbox.accept({ ...message, guards }, principalOf(job), options);
  } catch (error) {
    if (TroupeError.is(error, "store.conflict")) return undefined;
    throw error;
  }
}

/** Notes the turn of a run, and stops it where its job was cancelled meanwhile. */
async function follow(
  { unit, jobRuns, control }: StarterDeps,
  { job, runId, epoch }: ClaimedJob,
  turnId: string,
  options: CallOptions,
): Promise<void> {
  const started = jobRuns.started({ runId, jobId: job.id, epoch, turnId });
  const { jobState } = (await unit.commit([started], options)).read(started);
  if (jobState === "cancelled") await control.cancel(turnId, { reason: "its job was cancelled" }, options);
}

/** Its job was cancelled while another process started it, which then died: the run ends, with its turn where it has one. */
async function endedMeanwhile(
  deps: StarterDeps,
  claimed: ClaimedJob,
  session: Session | undefined,
  options: CallOptions,
): Promise<string> {
  const { job, runId, dueAt } = claimed;
  const { channel } = messageOf(job, runId, session, { before: "", at: dueAt });
  const { spaceId, id: principalId } = principalOf(job);
  const row = await deps.inboxRows.find({ spaceId, principalId, channel, platformId: runId }, options);
  if (row === undefined)
    await settle(deps, claimed, { state: "cancelled", reason: "Its job was cancelled." }, options);
  else await follow(deps, claimed, row.turnId, options);
  return "cancelled";
}

/** Whether it was put off to the end of quiet hours. What a person begins by hand, or wanted so, is not. */
async function waitOut(deps: StarterDeps, claimed: ClaimedJob, options: CallOptions): Promise<boolean> {
  const { unit, jobRuns, quiet, clock } = deps;
  const { job, epoch } = claimed;
  if (job.spec.evenWhenQuiet === true || job.reason === RUN_NOW) return false;
  const nowMs = clock.now();
  const untilMs = quiet?.until(job, nowMs);
  if (untilMs === undefined) return false;
  if (job.spec.missed === "skip" && job.spec.kind !== "one_off") {
    const end = {
      state: "skipped",
      reason: "Its time fell into quiet hours.",
      leavesOutUntilMs: untilMs,
    } as const;
    await settle(deps, claimed, end, options);
    return true;
  }
  const reason = quietReason(untilMs, job.spec.schedule.zone);
  await unit.commit([jobRuns.postpone({ jobId: job.id, epoch }, untilMs - nowMs, reason)], options);
  return true;
}

/** What was claimed in time stays so, however long its start takes: its turn may be there already. */
function whyLeftOut({
  job,
  dueAt,
  claimedAt,
}: ClaimedJob): { readonly reason: string; readonly isOver: boolean } | undefined {
  const { until } = job.spec;
  if (until?.maxRuns !== undefined && job.runs >= until.maxRuns)
    return { reason: "It had run as often as it was to.", isOver: true };
  if (isLeftOut(job.spec, dueAt, claimedAt))
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
    const delayMs = Math.max(pauseMs, retryAfterMs ?? 0);
    await deps.unit.commit([deps.jobRuns.postpone(claim, delayMs, message)], options);
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
    await deps.unit.commit(settling(deps, newest, settledRun(newest, run, end, deps.clock.now())), options);
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
      if (said === undefined) return [];
      const text = textOf(said.parts);
      return [isKnownTo(needed, readers) ? `${needed.spec.title}: ${text}` : text];
    }),
  );
  return answers.flat().join("\n\n").slice(0, MAX_BEFORE_CHARACTERS);
}
