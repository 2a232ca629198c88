import type {
  AnyHook,
  CallOptions,
  Clock,
  Effect,
  EffectHandler,
  Job,
  JobStore,
  Logger,
  MessageBus,
  MessagePart,
  ModelRequest,
  Notices,
  SessionStore,
  Trigger,
  Write,
} from "@troupe/contracts";
import { SUBJECTS, TroupeError, textOf } from "@troupe/contracts";
import { createWakeLoop, detectLanguage, type WakeLoop } from "../kit/index.ts";
import { tellJob } from "./catalogue.ts";
import { judge, type Said } from "./judge.ts";
import { sessionOf } from "./origin-session.ts";

/** Kept in the commit that ends a turn of somebody for whom an ongoing job waits. */
const JUDGE = "job.judge";
const JUDGE_VERSION = 1;
const SWEEP_MS = 60_000;
/** Bells that ring together are one look. */
const PAUSE_MS = 1_000;
const RETRY_MS = 2_000;
/** The tool that gives a job another condition. */
const CHANGING_TOOL = "job_update";
/** Newest messages of a session that are looked at for those of the turn. */
const LOOKED_AT = 30;

/** Asks a small model for the owner of a job; its cost is reserved and settled. */
export type AskSmall = (
  request: ModelRequest,
  about: {
    readonly holder: string;
    readonly turnId: string;
    readonly sessionId: string;
    readonly agentId: string;
  },
  options: CallOptions,
) => Promise<string>;

export interface ConditionDeps {
  readonly spaceId: string;
  readonly jobs: Pick<JobStore, "list" | "change" | "awaited">;
  readonly sessions: Pick<SessionStore, "get" | "messages">;
  readonly notices: Pick<Notices, "write">;
  readonly bus: Pick<MessageBus, "subscribe">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absent: rules alone judge. */
  readonly askSmall?: AskSmall;
}

/** Conditions of ongoing jobs, judged by what their targets say in chat. Source: feature NN-066. */
export interface Conditions {
  /** Costs a look into a set where no job waits for anybody. */
  readonly hook: AnyHook;
  readonly handler: EffectHandler;
  /** Knows for whom jobs wait: one loop for all of them. */
  start(signal: AbortSignal): void;
  stop(withinMs: number): Promise<void>;
}

const BY_PEOPLE: ReadonlySet<Trigger> = new Set(["chat", "channel"]);

export function createConditions(deps: ConditionDeps): Conditions {
  let awaited: ReadonlySet<string> = new Set();
  let heard: Disposable | undefined;
  const loop: WakeLoop = createWakeLoop({
    ...{ name: "conditions", clock: deps.clock, logger: deps.logger, retryMs: RETRY_MS },
    round: async (signal) => {
      const found = await deps.jobs.awaited(deps.spaceId, { signal });
      awaited = new Set(found.map(keyOf));
      return SWEEP_MS;
    },
  });
  return {
    hook: {
      point: "turn_end",
      name: "conditions",
      run({ turn, state }) {
        const { peerId, agent, trigger } = turn;
        const agentId = agent.spec.id;
        if (state !== "replied" || !BY_PEOPLE.has(trigger) || !awaited.has(keyOf({ agentId, peerId })))
          return undefined;
        return { effects: [{ kind: JUDGE, v: JUDGE_VERSION, payload: { agentId, peerId } }] };
      },
    },
    handler: {
      kind: JUDGE,
      versions: [JUDGE_VERSION],
      handle: (effect, options) => judgeChat(deps, effect, options),
    },
    start(signal) {
      heard ??= deps.bus.subscribe(SUBJECTS.jobDue, () => loop.wakeIn(PAUSE_MS));
      loop.start(signal);
    },
    async stop(withinMs) {
      heard?.[Symbol.dispose]();
      await loop.stop(withinMs);
    },
  };
}

function keyOf({ agentId, peerId }: { readonly agentId: string; readonly peerId: string }): string {
  return `${agentId} ${peerId}`;
}

