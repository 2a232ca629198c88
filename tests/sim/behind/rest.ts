import type { JobStore, Stores } from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";

const NEVER = { signal: new AbortController().signal };
const spaceId = DEFAULT_SPACE_ID;

/** What in the store is still on its way, or held by somebody; undefined: nothing is. */
export async function whatIsOpen(stores: Stores): Promise<string | undefined> {
  const { turns, inbox, outbox, effects, jobs, jobRuns, flows, agentDeliveries } = stores;
  const open = await turns.list({ spaceId, states: ["queued", "running"], limit: 1 }, NEVER);
  if (open.items[0] !== undefined) return `turn ${open.items[0].id} is ${open.items[0].state}`;
  const { states } = await inbox.counts(spaceId, NEVER);
  if ((states.accepted ?? 0) > 0) return `${states.accepted} messages are accepted`;
  const [reply] = (await outbox.list({ spaceId, states: ["pending", "sending"], limit: 1 }, NEVER)).items;
  if (reply !== undefined) return `reply ${reply.id} is ${reply.state}`;
  const [effect] = (await effects.list({ spaceId, states: ["pending", "running"], limit: 1 }, NEVER)).items;
  if (effect !== undefined) return `effect ${effect.kind} ${effect.id} is ${effect.state}`;
  const runs = await jobRuns.counts(spaceId, NEVER);
  if (runs.running > 0) return `${runs.running} runs of jobs are under way`;
  const waiting = (await jobs.list({ spaceId, isOpen: true, limit: 50 }, NEVER)).items;
  const job = waiting.find(({ state }) => state !== "paused" && state !== "blocked");
  if (job !== undefined) return `job ${job.id} is ${job.state}, next ${job.next.local}`;
  const left = await leftBlocked(jobs);
  if (left !== undefined) return `job ${left} is blocked by nothing`;
  const [flow] = (await flows.list({ spaceId, statuses: ["running", "waiting"], limit: 1 }, NEVER)).items;
  if (flow !== undefined) return `flow ${flow.id} is ${flow.status} at ${flow.step}, on ${flow.wait?.kind}`;
  const [delivery] = (
    await agentDeliveries.list({ spaceId, states: ["waiting", "activated"], limit: 1 }, NEVER)
  ).items;
  return delivery === undefined
    ? undefined
    : `message ${delivery.messageId} to ${delivery.to} is ${delivery.state}`;
}

/** A job that the sweep has yet to move on: what it waited for ended in the moment in which it was made. */
async function leftBlocked(jobs: JobStore): Promise<string | undefined> {
  const all = (await jobs.list({ spaceId, limit: 200 }, NEVER)).items;
  const stateOf = new Map(all.map(({ id, state }) => [id, state]));
  return all.find(({ state, spec: { dependsOn, onFailedDependency } }) => {
    const states = dependsOn.map((id) => stateOf.get(id));
    const hasFailed = states.some((one) => one === "failed" || one === "cancelled");
    const isFree = states.every((one) => one === "completed");
    return state === "blocked" && (isFree || (hasFailed && onFailedDependency === "fail"));
  })?.id;
}
