import type {
  AgentDelivery,
  CallOptions,
  CausedMessage,
  Job,
  Turn,
  TurnBranch,
  TurnOrigin,
  TurnReference,
  TurnTree,
} from "@troupe/contracts";
import type { FaceStores } from "./deps.ts";

type TreeStores = Pick<
  FaceStores,
  "turns" | "sessions" | "effects" | "agentChannels" | "agentDeliveries" | "jobs" | "flows"
>;

/** Turns below one that are told of. */
const MOST_TURNS = 200;
const PAGE = 100;
const JOB_PAGES = 5;
/** More than any chain is deep. */
const MOST_ABOVE = 100;
const EXCERPT = 200;

/** Whose turns may be told of; undefined for the operator. */
interface Reader {
  readonly spaceId: string;
  readonly ownerId?: string;
}

/**
 * What caused a turn; undefined for one that a person began. Of somebody else's turns, jobs and flows that led to it, it is told at
 * most that there are such: a flow may ask whom it does not belong to.
 */
export async function originOf(
  stores: TreeStores,
  turn: Turn,
  reader: Reader,
  options: CallOptions,
): Promise<TurnOrigin | undefined> {
  const { cause } = turn.payload;
  if (cause === undefined) return undefined;
  const above: TurnReference[] = [];
  let parentId = cause.parentTurnId;
  while (parentId !== undefined && above.length < MOST_ABOVE) {
    const parent: Turn | undefined = await stores.turns.get(parentId, options);
    if (parent === undefined || parent.spaceId !== turn.spaceId) break;
    if (parent.sessionId !== turn.sessionId && !(await isOwn(stores, parent.sessionId, reader, options)))
      break;
    above.unshift(referenceOf(parent));
    parentId = parent.payload.cause?.parentTurnId;
  }
  const { of, from } = cause;
  return {
    above,
    ...(from === undefined ? {} : { from }),
    ...(of?.kind === "job-run" ? { job: await jobOfRun(stores, of.id, reader, options) } : {}),
    ...(of?.kind === "flow" ? { flow: await flowOf(stores, of.id, reader, options) } : {}),
  };
}

async function jobOfRun(
  { jobs }: TreeStores,
  runId: string,
  { spaceId, ownerId }: Reader,
  options: CallOptions,
): Promise<NonNullable<TurnOrigin["job"]>> {
  const id = runId.slice(0, Math.max(0, runId.lastIndexOf(".")));
  const job = await jobs.get({ spaceId, id }, options);
  const isShown = job !== undefined && (ownerId === undefined || job.ownerId === ownerId);
  return { id, runId, title: isShown ? job.spec.title : "" };
}

/** The goal is the flow's own: of the conversation that it belongs to, or the operator's where it belongs to none. */
async function flowOf(
  stores: TreeStores,
  id: string,
  reader: Reader,
  options: CallOptions,
): Promise<NonNullable<TurnOrigin["flow"]>> {
  const flow = await stores.flows.get(id, options);
  const isShown = flow !== undefined && (await isOwn(stores, flow.sessionId, reader, options));
  return { id, goal: isShown ? flow.goal : "" };
}

/** Whether a session is the reader's own; an operator's is every one of the space, and what belongs to none. */
async function isOwn(
  { sessions }: TreeStores,
  sessionId: string | undefined,
  { ownerId }: Reader,
  options: CallOptions,
): Promise<boolean> {
  if (ownerId === undefined) return true;
  return sessionId !== undefined && (await sessions.get(sessionId, options))?.ownerId === ownerId;
}

