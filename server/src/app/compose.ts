import { resolve } from "node:path";
import type {
  BlobStore,
  CallOptions,
  Channel,
  Clock,
  EffectHandler,
  FlowDefinition,
  IdGenerator,
  Inbox,
  Logger,
  MessageBus,
  Notices,
  Stores,
  ToolSource,
  TurnControl,
  TurnFeed,
} from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import { createIdGenerator, createMetrics, type Metrics, systemClock, type WakeLoop } from "../kit/index.ts";
import { createPersonBook, createWordVectors, type PersonBook, type WordVectors } from "../memory/index.ts";
import type { HookRegistry } from "../modules/index.ts";
import { createVault, type MasterKeys, type Vault } from "../secrets/index.ts";
import { createFileBlobs, type Migration, type OpenStores } from "../store/index.ts";
import { createProcessLease, type ProcessLease, type Receivers } from "../workers/index.ts";
import { agentImport, readAgents } from "./agent-import.ts";
import { createAgentDirectory, type SwappableAgents } from "./agents.ts";
import { type BudgetBook, createBudgetBook } from "./budget-book.ts";
import { budgetRulesOf } from "./budgets.ts";
import { type ChannelAgents, composeReceivers } from "./compose-channels.ts";
import { composeDeadLetters } from "./compose-dead-letters.ts";
import { composeEpisodes, type EpisodeParts } from "./compose-episodes.ts";
import { composeFlows, type FlowParts, withFlows } from "./compose-flows.ts";
import { composeInbox } from "./compose-inbox.ts";
import { composeJobs, type JobParts } from "./compose-jobs.ts";
import { composeModules, type ModuleSource } from "./compose-modules.ts";
import { composeProcesses, type Processes } from "./compose-processes.ts";
import { composeTurns, SPACE, type TurnParts } from "./compose-turns.ts";
import { composeVectors, type VectorParts } from "./compose-vectors.ts";
import { composeWorkspaces, type WorkspaceParts } from "./compose-workspaces.ts";
import { type Config, configError, type LoadResult, type Problem } from "./config/index.ts";
import { createHealthState, type HealthState } from "./health.ts";
import { createHoldState, type HoldState, heldNote } from "./hold.ts";
import { checkShare, type LaneChoice, laneLimits } from "./lanes.ts";
import { createLastingLease } from "./lasting-lease.ts";
import { type AdjustableLogger, createAdjustableLogger } from "./logging.ts";
import { routerMaker } from "./make-router.ts";
import { measureProcess } from "./measure-process.ts";
import { openBus } from "./open-bus.ts";
import { openStore } from "./open-store.ts";
import { withPersons } from "./person-stores.ts";
import { factsOf } from "./process-facts.ts";
import { createReloader, type Reloader } from "./reload.ts";
import { dutiesOf, paceOf, type Role } from "./roles.ts";
import { hiddenValues, masterKeysOf } from "./secrets.ts";
import { readStatus, type StatusReport } from "./status.ts";
import { createSwappableRouter, type SwappableRouter } from "./swap-router.ts";
import { troupeVersion } from "./version.ts";

export interface ComposeOptions {
  /** Reads the files anew, for reloads. Default: the given configuration again. */
  readonly load?: () => LoadResult | Promise<LoadResult>;
  /** What opens secrets. Default: `master.key` of the home. */
  readonly masterKeys?: MasterKeys;
  /**
   * `serve`: the store on its own threads. `command`: on this one; a short command needs no more.
   */
  readonly mode?: "serve" | "command";
  /** Where programs are, as PATH says it; git among them. Default: where the system has its own. */
  readonly searchPath?: string | undefined;
  /** What this process does of the work; what it leaves out, others do. Default: everything. */
  readonly role?: Role;
  /** In which lanes it runs effects, and how many at once. Default: as the configuration says, in all. */
  readonly laneChoice?: LaneChoice;
  /** Of the tables, on PostgreSQL. Default: those of this version. */
  readonly migrations?: readonly Migration[];
  /** Replies are delivered to them; those that can receive bring messages too. */
  readonly channels?: readonly Channel[];
  readonly channelAgents?: ChannelAgents;
  /** Work after the reply, beside what Troupe brings. */
  readonly effectHandlers?: readonly EffectHandler[];
  readonly toolSources?: readonly ToolSource[];
  /** Flows that can be started here, beside those that agents drive. */
  readonly flows?: readonly FlowDefinition[];
  /** What brings context, tools, hooks, effects and tasks to turns, beside memory. */
  readonly modules?: readonly ModuleSource[];
  readonly logger?: AdjustableLogger;
  readonly clock?: Clock;
  /** 0 ≤ x < 1. */
  readonly random?: () => number;
}

