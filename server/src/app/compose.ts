import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type {
  CallOptions,
  Channel,
  Clock,
  IdGenerator,
  Inbox,
  Logger,
  Stores,
  ToolSource,
  TurnControl,
  TurnFeed,
} from "@troupe/contracts";
import { createLocalBus, createLocalTurnFeed } from "../bus/index.ts";
import { createIdGenerator, createMetrics, type Metrics, systemClock } from "../kit/index.ts";
import { createModelRouter, type ModelRouterConfig, type ProviderConfig } from "../llm/index.ts";
import { openSqliteStores, type SqliteStores } from "../store/index.ts";
import { createProcessLease, type ProcessLease } from "../workers/index.ts";
import { createAgentDirectory, importAgents, type SwappableAgents, withTurnDefaults } from "./agents.ts";
import { composeTurns, SPACE, type TurnParts } from "./compose-turns.ts";
import { type Config, configError, type LoadResult, type Problem } from "./config/index.ts";
import { createHealthState, type HealthState } from "./health.ts";
import { makeFirstKey, type NewKey } from "./keys.ts";
import { createLastingLease } from "./lasting-lease.ts";
import { type AdjustableLogger, createAdjustableLogger } from "./logging.ts";
import { createReloader, type Reloader } from "./reload.ts";
import { readStatus, type StatusReport } from "./status.ts";
import { createSwappableRouter, type SwappableRouter } from "./swap-router.ts";
import { troupeVersion } from "./version.ts";

export interface ComposeOptions {
  /** Reads the files anew, for reloads. Default: the given configuration again. */
  readonly load?: () => LoadResult;
  /**
   * `serve`: the store on its own threads. `command`: on this one; a short command needs no more.
   */
  readonly mode?: "serve" | "command";
  readonly channels?: readonly Channel[];
  readonly toolSources?: readonly ToolSource[];
  readonly logger?: AdjustableLogger;
  readonly clock?: Clock;
  /** 0 ≤ x < 1. */
  readonly random?: () => number;
}