/** All that a turn caused: messages to agents, effects, schedules, and turns with what those caused. */
export async function treeOf(
  stores: TreeStores,
  turn: Turn,
  ownerId: string,
  reader: Reader,
  options: CallOptions,
): Promise<TurnTree> {
  const { below, isMore } = await turnsBelow(stores, turn, reader, options);
  const agentIds = [...new Set([turn, ...below].map(({ agentId }) => agentId))];
  const byAgent = agentIds.map((agentId) => jobsSince(stores, turn, { agentId, ownerId }, options));
  const jobs = (await Promise.all(byAgent)).flat();
  const branches = new Map<string, Omit<TurnBranch, "turns">>();
  await Promise.all(
    [turn, ...below].map(async (one) => void branches.set(one.id, await ownOf(stores, one, jobs, options))),
  );
  const branchOf = (id: string): TurnBranch => ({
    ...(branches.get(id) ?? { messages: [], effects: [], jobs: [] }),
    turns: below
      .filter(({ payload }) => payload.cause?.parentTurnId === id)
      .map((one) => ({ ...referenceOf(one), ...branchOf(one.id) })),
  });
  return { ...branchOf(turn.id), isMore };
}

/** Level by level, so that what is left out is the deepest; oldest first within each. */
async function turnsBelow(
  { turns }: TreeStores,
  top: Turn,
  reader: Reader,
  options: CallOptions,
): Promise<{ readonly below: readonly Turn[]; readonly isMore: boolean }> {
  const below: Turn[] = [];
  const seen = new Set([top.id]);
  let isMore = false;
  for (const parentTurnId of seen) {
    if (below.length >= MOST_TURNS) return { below, isMore: true };
    const page = await turns.list({ ...reader, parentTurnId, limit: PAGE }, options);
    isMore ||= page.next !== undefined;
    for (const one of page.items.toReversed()) {
      if (seen.has(one.id)) continue;
      seen.add(one.id);
      below.push(one);
    }
  }
  return { below, isMore };
}

async function ownOf(
  stores: TreeStores,
  turn: Turn,
  jobs: readonly Job[],
  options: CallOptions,
): Promise<Omit<TurnBranch, "turns">> {
  const [deliveries, effects] = await Promise.all([
    stores.agentDeliveries.ofTurn(turn.id, options),
    stores.effects.ofTurn(turn.id, options),
  ]);
  const messages = await Promise.all(deliveries.map((one) => messageOf(stores, one, options)));
  return {
    messages,
    effects: effects.map(({ id, kind, state, error }) => ({
      ...{ id, kind, state },
      ...(error === undefined ? {} : { error }),
    })),
    jobs: jobs
      .filter(({ origin }) => origin.turnId === turn.id)
      .map(({ id, spec, state }) => ({ id, title: spec.title, state })),
  };
}

async function messageOf(
  { agentChannels }: TreeStores,
  delivery: AgentDelivery,
  options: CallOptions,
): Promise<CausedMessage> {
  const { messageId: id, channelId, kind, to, state, reason, turnId } = delivery;
  const text = (await agentChannels.message(id, options))?.text ?? "";
  return {
    ...{ id, channelId, kind, to, state, excerpt: text.slice(0, EXCERPT) },
    ...(reason === undefined ? {} : { reason }),
    ...(turnId === undefined ? {} : { turnId }),
  };
}

/** Schedules of an agent and owner that are not older than a turn: read once, however many turns may have made them. */
async function jobsSince(
  { jobs }: TreeStores,
  { spaceId, createdAt }: Turn,
  whose: { readonly agentId: string; readonly ownerId: string },
  options: CallOptions,
): Promise<readonly Job[]> {
  const found: Job[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < JOB_PAGES; pages++) {
    const query = { spaceId, ...whose, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const { items, next } = await jobs.list(query, options);
    found.push(...items);
    cursor = (items.at(-1)?.createdAt ?? 0) < createdAt ? undefined : next;
    if (cursor === undefined) break;
  }
  return found;
}

function referenceOf(turn: Turn): TurnReference {
  const { id: turnId, agentId, sessionId, trigger, state, costMicroUsd, createdAt, finishedAt } = turn;
  return {
    ...{ turnId, agentId, sessionId, trigger, state, costMicroUsd, createdAt },
    ...(finishedAt === undefined ? {} : { finishedAt }),
  };
}
