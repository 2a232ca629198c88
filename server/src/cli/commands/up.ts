import { type Lane, TroupeError } from "@troupe/contracts";
import { displayPath, ROLES, type Role, type Serving, startServing } from "../../app/index.ts";
import { isLane, LANES, nearestName } from "../../kit/index.ts";
import type { Options } from "../add-command.ts";
import type { CommandContext } from "../context.ts";
import type { Output } from "../output.ts";
import { formatReload } from "./reload.ts";

/** Source: the convention of shells, 128 + the signal's number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Starts Troupe and serves until a signal. A second signal ends it at once. */
export async function up({ environment, output }: CommandContext, options: Options = {}): Promise<void> {
  const role = roleOf(options.role);
  const laneChoice = { lanes: lanesOf(options.lanes), concurrency: concurrencyOf(options.concurrency) };
  let serving: Serving | undefined;
  let stopping: Promise<void> | undefined;
  const done = Promise.withResolvers<void>();
  const onSignal = (signal: keyof typeof EXIT_CODES): void => {
    // Before it is ready there is nothing to wait for, and what is kept is whole at any moment.
    if (stopping !== undefined || serving === undefined) process.exit(EXIT_CODES[signal]);
    output.note(process.stdout.isTTY ? "\nStopping. What runs may end; what waits is kept." : "Stopping.");
    stopping = serving.stop();
    stopping.then(done.resolve, done.reject);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  // A closed terminal means stop; without one, SIGHUP is what asks daemons to read their settings again.
  const isOnTerminal = process.stdin.isTTY || process.stdout.isTTY;
  process.on("SIGHUP", () => (isOnTerminal ? onSignal("SIGTERM") : reloadNow(serving, output)));

  serving = await startServing(environment, { page: true, role, laneChoice });
  // Since the process was started, Node's own start included.
  const readyMs = performance.now();
  if (!output.isJson) await tellBuild(serving, output);
  // Somebody may have stopped it while the page was built.
  if (stopping === undefined)
    output.result(readyReport(serving, readyMs), () => readyText(serving as Serving, readyMs));
  serving.troupe.logger.info("troupe.ready", { readyMs: Math.round(readyMs), ...serving.addresses });
  await done.promise;
  output.note("Stopped. Nothing was lost.");
}

function roleOf(name: unknown): Role {
  const role = ROLES.find((one) => one === (name ?? "all"));
  if (role !== undefined) return role;
  throw new TroupeError(`There is no role "${String(name)}". Name one of: ${ROLES.join(", ")}.`, {
    code: "request.invalid",
  });
}

/** `realtime,background`. */
function lanesOf(text: unknown): readonly Lane[] | undefined {
  if (typeof text !== "string") return undefined;
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !isLane(name));
  if (unknown === undefined) return LANES.filter((lane) => names.includes(lane));
  const meant = nearestName(unknown, LANES);
  const hint = meant === undefined ? "" : ` Did you mean "${meant}"?`;
  throw new TroupeError(
    `There is no lane "${unknown}".${hint} Name some of ${LANES.join(", ")}, joined by commas.`,
    { code: "request.invalid" },
  );
}

const MOST_AT_ONCE = 1_000;

function concurrencyOf(text: unknown): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= MOST_AT_ONCE) return number;
  throw new TroupeError(`--concurrency is a whole number from 1 to ${MOST_AT_ONCE}.`, {
    code: "request.invalid",
  });
}

/** Troupe works meanwhile; only the words about it wait. */
async function tellBuild({ page }: Serving, output: Output): Promise<void> {
  if (page?.build.isBuilding !== true) return;
  const beganAt = performance.now();
  process.stderr.write("Building the chat page … ");
  try {
    await page.build.folder;
    output.note(`done (${Math.max(1, Math.round((performance.now() - beganAt) / 1000))} s)`);
  } catch (error) {
    output.note(`failed\n${TroupeError.is(error) ? error.message : String(error)}`);
  }
}

