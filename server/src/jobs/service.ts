import type {
  CallOptions,
  Clock,
  Job,
  JobOrigin,
  JobSpec,
  JobStore,
  NewJob,
  TurnControl,
  UnitOfWork,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { firstTime } from "./after-run.ts";
import { cycleFrom } from "./cycles.ts";
import { timeIn } from "./schedule.ts";
import { type JobInput, specOf } from "./spec.ts";
import { duplicateOf } from "./titles.ts";

export interface JobServiceDeps {
  readonly unit: UnitOfWork;
  readonly jobs: JobStore;
  readonly control: Pick<TurnControl, "cancel">;
  readonly clock: Clock;
  /** Open jobs of one owner with one agent. */
  readonly maxPerOwner: () => number;
  /** IANA zone of schedules that name none. */
  readonly zone: () => string;
  /** A job was made or changed, or will be in a moment. */
  readonly onChange: () => void;
}

/** Whose job it is, and where it is asked for. */
export interface JobAsker {
  readonly spaceId: string;
  readonly agentId: string;
  readonly ownerId: string;
  readonly peerId: string;
  readonly origin: JobOrigin;
}

/** A change, not kept yet: for whoever commits it with something else. */
export interface Prepared {
  readonly job: Job;
  readonly writes: readonly Write<unknown>[];
  /** The turn of the run under way, to be stopped once the change is kept. */
  readonly stops?: string;
}

export type JobAction = "pause" | "resume" | "cancel" | "run";

/** Making and changing jobs, for tools, people and code alike. Refusals are `request.*`, one sentence each. */
export interface JobService {
  prepareCreate(id: string, input: JobInput, asker: JobAsker, options: CallOptions): Promise<Prepared>;
  prepareUpdate(job: Job, input: Partial<JobInput>, options: CallOptions): Promise<Prepared>;
  prepareAction(job: Job, action: JobAction, options: CallOptions): Promise<Prepared>;
  /** Keeps what was prepared, and does what follows from it. */
  keep(prepared: Prepared, options: CallOptions): Promise<Job>;
  /** An open job by its id, or by the part of its title that only it has. */
  find(
    asker: Pick<JobAsker, "spaceId" | "agentId" | "ownerId">,
    name: string,
    options: CallOptions,
  ): Promise<Job>;
}

export function createJobService(deps: JobServiceDeps): JobService {
  return {
    prepareCreate: (id, input, asker, options) => create(deps, { id, input, asker }, options),
    prepareUpdate: (job, input, options) => update(deps, job, input, options),
    prepareAction: (job, action, options) => act(deps, job, action, options),
    async keep({ job, writes, stops }, options) {
      await deps.unit.commit(writes, options);
      deps.onChange();
      if (stops !== undefined) await deps.control.cancel(stops, { reason: "its job was cancelled" }, options);
      return (await deps.jobs.get({ spaceId: job.spaceId, id: job.id }, options)) ?? job;
    },
    find: (asker, name, options) => find(deps, asker, name, options),
  };
}

async function create(
  deps: JobServiceDeps,
  { id, input, asker }: { readonly id: string; readonly input: JobInput; readonly asker: JobAsker },
  options: CallOptions,
): Promise<Prepared> {
  const now = deps.clock.now();
  const spec = specOf(input, { now, zone: deps.zone() });
  const { spaceId, agentId, ownerId } = asker;
  const { items: open, next: more } = await deps.jobs.list(
    { spaceId, agentId, ownerId, isOpen: true, limit: 200 },
    options,
  );
  const max = deps.maxPerOwner();
  if (open.length >= max || more !== undefined)
    throw refusal(
      `There are ${open.length} open jobs already, and no more than ${max} are kept. Cancel one first.`,
    );
  const next = firstTime(spec, now);
  const known = input.allowSimilar === true ? undefined : duplicateOf(spec, next.at, open);
  if (known !== undefined)
    throw refusal(
      `There is a job like this already: "${known.spec.title}" (${known.id}). Change that one, or give another title.`,
      "request.conflict",
    );
  const isBlocked = await mustWait(deps, { id, spec, spaceId }, options);
  const state = isBlocked ? "blocked" : stateOf(spec);
  const made: NewJob = { id, ...asker, spec, state, next, createdAt: now };
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

async function update(
  deps: JobServiceDeps,
  job: Job,
  input: Partial<JobInput>,
  options: CallOptions,
): Promise<Prepared> {
  refuseEnded(job);
  const now = deps.clock.now();
  const spec = specOf(input, { now, zone: job.spec.schedule.zone, known: job.spec });
  const isNewTime = JSON.stringify(spec.schedule) !== JSON.stringify(job.spec.schedule);
  const isBlocked = await mustWait(deps, { id: job.id, spec, spaceId: job.spaceId }, options);
  const state = nextState(job, spec, isBlocked);
  const next = isNewTime ? firstTime(spec, now) : job.next;
  const change = { spec, next, ...(state === undefined ? {} : { state }) };
  return {
    job: { ...job, spec, next, state: state ?? job.state },
    writes: [deps.jobs.change(job, change, now)],
  };
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
    const turnId = await turnUnderWay(deps, job, options);
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
  return { job: { ...job, next }, writes: [deps.jobs.change(job, { next }, now)] };
}

/** Of the times that passed during a pause none is made up for; a blocked job goes on without what it waits for. */
async function resume(deps: JobServiceDeps, job: Job, now: number, options: CallOptions): Promise<Prepared> {
  if (job.state !== "paused" && job.state !== "blocked")
    throw refusal(`"${job.spec.title}" is not paused.`, "request.conflict");
  if (job.state === "paused" && (await turnUnderWay(deps, job, options)) !== undefined)
    throw refusal(
      `A run of "${job.spec.title}" from before the pause is still under way. Resume it when that has ended.`,
      "request.conflict",
    );
  const state = stateOf(job.spec);
  const next = job.spec.kind === "one_off" || job.next.at > now ? job.next : firstTime(job.spec, now);
  const change = deps.jobs.change(job, { state, next, reason: null }, now);
  return { job: { ...job, state, next, reason: undefined }, writes: [change] };
}

function stateOf(spec: JobSpec): "pending" | "active" {
  return spec.kind === "one_off" ? "pending" : "active";
}

async function turnUnderWay(
  { jobs }: JobServiceDeps,
  job: Job,
  options: CallOptions,
): Promise<string | undefined> {
  const { items } = await jobs.runs({ jobId: job.id, limit: 1 }, options);
  const [run] = items;
  return run?.state === "running" ? run.turnId : undefined;
}

/** Throws for a dependency that is not there, or goes round in a circle; true where one has not completed yet. */
async function mustWait(
  { jobs }: JobServiceDeps,
  job: { readonly id: string; readonly spec: JobSpec; readonly spaceId: string },
  options: CallOptions,
): Promise<boolean> {
  const { dependsOn } = job.spec;
  if (dependsOn.length === 0) return false;
  const needed = await Promise.all(dependsOn.map((id) => jobs.get({ spaceId: job.spaceId, id }, options)));
  const missing = dependsOn.find((id, at) => needed[at] === undefined && id !== job.id);
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

async function find(
  { jobs }: JobServiceDeps,
  { spaceId, agentId, ownerId }: Pick<JobAsker, "spaceId" | "agentId" | "ownerId">,
  name: string,
  options: CallOptions,
): Promise<Job> {
  const { items } = await jobs.list({ spaceId, agentId, ownerId, isOpen: true, limit: 200 }, options);
  const wanted = name.trim().toLowerCase();
  const byId = items.find(({ id }) => id.toLowerCase() === wanted);
  if (byId !== undefined) return byId;
  const exact = items.filter(({ spec }) => spec.title.toLowerCase() === wanted);
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