/** What everything stands on. */
export interface Foundation {
  readonly stores: Stores;
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
    Pick<TurnParts, "supervisor" | "relay" | "effects" | "indexer"> {
  readonly inbox: Inbox;
  readonly control: TurnControl;
  readonly feed: TurnFeed;
  readonly agents: SwappableAgents;
  readonly router: SwappableRouter;
  readonly health: HealthState;
  readonly reloader: Reloader;
  readonly lease: ProcessLease;
  readonly version: string;
  /** The operator's key, when this start made it: the only time that it can be told. */
  readonly firstKey: NewKey | undefined;
  status(options: CallOptions): Promise<StatusReport>;
}

/**
 * A process that is silent for so long counts as dead. Long, because each renewal is a commit and an fsync: on SQLite the
 * lock of the home proves death at once, and the next start takes over without waiting for this.
 */
const LEASE_MS = 60_000;

/** Builds everything, top to bottom; what was built is closed in reverse order, also when a part cannot be built. */
export async function compose(config: Config, options: ComposeOptions = {}): Promise<Troupe> {
  const { clock = systemClock(), random = Math.random, mode = "serve" } = options;
  const logger =
    options.logger ?? createAdjustableLogger({ level: config.log.level ?? "info", isTerminal: false });
  const metrics = createMetrics();
  const ids = createIdGenerator(clock);
  await using stack = new AsyncDisposableStack();
  const store = await openStore(config, { clock, ids, logger, metrics }, mode);
  stack.defer(() => store.close());
  const { stores } = store;
  const foundation: Foundation = { stores, clock, ids, logger, metrics, random, processId: ids.next() };

  const makeRouter = (from: Config) =>
    createModelRouter({ config: modelSettings(from), clock, random, logger, metrics });
  const agents = createAgentDirectory();
  const bus = createLocalBus({ clock, logger, metrics });
  stack.defer(() => bus.close());
  const feed = createLocalTurnFeed({ logger, metrics });
  /** The configuration in force; whoever needs a setting that a reload may change asks for it each time. */
  const live = { config };
  const retireAfterMs = (): number => longestTurnMs(live.config);
  const router = createSwappableRouter(makeRouter(config), { clock, retireAfterMs });
  stack.defer(() => router.close());
  const { channels = [], toolSources = [] } = options;
  const lease = createLastingLease(foundation, (onLost) =>
    createProcessLease({ ...foundation, ...stores, pid: process.pid, role: mode, leaseMs: LEASE_MS, onLost }),
  );
  const turns = composeTurns(foundation, {
    ...{ router, agents, bus, feed, lease, channels, toolSources },
    config: () => live.config,
  });
  const takeOver = agentImport(foundation, agents, turns);
  const reloader = stack.use(
    createReloader({
      initial: config,
      load: options.load ?? (() => ({ kind: "valid", config })),
      async apply(next) {
        const problems = await takeOver(next);
        if (problems.length > 0) return problems;
        live.config = next;
        router.swap(makeRouter(next));
        logger.setLevel(next.log.level ?? logger.initialLevel);
        return [];
      },
      ...{ clock, logger },
    }),
  );
  const problems = await takeOver(config);
  if (problems.length > 0) throw configError(problems);
  const firstKey = await makeFirstKey(foundation, SPACE, UNBOUNDED);
  const health = createHealthState(clock, [
    () => store.health().error?.message,
    () => (agents.size === 0 ? "There is no agent." : undefined),
  ]);
  const { control } = turns.supervisor;
  const base = { ...foundation, ...turns, control, feed, agents, router, reloader, health, lease, firstKey };
  return withStatus(base, mode === "serve", stack.move());
}

type WithoutStatus = Omit<Troupe, "status" | "version" | typeof Symbol.asyncDispose>;

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
  };
  return {
    ...troupe,
    version,
    status: (call) => readStatus(deps, call),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Makes the agents of a configuration those of the process, in the store and in memory; or says what is wrong with them. */
function agentImport(
  { stores, clock }: Foundation,
  agents: SwappableAgents,
  turns: TurnParts,
): (config: Config) => Promise<readonly Problem[]> {
  return async (config) => {
    await turns.toolbox.load(UNBOUNDED);
    const problems = unknownTools(config, turns);
    if (problems.length > 0) return problems;
    const imported = await importAgents({ stores, clock }, SPACE, config.agents, UNBOUNDED);
    agents.swap(imported.map((agent) => withTurnDefaults(agent, config.turns)));
    return [];
  };
}

/** For work that nothing but the end of the process cuts short. */
const UNBOUNDED: CallOptions = { signal: new AbortController().signal };

function openStore(
  config: Config,
  deps: {
    readonly clock: Clock;
    readonly ids: IdGenerator;
    readonly logger: Logger;
    readonly metrics: Metrics;
  },
  mode: "serve" | "command",
): Promise<SqliteStores> {
  const path = resolve(config.home, config.store.url.slice("sqlite:".length));
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  return openSqliteStores({ ...deps, path, mode: mode === "serve" ? "threads" : "inline" });
}

function modelSettings({ providers, models, prices }: Config): ModelRouterConfig {
  const named = Object.entries(providers).map(
    ([name, { kind, baseUrl = "", ...rest }]): [string, ProviderConfig] => [
      name,
      kind === "offline" ? { kind } : { kind, baseUrl, ...rest },
    ],
  );
  return { providers: Object.fromEntries(named), models, prices };
}

function longestTurnMs(config: Config): number {
  const all = config.agents.map((agent) => agent.deadlineMs ?? 0);
  return Math.max(config.turns.deadlineSeconds * 1000, ...all);
}

/** Tools that an agent names and nobody brings; extensions may bring some that the files alone do not tell of. */
function unknownTools(config: Config, turns: TurnParts): readonly Problem[] {
  return config.agents.flatMap((agent) =>
    turns.toolbox.validate(agent).map(({ name, nearest }) => ({
      file: `agents/${agent.id}.yaml`,
      line: undefined,
      path: "tools",
      message: `tools names the tool "${name}", which does not exist.`,
      hints: nearest === undefined ? [] : [`Did you mean "${nearest}"?`],
    })),
  );
}
