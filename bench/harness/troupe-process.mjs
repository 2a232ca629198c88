// `./troupe up` of this checkout as a process of its own, with a home made for the run. Plain JavaScript, because
// peer-adapter.mjs hands it to a harness that lives outside this repository.
import { execFile, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const LAUNCHER = fileURLToPath(new URL("../../troupe", import.meta.url));
const READY_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 5;
const STOP_WITHIN_MS = 15_000;
const MOST_OUTPUT_BYTES = 64 * 1024 * 1024;
const MOST_TOLD_CHARACTERS = 2000;

/** An empty database to stand on instead of a file in the home; one home at a time. */
const STORE_URL = process.env.TROUPE_BENCH_STORE;

export const AGENT_ID = "bench";

const AGENT = `id: ${AGENT_ID}
name: Bench
model: default
instructions: You are a helpful assistant.
tools: [remember]
`;

/** @type {import("./troupe-process.d.mts").freePort} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** @type {import("./troupe-process.d.mts").writeHome} */
export function writeHome(home, { port, baseUrl, contextWindow = 1_000_000 }) {
  mkdirSync(join(home, "agents"), { recursive: true });
  writeFileSync(join(home, "agents", `${AGENT_ID}.yaml`), AGENT);
  // Prices and a budget, so that each turn reserves and settles real money. The long window keeps a conversation of
  // 500 turns whole, as the other peers keep it.
  writeFileSync(
    join(home, "troupe.yaml"),
    `version: 1
server: { host: 127.0.0.1, port: ${port}, metricsPort: 0, adminPort: 0 }
providers:
  bench: { kind: openai-compatible, baseUrl: "${baseUrl}", apiKey: none, contextWindow: ${contextWindow} }
models: { default: [bench/bench] }
prices:
  bench/bench: { inputUsdPerMillion: 1, outputUsdPerMillion: 2 }
budget: { dailyUsd: 1000000 }
limits: { maxQueuedTurns: 4096 }
${STORE_URL === undefined ? "" : `store: { url: "${STORE_URL}" }\n`}`,
    { mode: 0o600 },
  );
}

/** @type {import("./troupe-process.d.mts").startTroupe} */
export async function startTroupe(home, port, environment = {}, args = []) {
  const env = { ...process.env, TROUPE_HOME: home, XDG_RUNTIME_DIR: home, ...environment };
  // Left by a harness that talks to its own children this way; Troupe is not one of them.
  delete env.NODE_CHANNEL_FD;
  delete env.NODE_CHANNEL_SERIALIZATION_MODE;
  // Not in the home itself: what changes there is looked at, in case it is the configuration.
  mkdirSync(join(home, "logs"), { recursive: true });
  const logPath = join(home, "logs", "up.log");
  const log = openSync(logPath, "a");
  const startedMs = performance.now();
  const child = spawn(LAUNCHER, ["up", ...args], { env, stdio: ["ignore", log, log] });
  closeSync(log);
  // Whatever ends this process, it leaves no server behind.
  const killNow = () => child.kill("SIGKILL");
  process.once("exit", killNow);
  const ended = new Promise((resolve) => {
    child.once("exit", resolve);
    child.once("error", resolve);
  }).then(() => process.off("exit", killNow));
  const troupe = {
    processId: child.pid,
    port,
    home,
    readyMs: 0,
    stop: () => stop(child, ended),
    command: (...args) => run(args, env),
  };
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
        throw new Error(`./troupe up ended with ${child.exitCode ?? child.signalCode} before it was ready.`);
      }
      if (performance.now() - startedMs > READY_WITHIN_MS)
        throw new Error("./troupe up was not ready in time.");
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  } catch (error) {
    await troupe.stop();
    throw new Error(`${error.message}\n${readFileSync(logPath, "utf8").slice(-MOST_TOLD_CHARACTERS)}`, {
      cause: error,
    });
  }
  troupe.readyMs = performance.now() - startedMs;
  return troupe;
}

async function stop(child, ended) {
  if (child.pid === undefined) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
  await ended;
  clearTimeout(timer);
}

function isReady(port) {
  return new Promise((resolve) => {
    const outgoing = get({ host: "127.0.0.1", port, path: "/ready", agent: false }, (incoming) => {
      incoming.resume();
      incoming.on("end", () => resolve(incoming.statusCode === 200));
      incoming.on("error", () => resolve(false));
    });
    outgoing.on("error", () => resolve(false));
  });
}

function run(args, env) {
  const options = { env, maxBuffer: MOST_OUTPUT_BYTES };
  return new Promise((resolve, reject) => {
    execFile(LAUNCHER, [...args, "--json"], options, (error, stdout, stderr) => {
      if (!error) return resolve(JSON.parse(stdout));
      const told = (stderr || stdout).slice(0, MOST_TOLD_CHARACTERS);
      // Not as the cause: it repeats everything that the command wrote.
      reject(new Error(`./troupe ${args.join(" ")} failed with ${error.code}: ${told}`));
    });
  });
}