/** What everything stands on. */
export interface Foundation {
  /** Who is one person with whom. */
  readonly people: PersonBook;
  /** What texts are compared by, one for all who do. */
  readonly wordVectors: WordVectors;
  readonly stores: Stores;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly random: () => number;
  readonly processId: string;
}

/** One Troupe, built and not yet at work. Disposing it closes what `start` did not open too. */
export interface Troupe
  extends AsyncDisposable,
    Foundation,
    Pick<FlowParts, "flowPort" | "flowEngine" | "flowDefinitions">,
    Pick<VectorParts, "vectorFiller" | "vectorModel" | "vectorIndex">,
    Pick<WorkspaceParts, "workspaceKeeper" | "workspaceBook" | "workspaceEraser">,
    Pick<EpisodeParts, "episodeMemory">,
    Pick<JobParts, "jobs" | "scheduler" | "heartbeats" | "conditions">,
    Pick<
      TurnParts,
      | ("supervisor" | "relay" | "effects" | "indexer" | "blobSweep" | "dreamLoop")
      | ("budgets" | "toolbox" | "tapeKeeper" | "placer")
    > {
  readonly inbox: Inbox;
  readonly control: TurnControl;
  readonly feed: TurnFeed;
  readonly bus: MessageBus;
  readonly notices: Notices;
  readonly backlog: WakeLoop;
  readonly agents: SwappableAgents;
  readonly router: SwappableRouter;
  readonly health: HealthState;
  readonly reloader: Reloader;
  readonly role: Role;
  readonly processes: Processes;
  readonly lease: ProcessLease;
  readonly receivers: Receivers;
  readonly vault: Vault;
  readonly hold: HoldState;
  readonly budgetBook: BudgetBook;
  readonly hooks: HookRegistry;
  readonly version: string;
  status(options: CallOptions): Promise<StatusReport>;
}

