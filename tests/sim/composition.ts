// One simulated process: the server's own inbox, turns and workers, on ports that the simulator owns.
import type {
  AcceptResult,
  Agent,
  AgentDirectory,
  Committed,
  EffectHandler,
  Gate,
  InboundMessage,
  Principal,
  Stores,
  Write,
} from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import { AGENT_DEFAULTS, createSupervisor, createTellTime } from "../../server/src/agent/index.ts";
import { type BudgetRule, createBudgets } from "../../server/src/app/budgets.ts";
import { createLastingLease } from "../../server/src/app/lasting-lease.ts";
import { createLocalTurnFeed } from "../../server/src/bus/index.ts";
import { createInbox, notEmpty } from "../../server/src/inbox/index.ts";
import { createIdGenerator, createMetrics, derivedId } from "../../server/src/kit/index.ts";
import { createEffectWorkers, createProcessLease, createRelay } from "../../server/src/workers/index.ts";
import { createMemoryBlobs } from "../../testing/src/memory-blobs.ts";
import {
  createSimulatedRouter,
  createSimulatedUnit,
  type Faults,
  type Random,
  type SimulatedBus,
  type SimulatedPlatform,
  type SimulatedProcess,
  type World,
  withRemoteReads,
} from "../../testing/src/simulator/index.ts";
import { AGENT_ID } from "./clients.ts";
import type { LiveLog } from "./live.ts";
import type { SchedulePlan } from "./plan.ts";
import {
  createModelScript,
  createSimulatedToolbox,
  type OutsideWorld,
  type SeenPrompt,
  seenIn,
} from "./script.ts";
import { createWorldLogger } from "./world-logger.ts";

export interface Composition {
  accept(message: InboundMessage, principal: Principal): Promise<AcceptResult>;
  cancel(turnId: string): Promise<unknown>;
  /** Ends in good order: resolves when the process may be ended. */
  leave(): Promise<void>;
}

/** Changes what a process does to the store; for showing that the checks notice. */
export interface Mutation {
  readonly name: string;
  /** Wraps the stores as a process sees them. */
  readonly stores?: (stores: Stores) => Stores;
  /** Stands between a process and the truth. */
  readonly apply?: (
    writes: readonly Write<unknown>[],
    commit: (writes: readonly Write<unknown>[]) => Committed,
  ) => Committed;
}

export interface CompositionDeps {
  readonly world: World;
  readonly faults: Faults;
  readonly process: SimulatedProcess;
  readonly stores: Stores;
  readonly commit: (writes: readonly Write<unknown>[]) => Committed;
  readonly bus: SimulatedBus;
  readonly platform: SimulatedPlatform;
  readonly plan: SchedulePlan;
  readonly random: Random;
  readonly outside: OutsideWorld;
  readonly prompts: SeenPrompt[];
  readonly live: LiveLog;
  readonly mutation: Mutation | undefined;
  /** From now on nothing goes wrong any more. */
  readonly isCalm: () => boolean;
}

/** Shorter than in a running Troupe, so that what takes minutes there fits into seconds of simulated time. */
export const LEASE_MS = 4_000;
const SEND_TIMEOUT_MS = 1_000;
const SWEEP_MS = 4_000;
const DEADLINE_MS = 12_000;
const RESERVED_MICRO_USD = 1_000;
const GRACE_MS = 800;
const EFFECT_LANE = { parallel: 2, leaseMs: LEASE_MS, timeoutMs: LEASE_MS };
const HANDLED_KINDS = ["storyline.summary", "note.count"];

const AGENT: Agent = {
  spaceId: DEFAULT_SPACE_ID,
  revision: 1,
  spec: { id: AGENT_ID, name: "Ana", model: "default", instructions: "Answer." },
};
const AGENTS: AgentDirectory = {
  get: (_space, id) => (id === AGENT_ID ? AGENT : undefined),
  list: () => [AGENT],
};

