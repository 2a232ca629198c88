// One simulated process with all that runs behind the reply: scheduler, flows, effect workers, agents among themselves.
import type {
  AcceptResult,
  AgentDirectory,
  Committed,
  FlowPort,
  InboundMessage,
  JobAction,
  JobAsker,
  JobInput,
  NewEffect,
  NewJob,
  Principal,
  Stores,
  Write,
} from "@troupe/contracts";
import { DEFAULT_SPACE_ID, SUBJECTS } from "@troupe/contracts";
import { AGENT_DEFAULTS, createSupervisor, type Supervisor } from "../../../server/src/agent/index.ts";
import { createBudgets } from "../../../server/src/app/budgets.ts";
import { createLastingLease } from "../../../server/src/app/lasting-lease.ts";
import { createLocalTurnFeed } from "../../../server/src/bus/index.ts";
import {
  createDelegationHandlers,
  createDelegationTools,
  type HandlerDeps,
} from "../../../server/src/delegation/index.ts";
import {
  createFlowDefinitions,
  createFlowEngine,
  createFlowPort,
  type FlowEngine,
} from "../../../server/src/flows/index.ts";
import { createInbox, notEmpty } from "../../../server/src/inbox/index.ts";
import {
  createEndedHandler,
  createJobService,
  createReminderTool,
  createScheduler,
  type JobService,
  type Scheduler,
} from "../../../server/src/jobs/index.ts";
import { createIdGenerator, createMetrics } from "../../../server/src/kit/index.ts";
import {
  createEffectWorkers,
  createNotices,
  createProcessLease,
  createRelay,
  type EffectWorkers,
  type ProcessLease,
  type Relay,
} from "../../../server/src/workers/index.ts";
import { createMemoryBlobs } from "../../../testing/src/memory-blobs.ts";
import {
  createSimulatedRouter,
  type Faults,
  type Random,
  type SimulatedBus,
  type SimulatedPlatform,
  type SimulatedProcess,
  type World,
} from "../../../testing/src/simulator/index.ts";
import type { Mutation } from "../composition.ts";
import { createWorldLogger } from "../world-logger.ts";
import { effectHandlers, SHED_ABOVE } from "./effect-code.ts";
import { walksOf } from "./flow-code.ts";
import { createBehindScript, createBehindToolbox, openWords } from "./model.ts";
import type { BehindPlan } from "./plan.ts";
import { AGENT_IDS } from "./plan-agents.ts";
import type { Seen } from "./seen.ts";
import { remoteStores } from "./stores.ts";

/** What people and programs may ask of a process. */
export interface Behind {
  accept(message: InboundMessage, principal: Principal): Promise<AcceptResult>;
  /** Stops a turn and all that it caused. */
  stop(turnId: string): Promise<unknown>;
  makeJob(id: string, input: JobInput, asker: JobAsker): Promise<unknown>;
  putJob(job: NewJob): Promise<unknown>;
  actOnJob(id: string, action: JobAction): Promise<unknown>;
  readonly flows: FlowPort;
  putEffects(effects: readonly NewEffect[]): Promise<unknown>;
  /** Ends in good order: resolves when the process may be ended. */
  leave(): Promise<void>;
}

export interface BehindDeps {
  readonly world: World;
  readonly faults: Faults;
  readonly process: SimulatedProcess;
  /** Knows the older version of the flows alone. */
  readonly isOld: boolean;
  readonly stores: Stores;
  readonly commit: (writes: readonly Write<unknown>[]) => Committed;
  readonly bus: SimulatedBus;
  readonly platform: SimulatedPlatform;
  readonly plan: BehindPlan;
  readonly random: Random;
  readonly seen: Seen;
  readonly mutation: BehindMutation | undefined;
  /** From now on nothing goes wrong any more. */
  readonly isCalm: () => boolean;
}

/** Changes what a process is made of; for showing that the checks notice. */
export interface BehindMutation extends Mutation {
  /** Stands in the place of what effects are worked on with. */
  readonly handlers?: (handlers: readonly EffectHandlerOf[]) => readonly EffectHandlerOf[];
}
type EffectHandlerOf = ReturnType<typeof effectHandlers>[number];

/** Shorter than in a running Troupe, so that what takes minutes there fits into seconds of simulated time. */
export const LEASE_MS = 4_000;
const SEND_TIMEOUT_MS = 1_000;
export const SWEEP_MS = 5_000;
const DEADLINE_MS = 15_000;
const GRACE_MS = 800;
const LANE = { parallel: 2, leaseMs: LEASE_MS };
export const MAX_HOPS = 8;
export const MAX_DEPTH = 4;