/** Builds everything, top to bottom; what was built is closed in reverse order, also when a part cannot be built. */
export async function compose(config: Config, options: ComposeOptions = {}): Promise<Troupe> {
  const { mode = "serve", role = "all" } = options;
  const logger =
    options.logger ?? createAdjustableLogger({ level: config.log.level ?? "info", isTerminal: false });
  announce(logger, config);
  await using stack = new AsyncDisposableStack();
  checkShare(role, options.laneChoice, config);
  const { foundation, ...opening } = await openFoundation(config, { ...options, logger, mode }, stack);
  const { stores, clock } = foundation;
  const makeRouter = routerMaker(foundation);
  const agents = createAgentDirectory();
  const { bus, feed, remark, people, ...opened } = await openTellingBus(config, foundation);
  stack.defer(() => opened.close());
  /** The configuration in force; whoever needs a setting that a reload may change asks for it each time. */
  const live = { config };
  const retireAfterMs = (): number => longestTurnMs(live.config);
  const router = createSwappableRouter(await makeRouter(config), { clock, retireAfterMs });
  stack.defer(() => router.close());
  const { channels, notices } = composeInbox(foundation, bus, options.channels ?? []);
  const deadLetters = composeDeadLetters(foundation, notices);
  const { leaseMs, sweepMs } = paceOf(config);
  const later = { turns: () => turns, config: () => live.config };
  const jobs = composeJobs(foundation, { bus, router, channels, agents, notices, sweepMs, ...later });
  const { turnSearch, ...vectors } = composeVectors(foundation, { router, stack, ...later });
  const workspaces = composeWorkspaces({ ...foundation, people }, { ...options, ...config, agents, logger });
  const { otherModules, ...episodes } = await composeEpisodes(config, options.modules);
  const sources = [jobs.jobModule, workspaces.workspaceModule, ...otherModules];
  const modules = composeModules(foundation, sources, turnSearch, (kind) => turns.effects.versionsOf(kind));
  const lease = leaseOf(foundation, mode === "serve" ? role : mode, leaseMs);
  const vault = openVault(foundation, config, options);
  const flows = composeFlows(foundation, options, { bus, channels, sweepMs, turns: () => turns });
  const processes = composeProcesses(foundation, {
    ...{ bus, role, config: () => live.config },
    readAgents: (call) => readAgents(stores, agents, live.config, call),
    nudgeIndexer: () => turns.indexer.nudge(),
    ownFacts: () => factsOf({ role, ...foundation, health, router, ...turns }),
  });
  const turns: TurnParts = composeTurns(foundation, {
    ...{ router, agents, bus, feed, lease, channels, notices, modules, deadLetters, vault, sweepMs, vectors },
    ...{ ...withFlows(options, flows), commandTools: jobs.jobCommandTools, quiet: jobs.quiet, people },
    ...{ lanes: laneLimits(config.lanes, options.laneChoice ?? {}), hasWorkspace: workspaces.hasWorkspace },
    intakeFor: processes.intakeFor,
    hide: (text) => logger.redact(text),
    config: () => live.config,
  });
  const takeOver = agentImport(foundation, agents, { turns, processes, modules });
  const load = options.load ?? (() => ({ kind: "valid", config }) as const);
  const onApplied = () => jobs.heartbeats.reconcile(SPACE, agents.list(SPACE), UNBOUNDED);
  const apply = applying({ makeRouter, takeOver, router, live, logger, onApplied });
  const reloader = stack.use(createReloader({ initial: config, load, apply, clock, logger }));
  const problems = await takeOver(config);
  if (problems.length > 0) throw configError(problems);
  const receivers = composeReceivers(foundation, {
    ...{ inbox: turns.inbox, agents: agents.list(SPACE), named: options.channelAgents },
    channels: dutiesOf(role).takesMessages ? channels : [],
  });
  const hold = createHoldState(stores, SPACE);
  const probes = [() => opening.health().error?.message, () => noAgent(agents)];
  const remarks = [() => heldNote(hold), remark, () => aheadNote(opening.ahead)];
  const health = createHealthState(clock, probes, remarks);
  const parts = { feed, bus, agents, router, reloader, health, lease, receivers, vault, hold, notices };
  const own = { people, role, processes, hooks: modules.hooks, backlog: deadLetters.backlog, ...episodes };
  const base = { ...foundation, ...turns, ...vectors, ...parts, ...flows, ...jobs, ...workspaces, ...own };
  return withStatus({ ...base, control: turns.supervisor.control }, mode === "serve", stack.move());
}

/** Makes another configuration the one in force, or says what is wrong with it and changes nothing. */
function applying(of: {
  readonly makeRouter: ReturnType<typeof routerMaker>;
  readonly takeOver: (config: Config) => Promise<readonly Problem[]>;
  readonly router: SwappableRouter;
  readonly live: { config: Config };
  readonly logger: AdjustableLogger;
  /** The new one is in force. */
  readonly onApplied: () => Promise<void>;
}): (next: Config) => Promise<readonly Problem[]> {
  const { router, live, logger } = of;
  return async (next) => {
    const nextRouter = await of.makeRouter(next);
    const problems = await closedUnlessGood(nextRouter, () => of.takeOver(next));
    if (problems.length > 0) return problems;
    announce(logger, next);
    router.swap(nextRouter);
    live.config = next;
    logger.setLevel(next.log.level ?? logger.initialLevel);
    await of.onApplied();
    return [];
  };
}

/** The bus, over which changes of persons are told to the processes that share the store, and heard from them. */
async function openTellingBus(config: Config, foundation: Foundation) {
  const opened = await openBus(config, foundation);
  const { bus } = opened;
  const { clock, ids, people: own } = foundation;
  const kind = SUBJECTS.personsChanged;
  bus.subscribe(kind, () => own.changing());
  const people: PersonBook = {
    ...own,
    changing() {
      own.changing();
      bus.publish(kind, { id: ids.next(), kind, v: 1, at: clock.now(), payload: {} });
    },
  };
  return { ...opened, people };
}

function noAgent({ size }: SwappableAgents): string | undefined {
  return size === 0 ? "There is no agent." : undefined;
}

