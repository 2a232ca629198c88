// Starts the real thing, puts load on it, kills it with SIGKILL again and again, and counts afterwards.
import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { PostgresCluster } from "@troupe/testing";
import { createRandom, type Random } from "../../testing/src/simulator/index.ts";
import { type Counts, check } from "../sim/check.ts";
import type { Told } from "../sim/clients.ts";
import { type FarSide, openFarSide } from "./far-side.ts";
import { startSenders } from "./senders.ts";
import { AGENT_ID, type Reading, type Ready } from "./wire.ts";

export interface RoundResult {
  readonly kills: number;
  /** Kills that fell into a start, before the process took messages. */
  readonly killsInStart: number;
  /** Of the database's server. */
  readonly restarts: number;
  readonly counts: Counts;
  readonly breaches: readonly { readonly rule: string; readonly what: string }[];
  /** Blind replies of which nobody knows whether they arrived, and whether the platform has them. */
  readonly unknown: readonly { readonly id: string; readonly target: string; readonly hasArrived: boolean }[];
  readonly seconds: number;
}

const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));
const START_WITHIN_MS = 60_000;
const REST_WITHIN_MS = 90_000;
/** Messages that are begun before most kills, on a slow machine too. */
const WORK_BEFORE_KILL = 8;

/** One home, `kills` kills under load, then rest, then every check. */
export async function runRound(options: {
  readonly kills: number;
  readonly seed: number;
  /** The load goes on until so many messages were begun, however slow the machine is. Default 0. */
  readonly leastMessages?: number;
  /** The home stands on a database of this server, which is crashed and restarted too. Default: SQLite in the home. */
  readonly server?: PostgresCluster;
  /** How often the server is crashed or stopped under load. Default 0. */
  readonly restarts?: number;
  readonly log?: (line: string) => void;
}): Promise<RoundResult> {
  const { log = () => {}, leastMessages = 0, server, restarts = 0 } = options;
  const startedMs = performance.now();
  const random = createRandom(options.seed);
  await using far = await openFarSide(random.fork("far"));
  await using database = await server?.create();
  const home = mkdtempSync(join(tmpdir(), "troupe-crash-"));
  const house = createHouse(home, far.platformUrl);
  try {
    writeHome(home, far, database?.url);
    const senders = startSenders({ random: random.fork("senders"), ready: () => house.ready });
    const begun = (): number => senders.told.length;
    const killsInStart = await killAgainAndAgain(house, random, options.kills, begun);
    await house.start();
    for (let done = 0; done < restarts; done++) await crashServer(server, random, begun);
    log(
      `${options.kills} kills, ${killsInStart} of them during a start; ${senders.told.length} messages so far`,
    );
    await house.start();
    while (begun() < leastMessages) await wait(50);
    await senders.finish();
    log("every sender is acknowledged");
    const reading = await comeToRest(house);
    log("everything has come to rest");
    const { counts, breaches, unknown } = judge(far, senders.told, reading);
    const falls = house.falls.map((what) => ({ rule: "the process ends by our kills alone", what }));
    return {
      ...{ counts, unknown, breaches: [...breaches, ...falls] },
      kills: options.kills,
      killsInStart,
      restarts,
      seconds: (performance.now() - startedMs) / 1_000,
    };
  } finally {
    await house.kill();
    rmSync(home, { recursive: true, force: true });
  }
}

function writeHome(home: string, far: FarSide, databaseUrl: string | undefined): void {
  mkdirSync(join(home, "agents"), { recursive: true });
  const config = {
    version: 1,
    server: { port: 0, metricsPort: 0, adminPort: 0 },
    ...(databaseUrl === undefined ? {} : { store: { url: databaseUrl } }),
    providers: { scripted: { kind: "openai-compatible", baseUrl: far.modelUrl, apiKey: "none" } },
    models: { default: ["scripted/scripted"] },
    prices: { "scripted/scripted": { inputUsdPerMillion: 1, outputUsdPerMillion: 2 } },
  };
  const agent = {
    id: AGENT_ID,
    name: "Ana",
    model: "default",
    instructions: "Answer.",
    tools: ["note", "act"],
  };
  // JSON is YAML.
  writeFileSync(join(home, "troupe.yaml"), JSON.stringify(config));
  writeFileSync(join(home, "agents", `${AGENT_ID}.yaml`), JSON.stringify(agent));
}

interface House {
  /** Undefined while nobody takes messages. */
  readonly ready: (Ready & { readonly operatorKey: string }) | undefined;
  /** How it ended when nobody killed it. */
  readonly falls: readonly string[];
  /** Starts a process unless one runs; resolves when it takes messages, or with undefined when it ended before. */
  start(): Promise<Ready | undefined>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
}