const AGENTS: AgentDirectory = (() => {
  const all = AGENT_IDS.map((id) => ({
    spaceId: DEFAULT_SPACE_ID,
    revision: 1,
    spec: { id, name: id, model: "default", instructions: "Answer.", delegates: ["*"], acceptsFrom: ["*"] },
  }));
  const byId = new Map<string, (typeof all)[number]>(all.map((one) => [one.spec.id, one]));
  return { get: (_space, id) => byId.get(id), list: () => all };
})();

interface Parts {
  readonly supervisor: Supervisor;
  readonly scheduler: Scheduler;
  readonly engine: FlowEngine;
  readonly relay: Relay;
  readonly effects: EffectWorkers;
  readonly lease: ProcessLease;
}

export function composeBehind(deps: BehindDeps): Behind {
  const { process, plan, world } = deps;
  const { stores, common, noted } = foundationOf(deps);
  const life = new AbortController();
  const options = { signal: life.signal };
  const ring = (kind: string): void =>
    common.bus.publish(kind, { id: common.ids.next(), kind, v: 1, at: common.clock.now(), payload: {} });
  const failShare = (): number => (deps.isCalm() ? 0 : plan.toolFailShare / 2);
  const delegation: HandlerDeps = {
    ...common,
    accept: (...call) => inbox.accept(...call),
    cancel: (...call) => supervisor.control.cancel(...call),
    limits: () => ({
      ...{ loopGuard: { max: plan.agents.loopMax, windowMinutes: 60 }, maxDepth: MAX_DEPTH },
      maxHops: MAX_HOPS,
    }),
  };
  const { supervisor, inbox } = composeTurns(deps, common, delegation);
  const { control } = supervisor;
  const scheduler = createScheduler({
    ...common,
    inbox,
    inboxRows: stores.inbox,
    control,
    sweepMs: SWEEP_MS,
  });
  const onJobMoved = (): void => {
    scheduler.nudge();
    ring(SUBJECTS.jobDue);
  };
  const service = createJobService({
    ...{ ...common, control, maxPerOwner: () => 50, zone: () => "UTC", onChange: onJobMoved },
    hasChannel: () => true,
  });
  const walk = {
    world,
    process,
    seen: deps.seen,
    random: deps.random,
    flows: stores.flows,
    noted,
    failShare,
  };
  const definitions = createFlowDefinitions(walksOf(walk, deps.isOld));
  const flowParts = { ...common, definitions, spaceId: DEFAULT_SPACE_ID, pushes: () => false };
  const engine = createFlowEngine({
    ...{ ...flowParts, inbox: () => inbox, control: () => control, sweepMs: SWEEP_MS },
  });
  const handlers = [
    createEndedHandler({ ...common, onSettled: onJobMoved }),
    engine.handler,
    ...createDelegationHandlers(delegation),
    ...effectHandlers({ world, process, seen: deps.seen, noted, sheds: plan.sheds }),
  ];
  const parts = { supervisor, scheduler, engine, ...composeWork(deps, common, handlers) };
  const ready = begin(deps, parts, stores, life.signal);
  ready.catch((error: unknown) => world.fail(error));
  return {
    ...asked({ ready, stores, service, options, ring, onJobMoved }),
    flows: createFlowPort({ ...flowParts, engine }),
    async accept(message, principal) {
      await ready;
      return inbox.accept(message, principal, options);
    },
    async stop(turnId) {
      await ready;
      return control.cancel(turnId, { reason: "somebody asked", tree: true }, options);
    },
    leave: async () => {
      await ready;
      await leave(parts);
    },
  };
}

/** What everything of a process stands on. */
function foundationOf(deps: BehindDeps) {
  const { process, random } = deps;
  const stores = remoteStores(deps);
  const { clock } = process;
  const ids = createIdGenerator(clock, (bytes) => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = random.int(0, 255);
  });
  const own = {
    ...stores,
    ...{ clock, ids, metrics: createMetrics(), processId: process.name, agents: AGENTS },
    logger: createWorldLogger(deps.world, process.name),
    random: () => random.next(),
    bus: deps.bus.of(process),
    blobs: createMemoryBlobs({ clock }),
  };
  const common = { ...own, notices: createNotices({ ...own, spaceId: DEFAULT_SPACE_ID }) };
  const noted = (text: string): Write =>
    stores.memories.put({
      ...{ id: ids.next(), spaceId: DEFAULT_SPACE_ID, agentId: AGENT_IDS[0], audience: ["everybody"], text },
      ...{ turnId: "no-turn", recordedAt: clock.now() },
    });
  return { stores, common, noted };
}

type Common = ReturnType<typeof foundationOf>["common"];

