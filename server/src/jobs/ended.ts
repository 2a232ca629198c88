import type {
  CallOptions,
  Clock,
  Effect,
  EffectHandler,
  Job,
  JobRun,
  JobStore,
  Logger,
  ModelRequest,
  SessionStore,
  TurnState,
} from "@troupe/contracts";
import { TroupeError, textOf } from "@troupe/contracts";
import { type AskSmall, reasonOf } from "./conditions.ts";
import { judge, type Verdict } from "./judge.ts";
import { runStateOf, settledRun } from "./settle.ts";
import { type SettlingDeps, settling } from "./settling.ts";

/** Kept in the commit that ends the turn of a run. */
export const JOB_ENDED = "job.ended";
export const JOB_ENDED_VERSION = 1;

export interface EndedDeps extends SettlingDeps {
  readonly jobs: Pick<JobStore, "get" | "runs">;
  readonly sessions: Pick<SessionStore, "messages">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Asked of a condition that no rule decides. Absent: rules alone judge. */
  readonly askSmall?: AskSmall;
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
      const verdict = await judgeRun(deps, job, effect, messageId, options);
      const isOver = verdict === "holds";
      const judged = verdict === undefined || verdict === "unsure" ? undefined : reasonOf(job, isOver);
      const reason = error?.message ?? judged;
      const end = { state: runStateOf(state), turnId, messageId, reason, isOver };
      deps.onSettled();
      return settling(deps, job, settledRun(job, run, end, deps.clock.now()));
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

/** Whether the job's condition holds by what this run said; undefined where it has none, or nothing was said. */
async function judgeRun(
  { sessions, askSmall, logger }: EndedDeps,
  job: Job,
  { id: holder, sessionId, turnId }: Effect,
  messageId: string | undefined,
  options: CallOptions,
): Promise<Verdict | undefined> {
  if (job.spec.kind !== "ongoing" || job.spec.until?.condition === undefined || messageId === undefined)
    return undefined;
  const { items } = await sessions.messages({ sessionId, newest: true, limit: LOOKED_AT }, options);
  const message = items.find(({ id }) => id === messageId);
  if (message === undefined) return undefined;
  const about = { holder, turnId, sessionId, agentId: job.agentId };
  const ask = askSmall && ((request: ModelRequest) => askSmall(request, about, options));
  const said = [{ role: "assistant" as const, text: textOf(message.parts) }];
  const deps = { logger, ...(ask === undefined ? {} : { ask }) };
  return (await judge(deps, [job], said, "assistant")).get(job.id);
}