function createHouse(home: string, platformUrl: string): House {
  let child: ChildProcess | undefined;
  let ready: Ready | undefined;
  let starting: Promise<Ready | undefined> | undefined;
  let operatorKey = "";
  const falls: string[] = [];

  const launch = (): Promise<Ready | undefined> => {
    const started = fork(CHILD, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, TROUPE_HOME: home, XDG_RUNTIME_DIR: home, PLATFORM_URL: platformUrl },
    });
    child = started;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("It did not start in time.")), START_WITHIN_MS);
      started.once("message", (message: Ready) => {
        clearTimeout(late);
        operatorKey = message.key ?? operatorKey;
        if (child === started) ready = message;
        resolve(message);
      });
      started.once("exit", (code, signal) => {
        clearTimeout(late);
        if (child === started) {
          child = undefined;
          ready = undefined;
          starting = undefined;
        }
        if (signal === "SIGKILL") return resolve(undefined);
        falls.push(`It ended by itself: ${code ?? signal}.`);
        reject(new Error(falls.at(-1)));
      });
    });
  };
  return {
    falls,
    get ready() {
      return ready === undefined ? undefined : { ...ready, operatorKey };
    },
    start() {
      starting ??= launch();
      return starting;
    },
    async kill() {
      const victim = child;
      if (victim === undefined) return;
      const gone = new Promise((resolve) => victim.once("exit", resolve));
      ready = undefined;
      victim.kill("SIGKILL");
      await gone;
    },
  };
}

/** Most kills fall some time after the process took work, some into its start. */
async function killAgainAndAgain(
  house: House,
  random: Random,
  kills: number,
  begun: () => number,
): Promise<number> {
  let killsInStart = 0;
  for (let done = 0; done < kills; done++) {
    const starting = house.start();
    if (random.chance(0.1)) {
      await Promise.race([starting, wait(random.int(20, 400))]);
      if (house.ready === undefined) killsInStart += 1;
    } else {
      await starting;
      // Most get some work done: a turn that is cut off too often is given up, which is right and shows little.
      if (random.chance(0.3)) await wait(random.int(1, 60));
      else {
        const before = begun();
        await wait(random.int(150, 900));
        for (let waited = 0; begun() < before + WORK_BEFORE_KILL && waited < 10_000; waited += 25)
          await wait(25);
      }
    }
    await house.kill();
    await starting;
  }
  return killsInStart;
}

/** In the middle of work: commits are under way when the server dies, and some when it is asked to end. */
async function crashServer(
  server: PostgresCluster | undefined,
  random: Random,
  begun: () => number,
): Promise<void> {
  const before = begun();
  for (let waited = 0; begun() < before + WORK_BEFORE_KILL && waited < 10_000; waited += 25) await wait(25);
  await wait(random.int(1, 200));
  await server?.stop(random.chance(0.7) ? "immediate" : "fast");
  await wait(random.int(1, 1_000));
  await server?.start();
}

async function comeToRest(house: House): Promise<Reading> {
  const untilMs = performance.now() + REST_WITHIN_MS;
  for (;;) {
    const { ready } = house;
    if (ready === undefined) throw new Error("The process is gone.");
    const reading = (await (await fetch(`${ready.doorUrl}/kept`)).json()) as Reading;
    if (!reading.isOpen || performance.now() > untilMs) return reading;
    await wait(250);
  }
}

function judge(
  far: FarSide,
  told: readonly Told[],
  reading: Reading,
): Pick<RoundResult, "counts" | "breaches" | "unknown"> {
  const { kept, budget } = reading;
  const breaches: { rule: string; what: string }[] = [];
  const { arrived, acts, prompts } = far;
  const nobody = new Set<string>();
  const outcome = {
    kept,
    told,
    arrived,
    rejected: nobody,
    doubted: nobody,
    acts,
    prompts,
    doubledEvents: nobody,
    budget,
    wasCalm: false,
    wasQuick: false,
  };
  const counts = check(outcome, (rule, what) => void breaches.push({ rule, what }));
  if (reading.isOpen) breaches.push({ rule: "everything comes to rest", what: "it did not" });
  const rows = kept.turns.flatMap((one) => one.outbox).filter((row) => row.state === "unknown");
  const unknown = rows.map(({ id, address }) => ({
    id,
    target: `${address.channel}/${address.target}`,
    hasArrived: arrived.some((one) => one.key === id),
  }));
  return { counts, breaches, unknown };
}