function composeTurns(deps: BehindDeps, common: Common, delegation: HandlerDeps) {
  const { process, plan, random, world, seen } = deps;
  const budgets = createBudgets({ ...common, rules: () => [] });
  const feed = createLocalTurnFeed(common);
  const script = createBehindScript(plan, random);
  const supervisor = createSupervisor({
    ...{ ...common, budgets, feed, modules: [] },
    router: createSimulatedRouter(process, (request) => {
      const words = openWords(request);
      seen.asked.push({ words, atMs: world.nowMs });
      world.log(process.name, "asks the model", words.join(" "));
      return script(request, deps.isCalm());
    }),
    toolbox: createBehindToolbox({
      ...{ process, random, tools: [...createDelegationTools(delegation), createReminderTool()] },
      failShare: () => (deps.isCalm() ? 0 : plan.toolFailShare),
    }),
    approval: { decide: async () => "allow" },
    // Summaries belong to the schedules of turns; nobody makes them here.
    settings: {
      ...AGENT_DEFAULTS,
      ...{ maxAttempts: 20, sweepMs: SWEEP_MS, summaryEveryTurns: Number.MAX_SAFE_INTEGER },
    },
  });
  const inbox = createInbox({
    ...{ ...common, budgets, feed, intake: supervisor.intake, control: supervisor.control },
    gates: [notEmpty()],
    parseCommand: () => undefined,
    outlay: () => ({ microUsd: 0, budgets: [] }),
    deadlineMs: () => DEADLINE_MS,
  });
  return { supervisor, inbox };
}

function composeWork(deps: BehindDeps, common: Common, handlers: readonly EffectHandlerOf[]) {
  const { process, platform } = deps;
  const lease = createLastingLease(common, (onLost) =>
    createProcessLease({ ...common, pid: 1, role: "simulated", leaseMs: LEASE_MS, onLost }),
  );
  const relay = createRelay({
    ...{ ...common, lease, leaseMs: LEASE_MS, sendTimeoutMs: SEND_TIMEOUT_MS, sweepMs: SWEEP_MS },
    channels: new Map(
      (["keyed", "verifiable", "blind"] as const).map((kind) => [
        kind,
        platform.channel(kind, kind, process),
      ]),
    ),
  });
  const effects = createEffectWorkers({
    ...{ ...common, sweepMs: SWEEP_MS, handlers: deps.mutation?.handlers?.(handlers) ?? handlers },
    lanes: { realtime: LANE, background: LANE, heavy: { ...LANE, parallel: 1, shedAbove: SHED_ABOVE } },
  });
  return { lease, relay, effects };
}

async function begin(
  deps: BehindDeps,
  { lease, supervisor, relay, effects, scheduler, engine }: Parts,
  stores: Stores,
  signal: AbortSignal,
): Promise<void> {
  await patiently(deps, () => lease.start(signal));
  const ours = [stores.leases.endOthers(deps.process.name), stores.ledger.reconcile(DEFAULT_SPACE_ID)];
  if (deps.plan.isEmbedded) await patiently(deps, () => stores.unit.commit(ours, { signal }));
  supervisor.start();
  relay.start(signal);
  effects.start(signal);
  scheduler.start(signal);
  engine.start(signal);
  deps.world.log(deps.process.name, "is ready", deps.isOld ? "with the old flows" : "");
}

/** A start that the store refuses is tried again, as whoever watches over a process would. */
async function patiently({ process }: BehindDeps, work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch {
      await process.pause(300, "start again", new AbortController().signal);
    }
  }
}

async function leave({ supervisor, scheduler, engine, relay, effects, lease }: Parts): Promise<void> {
  await Promise.all([scheduler.stop(GRACE_MS), engine.stop(GRACE_MS)]);
  await supervisor.drain({ graceMs: GRACE_MS });
  await Promise.all([relay.stop(GRACE_MS), effects.stop(GRACE_MS)]);
  await lease.stop(GRACE_MS);
}

/** What is asked of jobs and effects. */
function asked(parts: {
  readonly ready: Promise<void>;
  readonly stores: Stores;
  readonly service: JobService;
  readonly options: { readonly signal: AbortSignal };
  readonly ring: (subject: string) => void;
  readonly onJobMoved: () => void;
}): Pick<Behind, "makeJob" | "putJob" | "actOnJob" | "putEffects"> {
  const { ready, stores, service, options, ring, onJobMoved } = parts;
  return {
    async makeJob(id, input, asker) {
      await ready;
      return service.create(id, input, asker, options);
    },
    async putJob(job) {
      await ready;
      await stores.unit.commit([stores.jobs.put(job)], options);
      onJobMoved();
    },
    async actOnJob(id, action) {
      await ready;
      const job = await stores.jobs.get({ spaceId: DEFAULT_SPACE_ID, id }, options);
      if (job === undefined) throw new Error(`There is no job ${id}.`);
      return service.act(job, action, options);
    },
    async putEffects(effects) {
      await ready;
      await stores.unit.commit(
        effects.map((effect) => stores.effects.put(effect)),
        options,
      );
      ring(SUBJECTS.effectDue);
    },
  };
}