export function composeProcess(deps: CompositionDeps): Composition {
  const { world, process, plan, random, platform } = deps;
  const { clock } = process;
  const stores = remoteStores(deps);
  const life = new AbortController();
  const ids = createIdGenerator(clock, (bytes) => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = random.int(0, 255);
  });
  const common = {
    ...stores,
    clock,
    ids,
    logger: createWorldLogger(world, process.name),
    metrics: createMetrics(),
    processId: process.name,
    random: () => random.next(),
    bus: deps.bus.of(process),
    agents: AGENTS,
    blobs: createMemoryBlobs({ clock }),
  };
  const budgets = createBudgets({ ...common, rules: () => budgetRules(plan) });
  const feed = deps.live.heard(createLocalTurnFeed(common));
  const script = createModelScript(plan, random);
  const supervisor = createSupervisor({
    ...common,
    feed,
    router: createSimulatedRouter(process, (request) => {
      const seen = seenIn(request, world.utcMs);
      deps.prompts.push(seen);
      world.log(process.name, "asks the model", seen.tokens.join(" "));
      return script(request, deps.isCalm());
    }),
    toolbox: createSimulatedToolbox({
      process,
      outside: deps.outside,
      random,
      failShare: () => (deps.isCalm() ? 0 : plan.toolFailShare),
      noteWrites: (context) => noteWrites(stores, ids.next(), clock.now(), context),
    }),
    approval: { decide: async () => "allow" },
    modules: [],
    tellTime: createTellTime(() => "Europe/Kyiv"),
    settings: {
      ...AGENT_DEFAULTS,
      maxAttempts: 20,
      summaryEveryTurns: plan.summaryEveryTurns,
      sweepMs: SWEEP_MS,
    },
    budgets,
  });
  const inbox = createInbox({
    ...common,
    feed,
    intake: supervisor.intake,
    control: supervisor.control,
    gates: [notEmpty(), FORBIDDEN],
    parseCommand: () => undefined,
    budgets,
    outlay: (_agent, { peerId }, { at }) => {
      const applied = budgets.of({ spaceId: DEFAULT_SPACE_ID, agentId: AGENT_ID, peerId }, at);
      return { microUsd: applied.length === 0 ? 0 : RESERVED_MICRO_USD, budgets: applied };
    },
    deadlineMs: () => DEADLINE_MS,
  });
  const lease = createLastingLease(common, (onLost) =>
    createProcessLease({ ...common, pid: 1, role: "simulated", leaseMs: LEASE_MS, onLost }),
  );
  const relay = createRelay({
    ...common,
    lease,
    leaseMs: LEASE_MS,
    sendTimeoutMs: SEND_TIMEOUT_MS,
    sweepMs: SWEEP_MS,
    channels: new Map(
      (["keyed", "verifiable", "blind"] as const).map((kind) => [
        kind,
        platform.channel(kind, kind, process),
      ]),
    ),
  });
  const effects = createEffectWorkers({
    ...common,
    sweepMs: SWEEP_MS,
    handlers: handlersOf(deps, stores, ids.next),
    lanes: { realtime: EFFECT_LANE, background: EFFECT_LANE, heavy: EFFECT_LANE },
  });

  const begin = async (): Promise<void> => {
    await patiently(deps, () => lease.start(life.signal));
    if (plan.isEmbedded)
      await patiently(deps, () =>
        stores.unit.commit(
          [stores.leases.endOthers(process.name), stores.ledger.reconcile(DEFAULT_SPACE_ID)],
          {
            signal: life.signal,
          },
        ),
      );
    supervisor.start();
    relay.start(life.signal);
    effects.start(life.signal);
    world.log(process.name, "is ready");
  };
  const ready = begin();
  ready.catch((error: unknown) => world.fail(error));
  return {
    async accept(message, principal) {
      await ready;
      return inbox.accept(message, principal, { signal: life.signal });
    },
    async cancel(turnId) {
      await ready;
      return supervisor.control.cancel(turnId, { reason: "somebody asked" }, { signal: life.signal });
    },
    async leave() {
      await ready;
      await supervisor.drain({ graceMs: GRACE_MS });
      await Promise.all([relay.stop(GRACE_MS), effects.stop(GRACE_MS)]);
      await lease.stop(GRACE_MS);
    },
  };
}

/** One for the whole space; with it one for each conversation's peer, so that a turn is paid from several accounts. */
export function budgetRules({ dailyLimitMicroUsd }: SchedulePlan): readonly BudgetRule[] {
  if (dailyLimitMicroUsd === undefined) return [];
  const common = { only: undefined, atLimit: "refuse", cheaperModel: undefined } as const;
  const monthlyMicroUsd = dailyLimitMicroUsd - 500;
  return [
    { ...common, name: "all", per: "space", dailyMicroUsd: dailyLimitMicroUsd, monthlyMicroUsd: undefined },
    { ...common, name: "each", per: "peer", dailyMicroUsd: undefined, monthlyMicroUsd },
  ];
}

