// The product as it runs, put together over a real store: the way in, turns, tools, memory, work behind the reply, the way out.
import type {
  AcceptResult,
  Agent,
  AgentDirectory,
  Audience,
  BlobStore,
  InboundMessage,
  LanguageModel,
  Logger,
  ModelRouter,
  OutboundMessage,
  ReceivingChannel,
  Stores,
} from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import { createBudgets } from "../../server/src/app/budgets.ts";
import { withPersons } from "../../server/src/app/person-stores.ts";
import { createLocalBus } from "../../server/src/bus/index.ts";
import { createDelegationHandlers } from "../../server/src/delegation/index.ts";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import {
  createDreamHandler,
  createDreamLoop,
  createExtractHandler,
  createLearnHandler,
  createPeopleModule,
  createPersonBook,
  createPlacer,
  createProfileBook,
  createReflectHandler,
  createSummaryHandler,
  loadMeaning,
} from "../../server/src/memory/index.ts";
import { createKnowledge, type Knowledge } from "../../server/src/memory/knowledge/index.ts";
import { readDocument } from "../../server/src/memory/knowledge/read-document.ts";
import {
  createEffectWorkers,
  createInboxChannel,
  createProcessLease,
  createReceivers,
  createRelay,
} from "../../server/src/workers/index.ts";
import type { ManualClock } from "../../testing/src/manual-clock.ts";
import { composeFaces, type Faces } from "./faces.ts";
import { composeMeaning } from "./meaning.ts";
import { composeFiles, FOLDER_OWNER } from "./own-files.ts";
import { PLATFORMS, type PlatformId } from "./people.ts";
import { composeSchedule } from "./schedule.ts";
import { composeTurns } from "./turns.ts";

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
  /** What was kept so far is found by its meaning from then on. Resolves with how much there was. */
  embed(): Promise<number>;
  readonly faces: Faces;
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
  /** For broken pieces: for whom meanings are searched. */
  readonly readersByMeaning: ((readers: Audience) => Audience) | undefined;
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
  const placer = createPlacer({ ...common, people, meaning: async () => meaningOf });
  const near = await composeMeaning({ ...common, readersByMeaning: deps.readersByMeaning });
  const { namesOfReader } = deps;
  const book =
    namesOfReader === undefined ? people : { namesOf: (_space: string, name: string) => namesOfReader(name) };
  const files = composeFiles({
    ...common,
    folder: deps.folder,
    people: book,
  });
  const schedule = composeSchedule({ ...common, inboxRows: stores.inbox, later: () => turns });
  const more = {
    ...near,
    modules: [createPeopleModule({ ...common, people: book }), files, schedule.module],
    commandTools: schedule.commandTools,
  };
  const turns = await composeTurns(parts, placer, more, {
    onChange: () => people.changing(),
    randomBytes: deps.randomBytes,
  });
  const { inbox, delegation } = turns;
  const lease = createProcessLease({
    ...{ ...common, pid: 1, role: "leaks", leaseMs: LEASE_MS, onLost: () => {} },
  });
  await lease.start(life.signal);
  const pipes = new Map<PlatformId, ReturnType<typeof createPipe>>(
    PLATFORMS.map((platform) => [platform, createPipe(platform, deps.onArrival)]),
  );
  const channels = [...pipes.values()].map(({ channel }) => channel);
  const relay = createRelay({
    ...{ ...common, lease, leaseMs: 60_000, sendTimeoutMs: 10_000 },
    channels: new Map(
      [...channels, createInboxChannel({ ...parts, spaceId: DEFAULT_SPACE_ID })].map((one) => [one.id, one]),
    ),
  });
  const effects = createEffectWorkers({
    ...common,
    handlers: [
      ...createDelegationHandlers(delegation),
      ...[createSummaryHandler(parts), createLearnHandler(stores), createExtractHandler(parts)],
      ...[createDreamHandler({ ...parts, zone: () => "UTC" }), createReflectHandler(parts)],
      ...turns.effects,
    ],
  });
  const receivers = createReceivers({
    ...common,
    inbox: {
      accept: (message, ...call) =>
        inbox.accept({ ...message, audience: message.audience.map(deps.nameOnPlatform) }, ...call),
    },
    channels: channels.map((channel) => ({ channel, agentId: channel.id === "west" ? "bob" : "ana" })),
    onAuthor: createProfileBook(common).heard,
  });
  // Flows are an operator's alone, and none are served here.
  const { flows: _, ...facing } = parts;
  const dreams = createDreamLoop({ ...common, hour: () => 3, zone: () => "UTC" });
  dreams.start(life.signal);
  schedule.scheduler.start(life.signal);
  relay.start(life.signal);
  effects.start(life.signal);
  receivers.start(life.signal);
  return {
    ...{ stores, blobs: deps.blobs, folder: deps.folder },
    knowledge: createKnowledge({ ...common, read: async (raw) => readDocument(raw) }),
    embed: near.fill,
    faces: composeFaces({ ...facing, ...turns, stores, people, placer, jobs: schedule.service }),
    async bring(platform, message) {
      const accept = await pipes.get(platform)?.accept;
      if (accept === undefined) throw new Error(`Nobody listens on ${platform}.`);
      return accept(message);
    },
    async [Symbol.asyncDispose]() {
      life.abort(new Error("The house is left."));
      await clock.settle();
      await near[Symbol.asyncDispose]();
    },
  };
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
