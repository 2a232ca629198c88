import type {
  CallOptions,
  Clock,
  Effect,
  EffectHandler,
  Job,
  JobRun,
  JobRunStore,
  JobStore,
  SessionStore,
  TurnState,
} from "@troupe/contracts";
import { TroupeError, textOf } from "@troupe/contracts";
import { runStateOf, settledRun } from "./settle.ts";
import { isFulfilled } from "./until.ts";

/** Kept in the commit that ends the turn of a run. */
export const JOB_ENDED = "job.ended";
export const JOB_ENDED_VERSION = 1;

export interface EndedDeps {
  readonly jobs: Pick<JobStore, "get" | "runs">;
  readonly jobRuns: Pick<JobRunStore, "settle">;
  readonly sessions: Pick<SessionStore, "messages">;
  readonly clock: Clock;
  /** Something moved: what is due next may be due now. */
  readonly onSettled: () => void;
}

interface Ended {
  readonly jobId: string;
  readonly runId: string;
  readonly turnId: string;
  readonly state: TurnState;
  readonly messageId?: string;
  readonly error?: { readonly message?: string };
}

/** Settles run and job when the run's turn has ended; the writes are committed with the mark that it is done. */
export function createEndedHandler(deps: EndedDeps): EffectHandler {
  return {
    kind: JOB_ENDED,
    versions: [JOB_ENDED_VERSION],
    async handle(effect, options) {
      const ended = read(effect);
      const job = await deps.jobs.get({ spaceId: effect.spaceId, id: ended.jobId }, options);
      const run = job && (await openRun(deps.jobs, job, ended.runId, options));
      // Settled already, by the sweep or with the job's end: nothing is left to do.
      if (job === undefined || run === undefined) return [];
      const { state, turnId, messageId, error } = ended;
      const isOver = await hasSaidEnough(deps, job, effect, messageId, options);
      const end = { state: runStateOf(state), turnId, messageId, reason: error?.message, isOver };
      deps.onSettled();
      return [deps.jobRuns.settle(settledRun(job, run, end, deps.clock.now()))];
    },
  };
}

function read({ payload, turnId }: Effect): Ended {
  const { jobId, runId, state } = payload;
  if (typeof jobId === "string" && typeof runId === "string" && typeof state === "string")
    return { ...(payload as unknown as Ended), turnId };
  throw new TroupeError("The end of a run does not say of which.", { code: "request.invalid" });
}

/** The run while it is open. */
export async function openRun(
  jobs: Pick<JobStore, "runs">,
  job: Job,
  runId: string,
  options: CallOptions,
): Promise<JobRun | undefined> {
  const { items } = await jobs.runs({ jobId: job.id, limit: 5 }, options);
  const run = items.find(({ id }) => id === runId);
  return run?.state === "starting" || run?.state === "running" ? run : undefined;
}

/** Newest messages of its session that are looked at. */
const LOOKED_AT = 10;

async function hasSaidEnough(
  { sessions }: EndedDeps,
  job: Job,
  { sessionId }: Effect,
  messageId: string | undefined,
  options: CallOptions,
): Promise<boolean> {
  if (job.spec.kind !== "ongoing" || job.spec.until?.condition === undefined || messageId === undefined)
    return false;
  const { items } = await sessions.messages({ sessionId, newest: true, limit: LOOKED_AT }, options);
  const said = items.find(({ id }) => id === messageId);
  return said !== undefined && isFulfilled(job.spec.until, textOf(said.parts));
}
