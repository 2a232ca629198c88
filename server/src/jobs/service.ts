import type {
  Audience,
  CallOptions,
  Clock,
  Job,
  JobAction,
  JobAsker,
  JobInput,
  JobPort,
  JobRun,
  JobSpec,
  JobStore,
  NewJob,
  SessionStore,
  TurnControl,
  UnitOfWork,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { firstTime } from "./after-run.ts";
import { cycleFrom } from "./cycles.ts";
import { knownTo } from "./known-jobs.ts";
import { nextTime, timeIn } from "./schedule.ts";
import { specOf } from "./spec.ts";
import { duplicateOf } from "./titles.ts";

export interface JobServiceDeps {
  readonly unit: UnitOfWork;
  readonly jobs: JobStore;
  readonly sessions: Pick<SessionStore, "get">;
  readonly control: Pick<TurnControl, "cancel">;
  readonly clock: Clock;
  /** Open jobs of one owner with one agent. */
  readonly maxPerOwner: () => number;
  /** IANA zone of schedules that name none, for this peer. */
  readonly zone: (peerId: string) => string;
  /** Whether answers can be sent there. */
  readonly hasChannel: (channel: string) => boolean;
  /** A job was made or changed, or will be in a moment. */
  readonly onChange: () => void;
}

/** A change, not kept yet: for whoever commits it with something else. */
export interface Prepared {
  readonly job: Job;
  readonly writes: readonly Write<unknown>[];
  /** The turn of the run under way, to be stopped once the change is kept. */
  readonly stops?: string;
}

/** Open jobs of one owner that are looked at, and numbered. */
export const MAX_LISTED = 200;

/** What a person wants of a job whatever it does just then; its own runs, which move it on, may come between. */
const HALTS: ReadonlySet<JobAction> = new Set<JobAction>(["cancel", "pause"]);
const TRIES = 5;

/** Why a job is due that a person wants to run at once. */
export const RUN_NOW = "A person wanted it to run now.";

/** The port, and its changes one by one, for tools whose writes join a turn's commit. */
export interface JobService extends JobPort {
  prepareCreate(id: string, input: JobInput, asker: JobAsker, options: CallOptions): Promise<Prepared>;
  /**
   * `audience`: everyone who reads along; they know it from now on where its words change. Absent, or with the same words: those who
   * did when it was written.
   */
  prepareUpdate(
    job: Job,
    input: Partial<JobInput>,
    options: CallOptions & { readonly audience?: Audience },
  ): Promise<Prepared>;
  prepareAction(job: Job, action: JobAction, options: CallOptions): Promise<Prepared>;
  /** Keeps what was prepared, and does what follows from it. */
  keep(prepared: Prepared, options: CallOptions): Promise<Job>;
  /** An open job by its id, its title, its number from the oldest on, or the part of its title that only it has. */
  find(
    asker: Pick<JobAsker, "spaceId" | "agentId" | "ownerId"> & { readonly audience: Audience },
    name: string,
    options: CallOptions,
  ): Promise<Job>;
  /** Open jobs of the owner of which everyone who reads the answer may hear, the newest first. */
  known(
    asker: Pick<JobAsker, "spaceId" | "agentId" | "ownerId"> & { readonly audience: Audience },
    options: CallOptions,
  ): Promise<readonly Job[]>;
}

export function createJobService(deps: JobServiceDeps): JobService {
  const keep = async ({ job, writes, stops }: Prepared, options: CallOptions): Promise<Job> => {
    await committed(deps, job, writes, options);
    deps.onChange();
    if (stops !== undefined) await deps.control.cancel(stops, { reason: "its job was cancelled" }, options);
    return (await deps.jobs.get({ spaceId: job.spaceId, id: job.id }, options)) ?? job;
  };
  return {
    async create(id, input, asker, options) {
      const known = await deps.jobs.get({ spaceId: asker.spaceId, id }, options);
      return known ?? keep(await create(deps, { id, input, asker }, options), options);
    },
    update: async (job, input, options) => keep(await update(deps, job, input, options), options),
    async act(job, action, options) {
      let newest = job;
      for (let tries = 1; ; tries++) {
        try {
          return await keep(await act(deps, newest, action, options), options);
        } catch (error) {
          if (tries === TRIES || !HALTS.has(action) || !isOvertaken(error)) throw error;
          newest = (await deps.jobs.get({ spaceId: job.spaceId, id: job.id }, options)) ?? job;
        }
      }
    },
    keep,
    prepareCreate: (id, input, asker, options) => create(deps, { id, input, asker }, options),
    prepareUpdate: (job, input, options) => update(deps, job, input, options),
    prepareAction: (job, action, options) => act(deps, job, action, options),
    find: async (asker, name, options) => find(await known(deps, asker, options), name),
    known: (asker, options) => known(deps, asker, options),
  };
}

function isOvertaken(error: unknown): boolean {
  return TroupeError.is(error, "request.conflict") && TroupeError.is(error.cause, "store.conflict");
}

async function committed(
  { unit }: JobServiceDeps,
  { spec }: Job,
  writes: Prepared["writes"],
  options: CallOptions,
): Promise<void> {
  try {
    await unit.commit(writes, options);
  } catch (error) {
    if (!TroupeError.is(error, "store.conflict")) throw error;
    throw new TroupeError(`"${spec.title}" was changed by somebody else just now. Look at it again.`, {
      code: "request.conflict",
      cause: error,
    });
  }
}

async function create(
  deps: JobServiceDeps,
  { id, input, asker }: { readonly id: string; readonly input: JobInput; readonly asker: JobAsker },
  options: CallOptions,
): Promise<Prepared> {
  const now = deps.clock.now();
  const { spaceId, agentId, ownerId } = asker;
  const { audience, ...owner } = asker;
  const spec = withAudience(specOf(input, { now, zone: deps.zone(asker.peerId) }), audience);
  refuseUnknownChannel(deps, spec);
  const { items: open, next: more } = await deps.jobs.list(
    { spaceId, agentId, ownerId, isOpen: true, limit: MAX_LISTED },
    options,
  );
  const max = deps.maxPerOwner();
  if (open.length >= max || more !== undefined)
    throw refusal(
      `There are ${open.length} open jobs already, and no more than ${max} are kept. Cancel one first.`,
    );
  const next = firstTime(spec, now);
  const heard = audience === undefined ? open : await knownTo(audience, open, deps.sessions, options);
  const known = input.allowSimilar === true ? undefined : duplicateOf(spec, next.at, heard);
  if (known !== undefined)
    throw refusal(
      `There is a job like this already: "${known.spec.title}" (${known.id}). Change that one, or give another title.`,
      "request.conflict",
    );
  const isBlocked = await mustWait(deps, { id, spec, spaceId, ownerId }, options);
  const state = isBlocked ? "blocked" : stateOf(spec);
  const made: NewJob = { id, ...owner, spec, state, next, createdAt: now };
  const job: Job = {
    ...made,
    begun: 0,
    runs: 0,
    revision: 1,
    reason: undefined,
    updatedAt: now,
    endedAt: undefined,
  };
  return { job, writes: [deps.jobs.put(made)] };
}

function withAudience(spec: JobSpec, audience: Audience | undefined): JobSpec {
  return audience === undefined ? spec : { ...spec, audience };
}

async function update(
  deps: JobServiceDeps,
  job: Job,
  input: Partial<JobInput>,
  options: CallOptions & { readonly audience?: Audience },
): Promise<Prepared> {
  refuseEnded(job);
  const now = deps.clock.now();
  const written = specOf(input, { now, zone: job.spec.schedule.zone, known: job.spec });
  const isSaidAnew = wordsOf(written) !== wordsOf(job.spec);
  const spec = withAudience(written, (isSaidAnew ? options.audience : undefined) ?? job.spec.audience);
  refuseUnknownChannel(deps, spec);
  const isNewTime = JSON.stringify(spec.schedule) !== JSON.stringify(job.spec.schedule);
  // What it waited for is looked at only where that is changed: a job that is held may be given other words.
  const isBlocked =
    input.dependsOn === undefined ? job.state === "blocked" : await mustWait(deps, { ...job, spec }, options);
  const state = nextState(job, spec, isBlocked);
  const next = isNewTime ? firstTime(spec, now) : job.next;
  const change = { spec, next, ...(state === undefined ? {} : { state }) };
  return {
    job: { ...job, spec, next, state: state ?? job.state },
    writes: [deps.jobs.change(job, change, now)],
  };
}

/** What a job says, whenever it says it. */
function wordsOf({ title, work, until }: JobSpec): string {
  return JSON.stringify([title, work.text, until?.condition]);
}

/** Only what waits, or waited for others, is moved by a change of its text. */
function nextState(
  job: Job,
  spec: JobSpec,
  isBlocked: boolean,
): "pending" | "active" | "blocked" | undefined {
  if (job.state !== "blocked" && job.state !== "pending" && job.state !== "active") return undefined;
  return isBlocked ? "blocked" : stateOf(spec);
}

async function act(
  deps: JobServiceDeps,
  job: Job,
  action: JobAction,
  options: CallOptions,
): Promise<Prepared> {
  refuseEnded(job);
  const now = deps.clock.now();
  if (action === "cancel") {
    const change = deps.jobs.change(job, { state: "cancelled", reason: null }, now);
    const turnId = (await runUnderWay(deps, job, options))?.turnId;
    return {
      job: { ...job, state: "cancelled" },
      writes: [change],
      ...(turnId === undefined ? {} : { stops: turnId }),
    };
  }
  if (action === "pause") {
    if (job.state === "paused") throw refusal(`"${job.spec.title}" is paused already.`, "request.conflict");
    return { job: { ...job, state: "paused" }, writes: [deps.jobs.change(job, { state: "paused" }, now)] };
  }
  if (action === "resume") return resume(deps, job, now, options);
  if (job.state !== "pending" && job.state !== "active")
    throw refusal(
      `"${job.spec.title}" is ${job.state}; only a job that waits for its time can be run now.`,
      "request.conflict",
    );
  const next = timeIn(job.next.zone, now);
  return { job: { ...job, next }, writes: [deps.jobs.change(job, { next, reason: RUN_NOW }, now)] };
}

/** Of the times that passed during a pause none is made up for; a blocked job goes on without what it waits for. */
async function resume(deps: JobServiceDeps, job: Job, now: number, options: CallOptions): Promise<Prepared> {
  if (job.state !== "paused" && job.state !== "blocked")
    throw refusal(`"${job.spec.title}" is not paused.`, "request.conflict");
  if (job.state === "paused" && (await runUnderWay(deps, job, options)) !== undefined)
    throw refusal(
      `A run of "${job.spec.title}" from before the pause is still under way. Resume it when that has ended.`,
      "request.conflict",
    );
  const state = stateOf(job.spec);
  // An interval keeps its beat.
  const next =
    job.spec.kind === "one_off" || job.next.at > now
      ? job.next
      : (nextTime(job.spec.schedule, now, job.next.at) ?? timeIn(job.next.zone, now));
  const change = deps.jobs.change(job, { state, next, reason: null }, now);
  return { job: { ...job, state, next, reason: undefined }, writes: [change] };
}

function stateOf(spec: JobSpec): "pending" | "active" {
  return spec.kind === "one_off" ? "pending" : "active";
}

/** The run that has not ended; one that starts has no turn yet, but may have one at any moment. */
async function runUnderWay(
  { jobs }: JobServiceDeps,
  job: Job,
  options: CallOptions,
): Promise<JobRun | undefined> {
  const { items } = await jobs.runs({ jobId: job.id, limit: 1 }, options);
  return items.find(({ state }) => state === "starting" || state === "running");
}

/** Throws for a dependency that is not there, or is somebody else's, or goes round in a circle; true where one has not completed yet. */
async function mustWait(
  { jobs }: JobServiceDeps,
  job: Pick<Job, "id" | "spec" | "spaceId" | "ownerId">,
  options: CallOptions,
): Promise<boolean> {
  const { dependsOn } = job.spec;
  if (dependsOn.length === 0) return false;
  const needed = await Promise.all(dependsOn.map((id) => jobs.get({ spaceId: job.spaceId, id }, options)));
  const missing = dependsOn.find((id, at) => needed[at]?.ownerId !== job.ownerId && id !== job.id);
  if (missing !== undefined) throw refusal(`There is no job ${missing} to wait for.`, "request.not_found");
  const reached = await jobs.needs(dependsOn, options);
  const own = dependsOn.map((needsId) => ({ jobId: job.id, needsId }));
  const cycle = cycleFrom(job.id, [...own, ...reached.filter(({ jobId }) => jobId !== job.id)]);
  if (cycle !== undefined) {
    const names = await Promise.all(
      cycle.map(async (id) =>
        id === job.id
          ? job.spec.title
          : ((await jobs.get({ spaceId: job.spaceId, id }, options))?.spec.title ?? id),
      ),
    );
    throw refusal(`These jobs would wait for one another for ever: ${names.join(" → ")}.`);
  }
  const failed = needed.find((one) => one?.state === "failed" || one?.state === "cancelled");
  if (failed !== undefined)
    throw refusal(
      `"${failed.spec.title}" has ${failed.state === "failed" ? "failed" : "been cancelled"}; nothing can wait for it.`,
    );
  return needed.some((one) => one?.state !== "completed");
}

async function known(
  { jobs, sessions }: JobServiceDeps,
  {
    spaceId,
    agentId,
    ownerId,
    audience,
  }: Pick<JobAsker, "spaceId" | "agentId" | "ownerId"> & { readonly audience: Audience },
  options: CallOptions,
): Promise<readonly Job[]> {
  const { items } = await jobs.list({ spaceId, agentId, ownerId, isOpen: true, limit: MAX_LISTED }, options);
  return await knownTo(audience, items, sessions, options);
}

function find(items: readonly Job[], name: string): Job {
  const wanted = name.trim().toLowerCase();
  const byId = items.find(({ id }) => id.toLowerCase() === wanted);
  if (byId !== undefined) return byId;
  const exact = items.filter(({ spec }) => spec.title.toLowerCase() === wanted);
  const numbered = /^\d{1,3}$/.test(wanted) ? items.at(-Number(wanted)) : undefined;
  if (exact.length === 0 && numbered !== undefined && wanted !== "0") return numbered;
  const found =
    exact.length > 0
      ? exact
      : items.filter(({ spec }) => wanted !== "" && spec.title.toLowerCase().includes(wanted));
  const [only, second] = found;
  if (only === undefined) throw refusal(`There is no open job "${name}".`, "request.not_found");
  if (second !== undefined)
    throw refusal(
      `Several jobs are called so: ${found.map(({ id, spec }) => `"${spec.title}" (${id})`).join(", ")}. Give the id.`,
      "request.conflict",
    );
  return only;
}

function refuseUnknownChannel({ hasChannel }: JobServiceDeps, { deliverTo }: JobSpec): void {
  if (typeof deliverTo !== "object" || hasChannel(deliverTo.channel)) return;
  throw refusal(`There is no channel "${deliverTo.channel.slice(0, 64)}" to send the answer to.`);
}

function refuseEnded(job: Job): void {
  if (job.endedAt !== undefined)
    throw refusal(`"${job.spec.title}" has ended (${job.state}).`, "request.conflict");
}

function refusal(
  message: string,
  code: "request.invalid" | "request.conflict" | "request.not_found" = "request.invalid",
): TroupeError {
  return new TroupeError(message, { code });
}
