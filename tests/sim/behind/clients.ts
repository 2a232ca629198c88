// What people and programs do in a schedule, as its plan says, and what they were told.
import type { InboundMessage, Job, NewJob, Principal, Stores } from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import type { Random, World } from "../../../testing/src/simulator/index.ts";
import { createDesk, type Desk } from "./desk.ts";
import { effectOf } from "./effect-code.ts";
import { TOPIC, WALK } from "./flow-code.ts";
import type { BehindPlan, PlannedJob } from "./plan.ts";
import type { PlannedTalk } from "./plan-agents.ts";
import type { FlowOp, PlannedFlow } from "./plan-flows.ts";

/** How many runs a job had begun when its change was acknowledged; none more may begin before `untilBegun` is read. */
export interface Halt {
  readonly jobId: string;
  readonly action: "pause" | "cancel";
  readonly begun: number;
  /** When the next change was asked for; undefined: at the end. */
  begunLater: number | undefined;
}

export interface Told {
  /** Words of people by the turn that was acknowledged for them. */
  readonly words: Map<string, string>;
  /** First turns of chains that were stopped, and when that was acknowledged. */
  readonly stops: Map<string, number>;
  readonly halts: Halt[];
  readonly startedFlows: Set<string>;
  /** Flows whose cancelling was acknowledged, with whether they had ended already. */
  readonly cancelledFlows: Map<string, { readonly hadEnded: boolean }>;
  /** Events that were acknowledged, and when. */
  readonly events: Map<string, number>;
  readonly putEffects: Map<string, number>;
}

const OWNER = "somebody";
const OPERATOR: Principal = { spaceId: DEFAULT_SPACE_ID, kind: "operator", id: "operator" };
const NEVER = { signal: new AbortController().signal };
const LOOK_MS = 700;
/** Past the time in which everything has to come to rest. */
const LOOKS = 1_500;

interface ClientDeps {
  readonly world: World;
  readonly desk: Desk;
  readonly plan: BehindPlan;
  readonly stores: Stores;
  readonly told: Told;
}

export function startBehindClients(parts: {
  readonly world: World;
  readonly random: Random;
  readonly plan: BehindPlan;
  /** Of the truth itself, without the way of any process. */
  readonly stores: Stores;
  readonly pick: Parameters<typeof createDesk>[0]["pick"];
}): { readonly told: Told; readonly desk: Desk } {
  const { world, plan, stores } = parts;
  const desk = createDesk(parts);
  const told: Told = {
    ...{ words: new Map(), stops: new Map(), halts: [], startedFlows: new Set() },
    ...{ cancelledFlows: new Map(), events: new Map(), putEffects: new Map() },
  };
  const deps = { world, desk, plan, stores, told };
  for (const talk of plan.agents.talks) startTalk(deps, talk);
  for (const job of plan.jobs) if (job.needs === undefined) startJob(deps, job);
  for (const flow of plan.flows.flows) startFlow(deps, flow);
  for (const event of plan.flows.events)
    for (let n = 0; n <= event.repeats; n++)
      desk.later(event.atMs + n * 900, "event", () => tellEvent(deps, event));
  for (const { atMs, effects } of plan.effects)
    desk.later(atMs, "effects", () =>
      desk.ask({
        what: `put ${effects.map(({ id }) => id).join(" ")}`,
        run: (process) => process.putEffects(effects.map((one) => effectOf(one, world.utcMs))),
        onDone: () => effects.forEach(({ id }) => void told.putEffects.set(id, world.nowMs)),
      }),
    );
  return { told, desk };
}

function startTalk({ desk, world, told }: ClientDeps, { key, channel, words }: PlannedTalk): void {
  for (const { word, atMs, stopAfterMs } of words) {
    const message = (): InboundMessage => ({
      ...{ agentId: "ana", channel, sessionKey: key, peerId: `peer-${key}`, audience: [`peer-${key}`] },
      ...{ trigger: "chat", lane: "realtime", platformId: word, debounceMs: 0, whileBusy: "queue" },
      ...{ parts: [{ type: "text", text: word }], receivedAt: world.utcMs },
      replyTo: { channel, target: key },
    });
    const principal: Principal = { spaceId: DEFAULT_SPACE_ID, kind: "channel", id: `principal-${channel}` };
    desk.later(atMs, "say", () =>
      desk.ask({
        what: `say ${word}`,
        async run(process) {
          const result = await process.accept(message(), principal);
          if (result.kind === "refused") throw new Error(`refused: ${result.message}`);
          return result.turnId;
        },
        onDone(turnId) {
          told.words.set(word, turnId);
          if (stopAfterMs === undefined) return;
          desk.later(stopAfterMs, "stop", () =>
            desk.ask({
              what: `stop ${word} ${turnId}`,
              run: (process) => process.stop(turnId),
              onDone: () => void told.stops.set(turnId, world.nowMs),
            }),
          );
        },
      }),
    );
  }
}

