// The product as it runs, put together over a real store: the way in, turns, tools, memory, work behind the reply, the way out.
import type {
  AcceptResult,
  Agent,
  AgentDirectory,
  BlobStore,
  InboundMessage,
  LanguageModel,
  Logger,
  ModelRouter,
  Module,
  OutboundMessage,
  ReceivingChannel,
  Stores,
} from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import { AGENT_DEFAULTS, createSupervisor } from "../../server/src/agent/index.ts";
import { createBudgets } from "../../server/src/app/budgets.ts";
import { createUseCounter } from "../../server/src/app/memory-uses.ts";
import { withPersons } from "../../server/src/app/person-stores.ts";
import { storylineRoutes } from "../../server/src/app/storyline-routes.ts";
import { createLocalBus, createLocalTurnFeed } from "../../server/src/bus/index.ts";
import {
  createDelegationCommandTools,
  createDelegationHandlers,
  createDelegationTools,
  type HandlerDeps,
  mayReach,
} from "../../server/src/delegation/index.ts";
import type { AdminRoute } from "../../server/src/gateway/index.ts";
import { createInbox, neverAnswerYourself, notEmpty } from "../../server/src/inbox/index.ts";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import {
  createDreamHandler,
  createDreamLoop,
  createExtractHandler,
  createLearnHandler,
  createMemoryModule,
  createPersonBook,
  createPlacer,
  createSummaryHandler,
  learningOf,
  loadMeaning,
} from "../../server/src/memory/index.ts";
import { createKnowledge, type Knowledge } from "../../server/src/memory/knowledge/index.ts";
import { readDocument } from "../../server/src/memory/knowledge/read-document.ts";
import {
  type CommandToolDeps,
  createBlueprintPolicy,
  createBuiltinTools,
  createCommandTools,
  createToolbox,
} from "../../server/src/tools/index.ts";
import {
  createEffectWorkers,
  createProcessLease,
  createReceivers,
  createRelay,
} from "../../server/src/workers/index.ts";
import type { ManualClock } from "../../testing/src/manual-clock.ts";
import { composeFiles, FOLDER_OWNER } from "./own-files.ts";
import { PLATFORMS, type PlatformId } from "./people.ts";

/** Longer than any night. */
const LEASE_MS = 10 * 365 * 86_400_000;

export type Bringing = Omit<InboundMessage, "agentId" | "channel">;

/** One process of Troupe. */
export interface House extends AsyncDisposable {
  readonly stores: Stores;
  readonly blobs: BlobStore;
  /** With a folder for each agent's own files. */
  readonly folder: string;
  readonly knowledge: Knowledge;
  /** What an operator does to storylines. */
  readonly storylines: readonly AdminRoute[];
  bring(platform: PlatformId, message: Bringing): Promise<AcceptResult>;
}

export interface HouseDeps {
  readonly id: string;
  readonly clock: ManualClock;
  readonly stores: Stores;
  readonly blobs: BlobStore;
  readonly logger: Logger;
  readonly random: () => number;
  /** For codes that people are told. */
  readonly randomBytes: (count: number) => Uint8Array;
  readonly model: LanguageModel;
  /** For broken pieces: what else the product is to call a peer. */
  readonly nameOnPlatform: (name: string) => string;
  readonly folder: string;
  /** For broken pieces: who a reader of private files is said to be. */
  readonly namesOfReader: ((name: string) => readonly string[]) | undefined;
  /** People see this. */
  readonly onArrival: (platform: PlatformId, message: OutboundMessage) => void;
}

/** One answers on two platforms, which must not mix; the other one learns with a model. */
const AGENTS: readonly Agent[] = [
  { id: "ana", name: "Ana" },
  { id: "bob", name: "Bob", learn: "model" as const },
].map((spec) => ({
  spaceId: DEFAULT_SPACE_ID,
  revision: 1,
  spec: {
    ...{ model: "default", instructions: "You help.", delegates: ["*"], acceptsFrom: ["*"] },
    workspace: { readers: [FOLDER_OWNER] },
    ...spec,
  },
}));

const DIRECTORY: AgentDirectory = {
  get: (_space, id) => AGENTS.find(({ spec }) => spec.id === id),
  list: () => AGENTS,
};

/** Loaded once: it takes real time. */
let meaning: ReturnType<typeof loadMeaning> | undefined;

