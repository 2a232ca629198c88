import { flushCompileCache } from "node:module";
import type { CallOptions, FlowDefinition } from "@troupe/contracts";
import { collector, type NewApiKey, spareMemory, within } from "../kit/index.ts";
import { type ComposeOptions, compose, type Troupe } from "./compose.ts";
import { SPACE } from "./compose-turns.ts";
import {
  type Config,
  type Environment,
  type LoadResult,
  loadConfig,
  requireConfig,
  UNREAD_SECRETS,
} from "./config/index.ts";
import { type Faces, openFaces } from "./faces.ts";
import { readFlowFiles, readFlowFilesOrTell } from "./flow-files/loader.ts";
import { type Home, openHome } from "./home.ts";
import { holdHome } from "./home-lock.ts";
import { makeFirstKey, makeStartLink } from "./keys.ts";
import { checkShare } from "./lanes.ts";
import { createAdjustableLogger } from "./logging.ts";
import { isShared } from "./open-store.ts";
import { openPageBuild, type PageBuild } from "./page/index.ts";
import { pageAddress } from "./page-address.ts";
import { dutiesOf } from "./roles.ts";
import { adminSocketPath } from "./runtime-path.ts";
import { masterKeysOf, readSecrets } from "./secrets.ts";
import { builtinToolNames } from "./tool-names.ts";

/** Running turns may take so long to end when Troupe stops; the rest is taken over by the next start. */
const TURN_GRACE_MS = 10_000;
/** Deliveries and effects under way, then open connections. */
const WORKER_GRACE_MS = 3_000;
const CONNECTION_GRACE_MS = 1_000;

/** For work that nothing but the end of the process cuts short. */
const UNBOUNDED: CallOptions = { signal: new AbortController().signal };

/** A Troupe at work. */
export interface Serving {
  readonly troupe: Troupe;
  readonly home: Home;
  readonly addresses: Faces["addresses"];
  /** The operator's key, when this start made it: the only time that it can be told. */
  readonly firstKey: NewApiKey | undefined;
  /** The chat page, and the link that opens it signed in; absent where it is not served. */
  readonly page: { readonly build: PageBuild; readonly link: string } | undefined;
  /** Stops in order; nothing is lost. Repeating gives the same promise. */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
}

export interface ServeOptions
  extends Pick<
    ComposeOptions,
    | "channels"
    | "channelAgents"
    | "effectHandlers"
    | "modules"
    | "toolSources"
    | "flows"
    | "clock"
    | "random"
    | "logger"
    | "role"
    | "laneChoice"
    | "migrations"
  > {
  /** The command that holds the home, for messages. Default `up`. */
  readonly command?: string;
  /** Serves the chat page, building it first where its sources are new. Default false. */
  readonly page?: boolean;
}

/**
 * Starts in order: lock, store, migrations, leases, reconciling, workers, listeners, ready. Throws one clear sentence
 * (`home.locked`, `config.invalid`, `port.taken`, `store.*`), with everything closed again.
 */