async function judgeChat(deps: ConditionDeps, effect: Effect, options: CallOptions) {
  const { agentId, peerId } = effect.payload;
  if (typeof agentId !== "string" || typeof peerId !== "string")
    throw new TroupeError("What is to be judged does not say whose jobs.", { code: "request.invalid" });
  const found = await waitingFor(deps, { spaceId: effect.spaceId, agentId, peerId }, options);
  // The words that a job is asked for in are not what it waits for.
  const asked = found.filter(({ origin }) => origin.turnId !== effect.turnId);
  const waiting = await ofSamePerson(deps, asked, effect, options);
  if (waiting.length === 0) return [];
  const said = await saidIn(deps, effect, options);
  if (said.length === 0) return [];
  const { askSmall } = deps;
  const about = { holder: effect.id, turnId: effect.turnId, sessionId: effect.sessionId, agentId };
  const ask = askSmall && ((request: ModelRequest) => askSmall(request, about, options));
  const asking = { logger: deps.logger, ...(ask === undefined ? {} : { ask }) };
  // Quoted words count where the person says them: an agent that lists its jobs says them too.
  const verdicts = await judge(asking, waiting, said, "user");
  const now = deps.clock.now();
  return waiting.flatMap((job) => {
    const reason = reasonOf(job, verdicts.get(job.id) === "holds");
    if (verdicts.get(job.id) === "holds") return ended(deps, job, reason, now);
    return verdicts.get(job.id) === "unsure" || job.reason === reason
      ? []
      : [deps.jobs.change(job, { reason }, now)];
  });
}

/** Told in the owner's inbox: the reply to what ended it says nothing of it. */
function ended(
  { jobs, notices }: ConditionDeps,
  job: Job,
  reason: string,
  now: number,
): readonly Write<unknown>[] {
  const { id, ownerId, spec } = job;
  const language = detectLanguage(`${spec.title} ${spec.work.text}`);
  const title = tellJob(language, "over.title", { title: spec.title });
  const notice = { ownerId, key: `job over ${id}`, title, text: reason };
  return [jobs.change(job, { state: "completed", reason }, now), notices.write(notice)];
}

/** What people read of a condition that was judged, with the job. */
export function reasonOf({ spec }: Job, holds: boolean): string {
  const condition = spec.until?.condition ?? "";
  const language = detectLanguage(`${spec.title} ${spec.work.text}`);
  return tellJob(language, holds ? "until.holds" : "until.not", { condition });
}

async function waitingFor(
  { jobs }: ConditionDeps,
  {
    spaceId,
    agentId,
    peerId,
  }: { readonly spaceId: string; readonly agentId: string; readonly peerId: string },
  options: CallOptions,
): Promise<readonly Job[]> {
  const found: Job[] = [];
  for (let cursor: string | undefined; ; ) {
    const query = { spaceId, agentId, isOpen: true, limit: 200, ...(cursor === undefined ? {} : { cursor }) };
    const page = await jobs.list(query, options);
    found.push(
      ...page.items.filter((job) => job.peerId === peerId && job.spec.until?.condition !== undefined),
    );
    if (page.next === undefined) return found;
    cursor = page.next;
  }
}

/** Two keys may call different people by the same name: what one's says is nothing to the other's jobs. */
async function ofSamePerson(
  { sessions }: ConditionDeps,
  jobs: readonly Job[],
  { sessionId }: Effect,
  options: CallOptions,
): Promise<readonly Job[]> {
  const speaking = jobs.length === 0 ? undefined : await sessions.get(sessionId, options);
  const owners = await Promise.all(
    jobs.map(async (job) => (await sessionOf(sessions, job, options))?.ownerId ?? job.ownerId),
  );
  return jobs.filter((_, at) => owners[at] === speaking?.ownerId);
}

async function saidIn(
  { sessions }: ConditionDeps,
  { sessionId, turnId }: Effect,
  options: CallOptions,
): Promise<readonly Said[]> {
  const { items } = await sessions.messages({ sessionId, newest: true, limit: LOOKED_AT }, options);
  const ofTurn = items.filter((message) => message.turnId === turnId);
  if (ofTurn.some(({ parts }) => parts.some(setsCondition))) return [];
  return ofTurn
    .toSorted((a, b) => a.seq - b.seq)
    .flatMap(({ role, parts }) =>
      role === "user" || role === "assistant" ? [{ role, text: textOf(parts) }] : [],
    );
}

/** What the person said then tells what is to be waited for, and is not that itself. */
function setsCondition(part: MessagePart): boolean {
  return part.type === "tool-call" && part.name === CHANGING_TOOL;
}