function reloadNow(serving: Serving | undefined, output: Output): void {
  serving?.troupe.reloader.reload().then(
    (report) => output.note(formatReload(report)),
    (error: unknown) => serving.troupe.logger.error("config.reload_failed", { error }),
  );
}

function readyReport({ addresses, firstKey, home, page, troupe }: Serving, readyMs: number): unknown {
  return {
    ready: true,
    readyMs: Math.round(readyMs),
    version: troupe.version,
    pid: process.pid,
    role: troupe.role,
    home: home.path,
    addresses,
    agents: troupe.reloader.config.agents.map((agent) => agent.id),
    ...(page === undefined ? {} : { chat: page.link }),
    ...(firstKey === undefined ? {} : { firstKey: firstKey.key }),
  };
}

function readyText(serving: Serving, readyMs: number): string {
  const { addresses, firstKey, home, page, troupe } = serving;
  const { config } = troupe.reloader;
  if (addresses?.gateway === undefined) return roleText(serving, readyMs);
  const rows: [string, string][] = [
    ["Chat", `${page?.link ?? ""}   (opens signed in, once, within 10 minutes)`],
    ["Terminal", "./troupe chat"],
    ["API", `${addresses?.gateway ?? ""}   (as OpenAI's, and /api/openapi.json)`],
    ["Agents", agentsText(serving)],
    ["Model", modelText(serving)],
    ["Home", displayPath(home.path)],
  ];
  if (config.server.grpcPort !== undefined)
    rows.push(["gRPC", `not served in this version; port ${config.server.grpcPort} stays closed`]);
  if (firstKey !== undefined) {
    rows.push(["API key", firstKey.key]);
    rows.push(["", "the operator's, shown once; ./troupe key create makes others"]);
  }
  return [
    `Troupe is ready in ${(readyMs / 1000).toFixed(1)} s.`,
    ...rows.map(([name, text]) => `  ${name.padEnd(9)} ${text}`),
    "Ctrl-C stops it. Nothing is lost when it stops.",
  ].join("\n");
}

/** A process that takes no messages: what it does, and where it is watched. */
function roleText({ addresses, home, troupe }: Serving, readyMs: number): string {
  const { lanes } = troupe.effects;
  const where = lanes.length === LANES.length ? "" : ` (${lanes.join(", ")})`;
  const does =
    troupe.role === "agent" ? "runs turns" : `delivers replies and does what comes after them${where}`;
  return [
    `Troupe is ready in ${(readyMs / 1000).toFixed(1)} s: this process ${does}.`,
    `  Watched   ${addresses?.metrics ?? ""}/ready and /metrics`,
    `  Home      ${displayPath(home.path)}`,
    "Ctrl-C stops it. Nothing is lost when it stops.",
  ].join("\n");
}

const SHOWN_AGENTS = 8;

function agentsText({ troupe }: Serving): string {
  const { agents } = troupe.reloader.config;
  const names = agents
    .slice(0, SHOWN_AGENTS)
    .map(({ id, description }) => (description === undefined ? id : `${id} (${description})`));
  const more = agents.length > SHOWN_AGENTS ? ` and ${agents.length - SHOWN_AGENTS} more` : "";
  const isOffline = agents.every((agent) =>
    modelsOf(troupe.reloader.config, agent.model).every((model) => model.startsWith("offline/")),
  );
  const where = isOffline
    ? agents.length === 1
      ? ", on the offline model"
      : agents.length === 2
        ? ", both on the offline model"
        : ", all on the offline model"
    : "";
  return `${names.join(", ")}${more}${where}`;
}

function modelText({ troupe }: Serving): string {
  const { config } = troupe.reloader;
  const all = new Set(config.agents.flatMap((agent) => modelsOf(config, agent.model)));
  const real = [...all].filter((model) => !model.startsWith("offline/"));
  return real.length === 0
    ? "none configured. ./troupe setup connects one; everything works without."
    : real.join(", ");
}

function modelsOf(config: Serving["troupe"]["reloader"]["config"], model: string): readonly string[] {
  return config.models[model] ?? [model];
}