export async function openHouse(deps: HouseDeps): Promise<House> {
  const { clock, logger, random, id: processId } = deps;
  const people = createPersonBook({ persons: deps.stores.persons, clock, logger });
  const stores = withPersons(deps.stores, people);
  meaning ??= loadMeaning();
  const meaningOf = await meaning;
  // Loaded with the first tool call otherwise, which takes real time.
  await import("ajv/dist/2020.js");
  const metrics = createMetrics();
  const life = new AbortController();
  const ids = createIdGenerator(clock);
  const common = {
    ...{ ...stores, clock, logger, metrics, processId, random, ids },
    ...{ agents: DIRECTORY, blobs: deps.blobs, spaceId: DEFAULT_SPACE_ID },
    bus: createLocalBus({ logger, metrics, clock }),
    router: routerOf(deps),
  };
  const parts = { ...common, budgets: createBudgets({ ...common, rules: () => [] }) };
  const placer = createPlacer({ ...common, meaning: async () => meaningOf });
  const { namesOfReader } = deps;
  const files = composeFiles({
    ...common,
    folder: deps.folder,
    people: namesOfReader === undefined ? people : { namesOf: (_space, name) => namesOfReader(name) },
  });
  const { inbox, delegation } = await composeTurns(parts, placer, files, {
    onChange: () => people.changing(),
    randomBytes: deps.randomBytes,
  });
  const lease = createProcessLease({
    ...{ ...common, pid: 1, role: "leaks", leaseMs: LEASE_MS, onLost: () => {} },
  });
  await lease.start(life.signal);
  const pipes = new Map(PLATFORMS.map((platform) => [platform, createPipe(platform, deps.onArrival)]));
  const channels = [...pipes.values()].map(({ channel }) => channel);
  const relay = createRelay({
    ...{ ...common, lease, leaseMs: 60_000, sendTimeoutMs: 10_000 },
    channels: new Map(channels.map((channel) => [channel.id, channel])),
  });
  const effects = createEffectWorkers({
    ...common,
    handlers: [
      ...createDelegationHandlers(delegation),
      ...[createSummaryHandler(parts), createLearnHandler(stores), createExtractHandler(parts)],
      ...[createDreamHandler(parts), ...(files.effects ?? [])],
    ],
  });
  const receivers = createReceivers({
    ...common,
    inbox: {
      accept: (message, ...call) =>
        inbox.accept({ ...message, audience: message.audience.map(deps.nameOnPlatform) }, ...call),
    },
    channels: channels.map((channel) => ({ channel, agentId: channel.id === "west" ? "bob" : "ana" })),
  });
  const dreams = createDreamLoop({ ...common, hour: () => 3, zone: () => "UTC" });
  dreams.start(life.signal);
  relay.start(life.signal);
  effects.start(life.signal);
  receivers.start(life.signal);
  return {
    ...{ stores, blobs: deps.blobs, folder: deps.folder },
    knowledge: createKnowledge({ ...common, read: async (raw) => readDocument(raw) }),
    storylines: storylineRoutes({ stores, clock, placer }),
    async bring(platform, message) {
      const accept = await pipes.get(platform)?.accept;
      if (accept === undefined) throw new Error(`Nobody listens on ${platform}.`);
      return accept(message);
    },
    async [Symbol.asyncDispose]() {
      life.abort(new Error("The house is left."));
      await clock.settle();
    },
  };
}

type Common = Omit<HouseDeps, "randomBytes" | "model" | "onArrival" | "nameOnPlatform" | "id" | "stores"> &
  Omit<Stores, "agents"> & {
    readonly metrics: ReturnType<typeof createMetrics>;
    readonly ids: ReturnType<typeof createIdGenerator>;
    readonly agents: AgentDirectory;
    readonly processId: string;
    readonly spaceId: string;
    readonly bus: ReturnType<typeof createLocalBus>;
    readonly router: ReturnType<typeof routerOf>;
    readonly budgets: ReturnType<typeof createBudgets>;
  };

async function composeTurns(
  common: Common,
  placer: ReturnType<typeof createPlacer>,
  files: Module,
  linking: Pick<CommandToolDeps, "onChange" | "randomBytes">,
) {
  const { clock, logger, metrics } = common;
  const countUses = createUseCounter(common, DEFAULT_SPACE_ID);
  const feed = createLocalTurnFeed({ logger, metrics });
  const delegation: HandlerDeps = {
    ...common,
    accept: (...call) => inbox.accept(...call),
    cancel: (...call) => supervisor.control.cancel(...call),
    limits: () => ({ loopGuard: { max: 20, windowMinutes: 30 }, maxDepth: 4, maxHops: 12 }),
  };
  const builtin = createBuiltinTools({ ...common, more: createDelegationTools(delegation) });
  const toolbox = createToolbox({
    sources: [builtin, { id: "module:workspace", list: async () => files.tools ?? [] }],
    commandTools: [
      ...createCommandTools({ ...common, placer, ...linking }),
      ...createDelegationCommandTools(delegation),
    ],
    ...{ logger, metrics, clock },
  });
  await toolbox.load({ signal: new AbortController().signal });
  const supervisor = createSupervisor({
    ...{ ...common, toolbox, feed, placer, learning: learningOf, approval: createBlueprintPolicy() },
    modules: [createMemoryModule(common), files],
    onKept: ({ run }) => countUses(run.trace, run.inbound),
    // Soon, so that much of what is said goes through summaries.
    settings: { ...AGENT_DEFAULTS, summaryEveryTurns: 4 },
  });
  const inbox = createInbox({
    ...{ ...common, intake: supervisor.intake, control: supervisor.control, feed },
    gates: [neverAnswerYourself(), notEmpty()],
    parseCommand: toolbox.parseCommand,
    outlay: () => ({ microUsd: 0, budgets: [] }),
    deadlineMs: () => 60_000,
    mayHandOff: mayReach,
  });
  supervisor.start();
  return { inbox, delegation };
}

function routerOf({ model }: Pick<HouseDeps, "model">): ModelRouter {
  const choice = { model, name: "made/gossip", price: undefined };
  return {
    choices: () => [choice],
    async *stream(_choices, request, { signal, onModel }) {
      onModel(choice);
      yield* model.stream(request, { signal });
    },
  };
}

type Accept = (message: Bringing) => Promise<AcceptResult>;

/** A platform's end: what is brought goes in by it, what is sent comes out. */
function createPipe(id: PlatformId, onArrival: HouseDeps["onArrival"]) {
  const { promise, resolve } = Promise.withResolvers<Accept>();
  const channel: ReceivingChannel = {
    ...{ id, delivery: "keyed" },
    async send(message) {
      onArrival(id, message);
      return {};
    },
    async receive(accept, { signal }) {
      resolve(accept);
      await new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }),
      );
    },
  };
  return { channel, accept: promise };
}
