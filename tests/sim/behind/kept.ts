// Reads back everything that a schedule left in the store, in one go.
import type {
  AgentDelivery,
  AgentGather,
  AgentMessage,
  EffectRecord,
  EffectState,
  FlowEvent,
  FlowRun,
  FlowSignal,
  FlowStatus,
  Job,
  JobRun,
  Page,
  Stores,
} from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import { type Kept, readKept } from "../kept.ts";
import type { BehindPlan } from "./plan.ts";

export interface KeptJob {
  readonly job: Job;
  /** Oldest first. */
  readonly runs: readonly JobRun[];
}

export interface KeptFlow {
  readonly flow: FlowRun;
  readonly history: readonly FlowEvent[];
  readonly children: readonly FlowRun[];
}

export interface BehindKept extends Kept {
  readonly jobs: readonly KeptJob[];
  readonly flows: readonly KeptFlow[];
  readonly events: readonly (FlowSignal & { readonly takenBy: string | undefined })[];
  /** In the order in which they were put. */
  readonly effects: readonly EffectRecord[];
  readonly deliveries: readonly AgentDelivery[];
  readonly gathers: readonly AgentGather[];
  readonly said: readonly AgentMessage[];
}

const NEVER = { signal: new AbortController().signal };
const spaceId = DEFAULT_SPACE_ID;
export const ALL_FLOWS: readonly FlowStatus[] = ["running", "waiting", "finished", "failed", "cancelled"];
const ALL_EFFECTS: readonly EffectState[] = ["pending", "running", "done", "parked", "dead", "shed"];

export async function readBehind(stores: Stores, plan: BehindPlan): Promise<BehindKept> {
  const { turns, messages, memories } = await readKept(stores, {
    agentId: "ana",
    readers: [["everybody"]],
  });
  const gathered = await readAgents(stores);
  const events = await Promise.all(
    plan.flows.events.map(({ eventId }) => stores.flowSignals.get({ spaceId, eventId }, NEVER)),
  );
  return {
    // What a session is told beside its turns is nobody's answer.
    turns: turns.map((one) => ({
      ...one,
      messages: one.messages.filter(({ role, outcome }) => role !== "notice" || outcome !== "ok"),
    })),
    ...{ messages, memories, ...gathered },
    jobs: await readJobs(stores),
    flows: await readFlows(stores),
    events: events.filter((event) => event !== undefined),
    effects: (
      await pages((page) => stores.effects.list({ spaceId, states: ALL_EFFECTS, ...page }, NEVER))
    ).toReversed(),
  };
}

async function readJobs({ jobs }: Stores): Promise<readonly KeptJob[]> {
  const all = await pages((page) => jobs.list({ spaceId, ...page }, NEVER));
  return Promise.all(
    all.map(async (job) => ({
      job,
      runs: (await pages((page) => jobs.runs({ jobId: job.id, ...page }, NEVER))).toReversed(),
    })),
  );
}

async function readFlows({ flows }: Stores): Promise<readonly KeptFlow[]> {
  const all = await pages((page) => flows.list({ spaceId, statuses: ALL_FLOWS, ...page }, NEVER));
  return Promise.all(
    all.map(async (flow) => ({
      flow,
      history: await flows.history({ id: flow.id }, NEVER),
      children: await flows.children(flow.id, NEVER),
    })),
  );
}

async function readAgents({ agentChannels, agentDeliveries }: Stores) {
  const deliveries = await pages((page) => agentDeliveries.list({ spaceId, ...page }, NEVER));
  const ids = new Set(deliveries.flatMap(({ gatherId }) => gatherId ?? []));
  const gathers = await Promise.all([...ids].map((id) => agentDeliveries.findGather(id, NEVER)));
  const channels = await pages((page) => agentChannels.list({ spaceId, ...page }, NEVER));
  const said = await Promise.all(
    channels.map(({ id }) => pages((page) => agentChannels.messages({ channelId: id, ...page }, NEVER))),
  );
  return { deliveries, gathers: gathers.filter((one) => one !== undefined), said: said.flat() };
}

async function pages<Item>(
  read: (page: { readonly limit: number; readonly cursor?: string }) => Promise<Page<Item>>,
): Promise<readonly Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  do {
    const page = await read({ limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return items;
}