function startJob(deps: ClientDeps, job: PlannedJob): void {
  const { desk, world, plan, told } = deps;
  const { id, token, needs, channel } = job;
  const asker = {
    ...{ spaceId: DEFAULT_SPACE_ID, agentId: "ana", ownerId: OWNER, peerId: `peer-${id}` },
    origin: { replyTo: { channel, target: id } },
  };
  const dependsOn = needs === undefined ? [] : [plan.jobs[needs]?.id ?? ""];
  const made = madeJob(job, { ...asker, dependsOn }, world.utcMs);
  const act = (at: number): void => {
    const one = job.acts[at];
    if (one === undefined) return;
    desk.later(Math.max(0, one.atMs - world.nowMs), "act", () => {
      const before = told.halts.findLast(({ jobId }) => jobId === id);
      void readJob(deps, id, (kept) => {
        if (before !== undefined) before.begunLater ??= kept.begun;
        desk.ask({
          what: `${one.action} ${id}`,
          run: (process) => process.actOnJob(id, one.action),
          onDone() {
            const { action } = one;
            if (action === "pause" || action === "cancel")
              void readJob(deps, id, ({ begun }) =>
                told.halts.push({ jobId: id, action, begun, begunLater: undefined }),
              );
            act(at + 1);
          },
          onRefused: () => act(at + 1),
        });
      });
    });
  };
  const text = token;
  const input = {
    ...{ title: `${token} of the house`, text, isReminder: job.isReminder, allowSimilar: true, dependsOn },
    ...{ onFailedDependency: job.onFailed, missed: job.missed, overlap: job.overlap },
    inSeconds: Math.ceil(job.dueMs / 1_000),
  };
  desk.later(0, "make", () =>
    desk.ask({
      what: `make ${id}`,
      // What is asked at times that no person may ask for is put as it is.
      run: (process) =>
        job.everyMs === undefined ? process.makeJob(id, input, asker) : process.putJob(made),
      onDone() {
        act(0);
        for (const other of plan.jobs) if (plan.jobs[other.needs ?? -1] === job) startJob(deps, other);
      },
    }),
  );
}

function madeJob(
  job: PlannedJob,
  asker: Pick<NewJob, "spaceId" | "agentId" | "ownerId" | "peerId" | "origin"> & {
    readonly dependsOn: readonly string[];
  },
  nowMs: number,
): NewJob {
  const { dependsOn, ...whose } = asker;
  const at = nowMs + job.dueMs;
  const until = job.maxRuns === undefined ? {} : { until: { maxRuns: job.maxRuns } };
  return {
    ...{ id: job.id, ...whose, state: "active", createdAt: nowMs },
    next: { at, local: new Date(at).toISOString().slice(0, 19), zone: "UTC" },
    spec: {
      ...{ title: job.token, kind: job.maxRuns === undefined ? "recurring" : "ongoing", ...until },
      schedule: { everyMs: job.everyMs ?? 0, zone: "UTC" },
      work: { kind: job.isReminder ? "reminder" : "message", text: job.token },
      ...{ deliverTo: "session", missed: job.missed, overlap: job.overlap, dependsOn },
      onFailedDependency: job.onFailed,
    },
  };
}

async function readJob({ world, stores }: ClientDeps, id: string, use: (job: Job) => void): Promise<void> {
  const job = await world.hold(stores.jobs.get({ spaceId: DEFAULT_SPACE_ID, id }, NEVER));
  if (job !== undefined) use(job);
}

function startFlow(deps: ClientDeps, flow: PlannedFlow): void {
  const { desk, world, told } = deps;
  const { id, ops, atMs, cancelAtMs } = flow;
  desk.later(atMs, "flow", () =>
    desk.ask({
      what: `start ${id}`,
      run: ({ flows }) => flows.start({ id, definition: WALK, state: { ops } }, OPERATOR, NEVER),
      onDone() {
        told.startedFlows.add(id);
        const manual = ops.filter(({ kind }) => kind === "manual").length;
        if (manual > 0) byHand(deps, id, LOOKS);
        if (cancelAtMs === undefined) return;
        desk.later(Math.max(0, cancelAtMs - world.nowMs), "cancel", () =>
          desk.ask({
            what: `cancel ${id}`,
            run: ({ flows }) => flows.cancel(id, "somebody asked", OPERATOR, NEVER),
            onDone: (kept) =>
              told.cancelledFlows.set(id, {
                hadEnded: kept.endedAt !== undefined && kept.status !== "cancelled",
              }),
          }),
        );
      },
    }),
  );
}

/** Whoever looks after a flow resumes it where it waits for that. */
function byHand(deps: ClientDeps, id: string, looksLeft: number): void {
  const { desk, world, stores } = deps;
  desk.later(LOOK_MS, "look", () => {
    void world.hold(stores.flows.get(id, NEVER)).then((flow) => {
      if (flow === undefined || flow.endedAt !== undefined || looksLeft === 0) return;
      const next = (): void => byHand(deps, id, looksLeft - 1);
      if (flow.wait?.kind !== "manual") return next();
      desk.ask({
        what: `resume ${id}`,
        run: ({ flows }) => flows.resume(id, {}, OPERATOR, NEVER),
        onDone: next,
        onRefused: next,
      });
    });
  });
}

function tellEvent(
  { desk, world, told }: ClientDeps,
  { eventId, correlationId }: { readonly eventId: string; readonly correlationId: string },
): void {
  desk.ask({
    what: `event ${eventId}`,
    run: ({ flows }) =>
      flows.signal({ topic: TOPIC, correlationId, eventId, payload: { id: eventId } }, OPERATOR, NEVER),
    onDone: () => void told.events.set(eventId, told.events.get(eventId) ?? world.nowMs),
  });
}

/** Everything of a flow that waits for an event, its children's waits included. */
export function eventOps(ops: readonly FlowOp[]): readonly FlowOp[] {
  return ops.flatMap((op) =>
    op.kind === "event" ? [op] : op.kind === "children" ? op.of.flatMap(eventOps) : [],
  );
}
