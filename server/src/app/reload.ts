import { type FSWatcher, watch } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Clock, Logger } from "@troupe/contracts";
import { type Config, formatProblem, type LoadResult, type Problem } from "./config/index.ts";

export type ReloadReport =
  | {
      readonly kind: "applied";
      readonly at: number;
      /** Settings and agents that are in force now: `models`, `agents.ana`. */
      readonly changed: readonly string[];
      /** Settings that differ from what runs and take a restart. */
      readonly needsRestart: readonly string[];
      readonly tookMs: number;
    }
  | { readonly kind: "rejected"; readonly at: number; readonly problems: readonly Problem[] };

export interface Reloader extends Disposable {
  /** Validates the whole new configuration, then swaps it in; a broken one changes nothing. Calls queue up. */
  reload(): Promise<ReloadReport>;
  /** What the last reload said; undefined before the first. */
  readonly last: ReloadReport | undefined;
  /** The configuration in force. */
  readonly config: Config;
  /** Reloads when files of the home change. */
  watch(): void;
}

/** Settings that are taken over while Troupe runs, with all below them; every other one takes a restart. */
export const LIVE_SETTINGS: readonly string[] = [
  "providers",
  "models",
  "prices",
  "budget",
  "budgets",
  "turns",
  "tape",
  "timeZone",
  "quietHours",
  "peers",
  "jobs",
  "agents",
  "recall",
  "storylines",
  "memory",
  "knowledge",
  "modules",
  "log",
  "a2a",
  "limits.ratePerMinute",
  "limits.keyPerMinute",
  "limits.addressPerMinute",
  "limits.maxQueuedTurns",
  "limits.maxConcurrentTurns",
];

/** Editors write a file in several steps. */
const SETTLE_MS = 300;

export function createReloader(deps: {
  readonly initial: Config;
  readonly load: () => LoadResult | Promise<LoadResult>;
  /** Makes the new configuration the one in force, or says what is wrong with it and changes nothing. */
  readonly apply: (config: Config) => Promise<readonly Problem[]>;
  readonly clock: Clock;
  readonly logger: Logger;
}): Reloader {
  const { clock, logger } = deps;
  let config = deps.initial;
  /** What runs of the settings that take a restart. */
  const started = deps.initial;
  let last: ReloadReport | undefined;
  let queue: Promise<unknown> = Promise.resolve();
  let settling: Disposable | undefined;
  const watchers: FSWatcher[] = [];

  const reject = (problems: readonly Problem[]): ReloadReport => {
    last = { kind: "rejected", at: clock.now(), problems };
    logger.error("config.rejected", { problems: problems.map(formatProblem) });
    return last;
  };

  const reloadNow = async (): Promise<ReloadReport> => {
    const began = clock.monotonicMs();
    const loaded = await deps.load();
    if (loaded.kind === "invalid") return reject(loaded.problems);
    const next = loaded.config;
    const { changed, needsRestart } = compare(config, started, next);
    if (changed.length > 0) {
      const problems = await deps.apply(next);
      if (problems.length > 0) return reject(problems);
      config = next;
    }
    last = {
      kind: "applied",
      at: clock.now(),
      changed,
      needsRestart,
      tookMs: Math.round(clock.monotonicMs() - began),
    };
    if (changed.length > 0) logger.info("config.applied", { changed });
    if (needsRestart.length > 0) logger.warn("config.needs_restart", { settings: needsRestart });
    return last;
  };

  const reload = (): Promise<ReloadReport> => {
    const next = queue.then(reloadNow);
    queue = next.catch(() => undefined);
    return next;
  };

  const onChange = (name: string | null): void => {
    if (name !== null && name !== "agents" && !/^[^.].*\.ya?ml$/.test(name)) return;
    settling?.[Symbol.dispose]();
    settling = clock.schedule(SETTLE_MS, () => {
      reload().catch((error: unknown) => logger.error("config.reload_failed", { error }));
    });
  };

  return {
    reload,
    get last() {
      return last;
    },
    get config() {
      return config;
    },
    watch() {
      watchers.push(...watchFolders([config.home, join(config.home, "agents")], onChange, logger));
    },
    [Symbol.dispose]() {
      settling?.[Symbol.dispose]();
      for (const watcher of watchers) watcher.close();
    },
  };
}

/** Folders rather than files: editors replace a file by a new one. A file system that cannot be watched is told of. */
function watchFolders(
  folders: readonly string[],
  onChange: (name: string | null) => void,
  logger: Logger,
): readonly FSWatcher[] {
  return folders.flatMap((folder) => {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => onChange(name));
      watcher.on("error", (error) => logger.warn("config.watch_failed", { folder, error }));
      return [watcher];
    } catch (error) {
      logger.warn("config.watch_failed", { folder, error });
      return [];
    }
  });
}

/** What `next` changes of what is in force, and where it differs from what was started with. */
function compare(
  current: Config,
  started: Config,
  next: Config,
): { readonly changed: readonly string[]; readonly needsRestart: readonly string[] } {
  const changed: string[] = [];
  const needsRestart: string[] = [];
  const [now, before, then] = [settingsOf(current), settingsOf(started), settingsOf(next)];
  for (const path of new Set([...then.keys(), ...now.keys(), ...before.keys()])) {
    const isLive = LIVE_SETTINGS.some((live) => path === live || path.startsWith(`${live}.`));
    const inForce = isLive ? now : before;
    if (!isDeepStrictEqual(inForce.get(path), then.get(path))) (isLive ? changed : needsRestart).push(path);
  }
  const agents = new Map(current.agents.map((agent) => [agent.id, agent]));
  for (const agent of next.agents) {
    if (!isDeepStrictEqual(agents.get(agent.id), agent)) changed.push(`agents.${agent.id}`);
    agents.delete(agent.id);
  }
  for (const id of agents.keys()) changed.push(`agents.${id}`);
  return { changed, needsRestart };
}

/** What a loaded configuration holds beside settings. */
const NO_SETTINGS: ReadonlySet<string> = new Set(["version", "home", "agents", "written", "unreadable"]);

/** Every setting two levels deep, by path: a new one is compared without being named here. */
function settingsOf(config: Config): ReadonlyMap<string, unknown> {
  const settings = new Map<string, unknown>();
  for (const [name, value] of Object.entries(config)) {
    if (NO_SETTINGS.has(name)) continue;
    // As the file calls it.
    const path = name === "agentLimits" ? "agents" : name;
    if (typeof value !== "object" || value === null || Array.isArray(value)) settings.set(path, value);
    else for (const [key, part] of Object.entries(value)) settings.set(`${path}.${key}`, part);
  }
  return settings;
}