const FORBIDDEN: Gate = {
  id: "forbidden",
  check: (message) =>
    message.parts.some((part) => part.type === "text" && part.text.includes("forbidden"))
      ? { kind: "deny", code: "auth.forbidden", reason: "Not that." }
      : { kind: "allow" },
};

/** A start that the store refuses is tried again, as whoever watches over a process would. */
async function patiently(deps: CompositionDeps, work: () => Promise<unknown>): Promise<void> {
  const never = new AbortController().signal;
  for (;;) {
    try {
      await work();
      return;
    } catch {
      await deps.process.pause(300, "start again", never);
    }
  }
}

function remoteStores(deps: CompositionDeps): Stores {
  const { process, faults, plan, mutation, commit } = deps;
  const own = mutation?.stores?.(deps.stores) ?? deps.stores;
  const apply = mutation?.apply;
  const unit = createSimulatedUnit({
    process,
    faults,
    keepsOrder: plan.keepsCommitOrder,
    apply: apply === undefined ? commit : (writes) => apply(writes, commit),
  });
  return {
    ...own,
    unit,
    sessions: withRemoteReads(deps, "sessions", own.sessions, ["get", "list", "messages", "history", "find"]),
    storylines: withRemoteReads(deps, "storylines", own.storylines, ["ofSession"]),
    turns: withRemoteReads(deps, "turns", own.turns, [
      "get",
      "steps",
      "inbound",
      "list",
      "nextDue",
      "outlook",
    ]),
    inbox: withRemoteReads(deps, "inbox", own.inbox, ["find", "ofTurn", "counts"]),
    outbox: withRemoteReads(deps, "outbox", own.outbox, ["ofTurn", "list", "nextDue"]),
    effects: withRemoteReads(deps, "effects", own.effects, ["ofTurn", "nextDue", "parked"]),
    ledger: withRemoteReads(deps, "ledger", own.ledger, ["accounts", "callsOfTurn"]),
    memories: withRemoteReads(deps, "memories", own.memories, ["list", "find"]),
  };
}

/** Some counts of notes wait so long. */
const NOTE_DELAY_MS = 700;

/** A note is kept under an id of its own each time, so that keeping it twice would show. */
function noteWrites(
  stores: Stores,
  id: string,
  at: number,
  context: {
    readonly idempotencyKey: string;
    readonly turnId: string;
    readonly sessionId: string;
    readonly audience: readonly string[];
  },
): readonly Write<unknown>[] {
  const { idempotencyKey, turnId, sessionId, audience } = context;
  return [
    stores.memories.put({
      id,
      spaceId: DEFAULT_SPACE_ID,
      agentId: AGENT_ID,
      audience,
      text: idempotencyKey,
      turnId,
      recordedAt: at,
    }),
    stores.effects.put({
      id: derivedId("note.count", idempotencyKey),
      spaceId: DEFAULT_SPACE_ID,
      kind: "note.count",
      v: 1,
      lane: "realtime",
      turnId,
      sessionId,
      payload: { audience },
      createdAt: at,
      // One after the other for a session, some of them not at once.
      key: sessionId,
      ...(at % 3 === 0 ? { dueAt: at + NOTE_DELAY_MS } : {}),
      priority: at % 10,
    }),
  ];
}

/** Each handled effect leaves a memory with an id of its own, so that handling it twice would show. */
function handlersOf(deps: CompositionDeps, stores: Stores, nextId: () => string): EffectHandler[] {
  const { process, random } = deps;
  return HANDLED_KINDS.map((kind) => ({
    kind,
    versions: [1],
    async handle(effect, { signal }) {
      await process.pause(random.next() * 30, "effect", signal);
      if (!deps.isCalm() && random.chance(deps.plan.toolFailShare / 2))
        throw new Error("The handler failed.");
      return [
        stores.memories.put({
          id: nextId(),
          spaceId: DEFAULT_SPACE_ID,
          agentId: AGENT_ID,
          audience: ["everybody"],
          text: `effect ${effect.id}`,
          turnId: effect.turnId,
          recordedAt: process.clock.now(),
        }),
      ];
    },
  }));
}