function leaseOf(foundation: Foundation, role: string, leaseMs: number): ProcessLease {
  const { stores } = foundation;
  return createLastingLease(foundation, (onLost) =>
    createProcessLease({ ...foundation, ...stores, pid: process.pid, role, leaseMs, onLost }),
  );
}

/** What everything stands on; closed with the stack. */
async function openFoundation(
  config: Config,
  options: Required<Pick<ComposeOptions, "logger" | "mode">> &
    Pick<ComposeOptions, "clock" | "random" | "migrations">,
  stack: AsyncDisposableStack,
): Promise<{
  readonly foundation: Foundation;
  readonly health: OpenStores["health"];
  readonly ahead: readonly string[];
}> {
  const { clock = systemClock(), random = Math.random, mode, logger } = options;
  const metrics = measureProcess(createMetrics({ prefix: "troupe_" }));
  const ids = createIdGenerator(clock);
  const common = { clock, ids, logger, metrics };
  const store = await openStore(config, { ...common, migrations: options.migrations }, mode);
  stack.defer(() => store.close());
  const blobs = openBlobs(config, clock);
  const people = createPersonBook({ persons: store.stores.persons, clock, logger });
  const onLoad = (loaded: object): void => logger.info("embedding.loaded", { ...loaded });
  return {
    foundation: {
      ...{ ...common, blobs, random, processId: ids.next(), people },
      wordVectors: createWordVectors({ onLoad }),
      stores: withPersons(store.stores, people),
    },
    health: () => store.health(),
    ahead: store.ahead ?? [],
  };
}

/** The router is made before: a reload whose models cannot be asked must not have changed the agents. */
async function closedUnlessGood(
  router: { close(): Promise<void> },
  takeOver: () => Promise<readonly Problem[]>,
): Promise<readonly Problem[]> {
  await using stack = new AsyncDisposableStack();
  stack.defer(() => router.close());
  const problems = await takeOver();
  if (problems.length === 0) stack.move();
  return problems;
}

function openVault({ stores, clock }: Foundation, { home }: Config, options: ComposeOptions): Vault {
  const { masterKeys: master = masterKeysOf({ home, variables: {} }) } = options;
  return createVault({ store: stores.secrets, unit: stores.unit, master, clock });
}

type WithoutStatus = Omit<Troupe, "budgetBook" | "status" | "version" | typeof Symbol.asyncDispose>;

function withStatus(troupe: WithoutStatus, isServing: boolean, held: AsyncDisposableStack): Troupe {
  const version = troupeVersion();
  const { agents, reloader, supervisor } = troupe;
  const deps = {
    ...troupe,
    ...{ isServing, version, spaceId: SPACE },
    turnStats: () => supervisor.stats(),
    agentIds: () => agents.list(SPACE).map((agent) => agent.spec.id),
    config: () => reloader.config,
    lastReload: () => reloader.last,
    providerHealth: () => troupe.router.health(),
    facts: (call: CallOptions) => troupe.processes.facts(call),
  };
  const budgetBook = createBudgetBook({
    stores: troupe.stores,
    now: () => troupe.clock.now(),
    rules: () => budgetRulesOf(reloader.config),
    agentIds: deps.agentIds,
  });
  return {
    ...troupe,
    budgetBook,
    version,
    status: (call) => readStatus(deps, call),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function aheadNote(ahead: readonly string[]): string | undefined {
  if (ahead.length === 0) return undefined;
  return `The database has tables of a newer Troupe (${ahead.join(", ")}), which this one serves all the same. Upgrade this process too.`;
}

/** Before a configuration is in force: what the log may not show, and what of it cannot be used. */
function announce(logger: AdjustableLogger, config: Config): void {
  logger.hide(hiddenValues(config));
  for (const [setting, error] of config.unreadable)
    logger.error("config.secret_unreadable", { setting, error });
}

/** For work that nothing but the end of the process cuts short. */
const UNBOUNDED: CallOptions = { signal: new AbortController().signal };

function openBlobs(config: Config, clock: Clock): BlobStore {
  return createFileBlobs({ folder: resolve(config.home, config.blobs.url.slice("file:".length)), clock });
}

function longestTurnMs(config: Config): number {
  const all = config.agents.map((agent) => agent.deadlineMs ?? 0);
  return Math.max(config.turns.deadlineSeconds * 1000, ...all);
}