export async function serve(environment: Environment, options: ServeOptions = {}): Promise<Serving> {
  await using stack = new AsyncDisposableStack();
  const home = openHome(environment.home);
  stack.use(holdHome(home.data, { pid: process.pid, command: options.command ?? "up", since: Date.now() }));
  // Further sources and modules bring names that are known only when they are loaded; then `compose` checks alone.
  const isAlone = options.toolSources === undefined && options.modules === undefined;
  const known = isAlone ? { toolNames: await builtinToolNames() } : {};
  const files = { environment, ...known, keepsBlueprints: true };
  const load = async (): Promise<LoadResult> =>
    loadConfig({ ...files, secrets: await readSecrets(environment, "open") });
  const config = requireConfig({ ...files, secrets: await readSecrets(environment, "open") });
  checkShare(options.role ?? "all", options.laneChoice, config);
  const duties = dutiesOf(options.role ?? "all");
  const logger = options.logger ?? createAdjustableLogger(logSettings(config));
  const life = new AbortController();
  stack.defer(() => life.abort(new Error("Troupe stops.")));
  // Whether the page is built already is looked at once all else is ready.
  const folder = Promise.withResolvers<string>();
  folder.promise.catch(() => undefined);
  const own = { ...givenBy(environment), flows: await flowsOf(home, options), logger, load };
  const troupe = stack.use(await compose(config, { ...options, ...own, mode: "serve" }));
  // Before the work begins: it may fail when the first of its timers runs already.
  stack.defer(() => rest(troupe, 0));
  await work(troupe);
  const socketPath = adminSocketPath(environment.home, environment.runtimeDirectory);
  const hasPage = options.page === true && duties.takesMessages;
  const faces = await openFaces(troupe, {
    ...{ socketPath, ports: true },
    ...(hasPage ? { page: { folder: folder.promise } } : {}),
  });
  stack.defer(() => faces.close({ graceMs: 0 }));
  // Made by a start that comes to its end, since no other has a place to tell it.
  const firstKey = duties.takesMessages ? await makeFirstKey(troupe, SPACE, UNBOUNDED) : undefined;
  const link = hasPage ? await startLink(troupe, faces) : undefined;
  troupe.health.enter("ready");
  const build = link === undefined ? undefined : openPageBuild(home.path, { signal: life.signal });
  build?.folder.then(folder.resolve, folder.reject);
  troupe.reloader.watch();
  // A process that is killed would leave no compiled code for the next start.
  flushCompileCache();
  const isBusy = (): boolean => troupe.supervisor.stats().running > 0;
  stack.use(spareMemory({ clock: troupe.clock, isBusy }, collector()));

  await tellLife(troupe, "gateway_start");
  const held = stack.move();
  let stopped: Promise<void> | undefined;
  const stop = async (graceMs: number): Promise<void> => {
    // Whatever fails on the way, everything is closed.
    await using _ = held;
    troupe.health.enter("stopping");
    await tellLife(troupe, "gateway_stop");
    await rest(troupe, graceMs);
    await told(troupe, "listeners", () => faces.close({ graceMs: connectionGraceMs(troupe, graceMs) }));
  };
  return {
    troupe,
    home,
    addresses: faces.addresses,
    firstKey,
    page: build === undefined || link === undefined ? undefined : { build, link },
    stop({ graceMs = TURN_GRACE_MS } = {}) {
      stopped ??= stop(graceMs);
      return stopped;
    },
  };
}

function givenBy(environment: Environment): Pick<ComposeOptions, "masterKeys" | "searchPath"> {
  return { masterKeys: masterKeysOf(environment), searchPath: environment.variables.PATH };
}

/** Turns of this process have had their time by then; those of others are still waited for by its clients. */
function connectionGraceMs({ role }: Troupe, graceMs: number): number {
  return dutiesOf(role).runsTurns ? CONNECTION_GRACE_MS : Math.max(CONNECTION_GRACE_MS, graceMs);
}

async function flowsOf({ path }: Home, { flows = [] }: ServeOptions): Promise<readonly FlowDefinition[]> {
  return [...flows, ...(await readFlowFiles(path))];
}

/** Hooks of the process's own life; what they do wrong holds up neither its start nor its stop for long. */
async function tellLife(
  { hooks, processId }: Troupe,
  point: "gateway_start" | "gateway_stop",
): Promise<void> {
  if (hooks.has(point)) await hooks.tell(point, { processId }, UNBOUNDED);
}

async function startLink(troupe: Troupe, { addresses }: Faces): Promise<string> {
  const code = await makeStartLink(troupe, SPACE, UNBOUNDED);
  return `${pageAddress(addresses?.gateway, troupe.reloader.config.server)}/?start=${code}`;
}

/** A home that one command holds. */
export interface Held {
  /** Where the admin routes answer. */
  readonly socketPath: string;
  close(): Promise<void>;
}

/**
 * The same home for one command, under its lock and with the admin socket alone. With `work` turns run, and other
 * commands find the socket and share the home; without, the socket is the command's own.
 */
export async function openForCommand(
  environment: Environment,
  options: { readonly command: string; readonly work: boolean },
): Promise<Held> {
  await using stack = new AsyncDisposableStack();
  const home = openHome(environment.home);
  stack.use(holdHome(home.data, { pid: process.pid, command: options.command, since: Date.now() }));
  // A command that calls no model needs no secret, and one that sets what is missing cannot have it yet.
  const secrets = options.work ? await readSecrets(environment, "open") : UNREAD_SECRETS;
  const config = requireConfig({ environment, toolNames: await builtinToolNames(), secrets });
  const logger = createAdjustableLogger({
    level: config.log.level ?? "error",
    isTerminal: process.stderr.isTTY === true,
  });
  const flows = await readFlowFilesOrTell(home.path, logger);
  const troupe = stack.use(
    await compose(config, {
      ...givenBy(environment),
      ...{ logger, flows, mode: "command" },
    }),
  );
  if (options.work) {
    stack.defer(() => rest(troupe, TURN_GRACE_MS));
    await work(troupe);
  }
  const shared = adminSocketPath(environment.home, environment.runtimeDirectory);
  const socketPath = options.work ? shared : `${shared.slice(0, -".sock".length)}-${process.pid}.sock`;
  const faces = await openFaces(troupe, { socketPath, ports: false });
  stack.defer(() => faces.close({ graceMs: 0 }));
  if (options.work) troupe.health.enter("ready");
  const held = stack.move();
  return { socketPath, close: () => held.disposeAsync() };
}

