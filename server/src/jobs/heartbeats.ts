import type {
  Agent,
  CallOptions,
  Clock,
  HeartbeatSpec,
  Job,
  JobSpec,
  JobStore,
  Logger,
  UnitOfWork,
  Write,
} from "@troupe/contracts";
import { INBOX_CHANNEL, OPERATOR_ID, TroupeError } from "@troupe/contracts";
import { derivedId } from "../kit/index.ts";
import { firstTime } from "./after-run.ts";

/** Whose jobs they are: of no person, so that nobody's list shows them. */
export const HEARTBEAT_OWNER = "heartbeat";

const DEFAULT_TEXT =
  "Look at what you know: promises, plans, open questions, results that somebody waits for. Is there anything that the person should hear now and has not heard yet? Then say it in a few sentences.";
/** Why one is paused whose agent has none any more; one that a person paused stays so. */
const TAKEN_OUT = "The agent's file asks for no heartbeat any more.";
/** Why one was ended that has a successor: no person wanted that. */
const MOVED = "It speaks to somebody else now.";
/** Times that a heartbeat was ended by a person and asked for anew. */
const MAX_LIVES = 100;

export interface HeartbeatDeps {
  readonly unit: UnitOfWork;
  readonly jobs: Pick<JobStore, "put" | "change" | "get" | "list">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** IANA zone of their hours. */
  readonly zone: () => string;
  readonly onChange: () => void;
}

export interface Heartbeats {
  /** Makes the jobs what the agents' files ask for: one for each agent that has a heartbeat. Repeating changes nothing. */
  reconcile(spaceId: string, agents: readonly Agent[], options: CallOptions): Promise<void>;
}

/** Heartbeats as jobs: the one scheduler runs them, and of runs that were missed nothing is left. */
export function createHeartbeats(deps: HeartbeatDeps): Heartbeats {
  const { unit, clock, logger, onChange } = deps;
  return {
    async reconcile(spaceId, agents, options) {
      const open = await openOnes(deps, spaceId, options);
      const asked = new Map(agents.map((agent) => [agent.spec.id, agent]));
      const writes: Write<unknown>[] = [];
      for (const job of open) {
        const agent = asked.get(job.agentId);
        const wanted = agent?.spec.heartbeat;
        const spec = agent && wanted && specOf(deps, agent, wanted);
        if (wanted !== undefined && peerOf(wanted) !== job.peerId) {
          // It knows what its old listener knows: the new one gets a conversation of its own.
          writes.push(deps.jobs.change(job, { state: "cancelled", reason: MOVED }, clock.now()));
          continue;
        }
        writes.push(...changeOf(deps, job, spec, clock.now()));
        asked.delete(job.agentId);
      }
      for (const agent of asked.values())
        if (agent.spec.heartbeat !== undefined)
          writes.push(...(await begin(deps, agent, agent.spec.heartbeat, options)));
      if (writes.length === 0) return;
      try {
        await unit.commit(writes, options);
        onChange();
      } catch (error) {
        // Another process, or a person, was faster; it is looked at again with the next start or reload.
        if (!TroupeError.is(error, "store.conflict")) throw error;
        logger.info("heartbeats.changed_meanwhile", {});
      }
    },
  };
}

async function openOnes(
  { jobs }: HeartbeatDeps,
  spaceId: string,
  options: CallOptions,
): Promise<readonly Job[]> {
  const found: Job[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await jobs.list(
      {
        ...{ spaceId, ownerId: HEARTBEAT_OWNER, isOpen: true, limit: 200 },
        ...(cursor === undefined ? {} : { cursor }),
      },
      options,
    );
    found.push(...page.items);
    if (page.next === undefined) return found;
    cursor = page.next;
  }
}

/** What makes an open one what is wanted; `spec` undefined: none is. */
function changeOf(
  { jobs }: HeartbeatDeps,
  job: Job,
  spec: JobSpec | undefined,
  now: number,
): readonly Write<unknown>[] {
  if (spec === undefined)
    return job.state === "paused" ? [] : [jobs.change(job, { state: "paused", reason: TAKEN_OUT }, now)];
  const isNew = JSON.stringify(spec) !== JSON.stringify(job.spec);
  const comesBack = job.state === "paused" && job.reason === TAKEN_OUT;
  if (!isNew && !comesBack) return [];
  const next = firstTime(spec, now);
  return [jobs.change(job, { spec, next, ...(comesBack ? { state: "active", reason: null } : {}) }, now)];
}

/** The first of an agent, or the next after one that a person ended, if another is asked for than that one was. */
async function begin(
  deps: HeartbeatDeps,
  agent: Agent,
  heartbeat: HeartbeatSpec,
  options: CallOptions,
): Promise<readonly Write<unknown>[]> {
  const { jobs, clock } = deps;
  const { spaceId } = agent;
  const spec = specOf(deps, agent, heartbeat);
  for (let life = 1; life <= MAX_LIVES; life++) {
    const id = derivedId("heartbeat", spaceId, agent.spec.id, String(life));
    const known = await jobs.get({ spaceId, id }, options);
    if (known === undefined) {
      const now = clock.now();
      const next = firstTime(spec, now);
      const about = { id, spaceId, agentId: agent.spec.id, ownerId: HEARTBEAT_OWNER };
      const peerId = peerOf(heartbeat);
      return [jobs.put({ ...about, peerId, spec, origin: {}, state: "active", next, createdAt: now })];
    }
    if (known.reason !== MOVED && JSON.stringify(known.spec) === JSON.stringify(spec)) return [];
  }
  return [];
}

/** Who hears what it says, and so what it may know. */
function peerOf({ deliverTo }: HeartbeatSpec): string {
  return deliverTo?.target ?? OPERATOR_ID;
}

function specOf(
  { zone }: HeartbeatDeps,
  { spec: { name } }: Agent,
  { everyMs, text = DEFAULT_TEXT, activeHours, deliverTo }: HeartbeatSpec,
): JobSpec {
  return {
    title: `Heartbeat of ${name}`,
    kind: "recurring",
    schedule: { everyMs, zone: zone(), ...(activeHours === undefined ? {} : { within: activeHours }) },
    work: { kind: "message", text },
    deliverTo: deliverTo ?? { channel: INBOX_CHANNEL, target: OPERATOR_ID },
    missed: "skip",
    overlap: "skip",
    dependsOn: [],
    onFailedDependency: "hold",
    isSilent: true,
  };
}
