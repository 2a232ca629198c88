import { flushCompileCache } from "node:module";
import { type ComposeOptions, compose, type Troupe } from "./compose.ts";
import { SPACE } from "./compose-turns.ts";
import { type Config, type Environment, type LoadResult, loadConfig, requireConfig } from "./config/index.ts";
import { type Faces, openFaces } from "./faces.ts";
import { type Home, openHome } from "./home.ts";
import { holdHome } from "./home-lock.ts";
import { createAdjustableLogger } from "./logging.ts";
import { adminSocketPath } from "./runtime-path.ts";
import { builtinToolNames } from "./tool-names.ts";

/** Running turns may take so long to end when Troupe stops; the rest is taken over by the next start. */
const TURN_GRACE_MS = 10_000;
/** Deliveries and effects under way, then open connections. */
const WORKER_GRACE_MS = 3_000;
const CONNECTION_GRACE_MS = 1_000;

/** A Troupe at work. */
export interface Serving {
  readonly troupe: Troupe;
  readonly home: Home;
  readonly addresses: Faces["addresses"];
  /** Stops in order; nothing is lost. Repeating gives the same promise. */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
}

export interface ServeOptions
  extends Pick<ComposeOptions, "channels" | "toolSources" | "clock" | "random" | "logger"> {
  /** The command that holds the home, for messages. Default `up`. */
  readonly command?: string;
}

/**
 * Starts in order: lock, store, migrations, leases, reconciling, workers, listeners, ready. Throws one clear sentence
 * (`home.locked`, `config.invalid`, `port.taken`, `store.*`), with everything closed again.
 */
export async function serve(environment: Environment, options: ServeOptions = {}): Promise<Serving> {
  await using stack = new AsyncDisposableStack();
  const home = openHome(environment.home);
  stack.use(holdHome(home.data, { pid: process.pid, command: options.command ?? "up", since: Date.now() }));
  // Further sources bring names that are known only when they are loaded; then `compose` checks alone.
  const known = options.toolSources === undefined ? { toolNames: await builtinToolNames() } : {};
  const load = (): LoadResult => loadConfig({ environment, ...known });
  const config = requireConfig({ environment, ...known });
  const logger = options.logger ?? createAdjustableLogger(logSettings(config));
  const troupe = stack.use(await compose(config, { ...options, logger, load, mode: "serve" }));
  await work(troupe);
  stack.defer(() => rest(troupe, 0));
  const socketPath = adminSocketPath(environment.home, environment.runtimeDirectory);
  const faces = await openFaces(troupe, { socketPath, ports: true });
  troupe.health.enter("ready");
  troupe.reloader.watch();
  // A process that is killed would leave no compiled code for the next start.
  flushCompileCache();

  const held = stack.move();
  let stopped: Promise<void> | undefined;
  const stop = async (graceMs: number): Promise<void> => {
    troupe.health.enter("stopping");
    await rest(troupe, graceMs);
    await faces.close({ graceMs: CONNECTION_GRACE_MS });
    await held.disposeAsync();
  };
  return {
    troupe,
    home,
    addresses: faces.addresses,
    stop({ graceMs = TURN_GRACE_MS } = {}) {
      stopped ??= stop(graceMs);
      return stopped;
    },
  };
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
  const config = requireConfig({ environment, toolNames: await builtinToolNames() });
  const logger = createAdjustableLogger({
    level: config.log.level ?? "error",
    isTerminal: process.stderr.isTTY === true,
  });
  const troupe = stack.use(await compose(config, { logger, mode: "command" }));
  if (options.work) {
    await work(troupe);
    stack.defer(() => rest(troupe, TURN_GRACE_MS));
  }
  const shared = adminSocketPath(environment.home, environment.runtimeDirectory);
  const socketPath = options.work ? shared : `${shared.slice(0, -".sock".length)}-${process.pid}.sock`;
  const faces = await openFaces(troupe, { socketPath, ports: false });
  stack.defer(() => faces.close({ graceMs: 0 }));
  if (options.work) troupe.health.enter("ready");
  const held = stack.move();
  return { socketPath, close: () => held.disposeAsync() };
}

/** Takes what earlier processes left and begins to run turns, deliver replies and do what comes after them. */
async function work(troupe: Troupe): Promise<void> {
  const { stores, processId, supervisor, relay, effects, indexer, lease } = troupe;
  const options = { signal: new AbortController().signal };
  await lease.start(options.signal);
  // The home's lock proves that no other process of this store lives.
  await stores.unit.commit([stores.leases.endOthers(processId), stores.ledger.reconcile(SPACE)], options);
  supervisor.start();
  relay.start(options.signal);
  effects.start(options.signal);
  indexer.start(options.signal);
}

/** The reverse: no further turns, a grace for those that run, then the workers; the lease last. */
async function rest(troupe: Troupe, graceMs: number): Promise<void> {
  await troupe.supervisor.drain({ graceMs });
  await Promise.all([
    troupe.relay.stop(WORKER_GRACE_MS),
    troupe.effects.stop(WORKER_GRACE_MS),
    troupe.indexer.stop(WORKER_GRACE_MS),
  ]);
  await troupe.lease.stop(WORKER_GRACE_MS);
}

/** On a terminal only what needs attention is logged, for people; elsewhere JSON lines from `info` on. */
function logSettings(config: Config): Parameters<typeof createAdjustableLogger>[0] {
  const isTerminal = process.stderr.isTTY === true;
  return { level: config.log.level ?? (isTerminal ? "warn" : "info"), isTerminal };
}