/** Takes what earlier processes left and begins with what the role of this one is: turns, deliveries, what comes after. */
export async function work(troupe: Troupe): Promise<void> {
  const { signal } = UNBOUNDED;
  const { runsTurns, worksBehind, takesMessages } = dutiesOf(troupe.role);
  await troupe.lease.start(signal);
  await troupe.hold.refresh(UNBOUNDED);
  await takeOver(troupe);
  troupe.processes.start(signal);
  if (runsTurns) {
    troupe.conditions.start(signal);
    troupe.workspaceKeeper.start(signal);
    troupe.supervisor.start();
  }
  if (worksBehind) {
    troupe.relay.start(signal);
    troupe.effects.start(signal);
    troupe.backlog.start(signal);
    troupe.indexer.start(signal);
    troupe.vectorFiller.start(signal);
    troupe.blobSweep.start(signal);
    troupe.dreamLoop.start(signal);
    troupe.flowEngine.start(signal);
    await troupe.heartbeats.reconcile(SPACE, troupe.agents.list(SPACE), UNBOUNDED);
    troupe.scheduler.start(signal);
  }
  // Last: what it brings finds everything at work.
  if (takesMessages) troupe.receivers.start(signal);
}

/** What earlier processes left is taken over at once where it is certain that none of them lives, else as leases end. */
async function takeOver({ stores, processId, reloader }: Troupe): Promise<void> {
  if (isShared(reloader.config)) {
    const others = (await stores.leases.list(UNBOUNDED)).filter(
      ({ id, isAlive }) => isAlive && id !== processId,
    );
    // What a living process works at may hold money that nothing in the store tells of.
    if (others.length === 0) await stores.unit.commit([stores.ledger.reconcile(SPACE)], UNBOUNDED);
    return;
  }
  // The lock of the home or of the database proves that no other process of this store lives.
  await stores.unit.commit([stores.leases.endOthers(processId), stores.ledger.reconcile(SPACE)], UNBOUNDED);
}

/** The reverse: nothing more from the channels and schedules, no further turns, a grace for those that run, then the workers; the lease last. */
async function rest(troupe: Troupe, graceMs: number): Promise<void> {
  await told(troupe, "intake", async () => {
    troupe.processes.close();
    troupe.supervisor.closeIntake();
    await Promise.all([troupe.receivers.stop(WORKER_GRACE_MS), troupe.scheduler.stop(WORKER_GRACE_MS)]);
  });
  await told(troupe, "turns", async () => {
    await troupe.supervisor.drain({ graceMs });
    await within(troupe.clock, troupe.tapeKeeper.settle(), WORKER_GRACE_MS);
  });
  await told(troupe, "lanes", async () => {
    await Promise.all([
      troupe.relay.stop(WORKER_GRACE_MS),
      troupe.effects.stop(WORKER_GRACE_MS),
      troupe.backlog.stop(WORKER_GRACE_MS),
      troupe.indexer.stop(WORKER_GRACE_MS),
      troupe.vectorFiller.stop(WORKER_GRACE_MS),
      troupe.blobSweep.stop(WORKER_GRACE_MS),
      troupe.dreamLoop.stop(WORKER_GRACE_MS),
      troupe.flowEngine.stop(WORKER_GRACE_MS),
      troupe.conditions.stop(WORKER_GRACE_MS),
      troupe.workspaceKeeper.stop(WORKER_GRACE_MS),
      troupe.processes.stop(WORKER_GRACE_MS),
    ]);
  });
  // Others take what is left as soon as it has ended.
  await told(troupe, "lease", () => troupe.lease.stop(WORKER_GRACE_MS));
}

/** One step of a stop, with a line in the log: whoever waits for an end sees what it waits for. */
async function told(
  { clock, logger, health }: Troupe,
  step: string,
  run: () => Promise<void>,
): Promise<void> {
  const beganMs = clock.monotonicMs();
  await run();
  // A start that fails says why, and nothing beside it.
  const level = health.phase === "stopping" ? "info" : "debug";
  logger[level]("stop.step", { step, tookMs: Math.round(clock.monotonicMs() - beganMs) });
}

/** On a terminal only what needs attention is logged, for people; elsewhere JSON lines from `info` on. */
function logSettings(config: Config): Parameters<typeof createAdjustableLogger>[0] {
  const isTerminal = process.stderr.isTTY === true;
  return { level: config.log.level ?? (isTerminal ? "warn" : "info"), isTerminal };
}
