// One to three agent processes on one PostgreSQL and one NATS server: turns a second, and how soon the others have what a
// killed one held.
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { NO_CLUSTER, NO_NATS, startNatsServer, startPostgresCluster } from "@troupe/testing";
import { type Figure, figure } from "./figure.ts";
import { loadAverage } from "./harness/machine.ts";
import { type ManyProcesses, openManyProcesses } from "./harness/many-processes.ts";
import { type Model, startModel } from "./harness/model.ts";
import type { BenchOptions } from "./harness/options.ts";
import { median, ratioOf, sleep } from "./harness/statistics.ts";

const SUBJECT = "scale";
const MOST_AGENTS = 3;
/** Turns that one agent process holds at a time. */
const PLACES = 16;
const MODEL_MS = 250;
/** More than all places of all processes. */
const CONVERSATIONS = PLACES * MOST_AGENTS * 2;
const MEASURE_MS = 6_000;
const NEVER_MS = 600_000;

export async function run(options: BenchOptions): Promise<Figure[]> {
  const load = figure(SUBJECT, "load average before", loadAverage(), "processes");
  await using store = await startPostgresCluster();
  await using bus = await startNatsServer();
  if (store === undefined || bus === undefined) {
    options.progress(`scale: left out, it ${store === undefined ? NO_CLUSTER : NO_NATS}.`);
    return [load];
  }
  await using model = await startModel();
  await using database = await store.create();
  const folder = mkdtempSync(join(tmpdir(), "troupe-bench-scale-"));
  const urls = { store: database.url, bus: bus.url, model: model.baseUrl };
  const many = openManyProcesses(folder, urls, PLACES);
  try {
    await many.startGateway();
    await many.startWorker();
    const speeds = await measureSpeeds(many, model, options);
    const takeovers = await measureTakeovers(many, model, options);
    return [...speeds, ...takeovers, load];
  } finally {
    await many.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureSpeeds(
  many: ManyProcesses,
  model: Model,
  { scale, progress }: BenchOptions,
): Promise<Figure[]> {
  const bound: number[] = [];
  const instant: number[] = [];
  for (let agents = 1; agents <= MOST_AGENTS; agents++) {
    await many.startAgent();
    for (const [firstTokenMs, speeds] of [
      [MODEL_MS, bound],
      [0, instant],
    ] as const) {
      await model.configure({ firstTokenMs });
      await many.turnsASecond(CONVERSATIONS, 1_500 * Math.min(1, scale));
      speeds.push(await many.turnsASecond(CONVERSATIONS, MEASURE_MS * scale));
    }
    progress(`scale: ${agents} agent process${agents === 1 ? "" : "es"}: done`);
  }
  const at = (speeds: readonly number[], agents: number): number => speeds[agents - 1] as number;
  const counts = Array.from({ length: MOST_AGENTS }, (_, i) => i + 1);
  const held = `${PLACES} places each, ${MODEL_MS} ms model`;
  return [
    ...counts.map((agents) => figure(SUBJECT, `${agents} agents, ${held}`, at(bound, agents), "turns/s")),
    figure(SUBJECT, `3 agents over 1, ${held}`, ratioOf(at(bound, 3), at(bound, 1)), "ratio", {
      atLeast: 2.5,
    }),
    ...counts.map((agents) =>
      figure(SUBJECT, `${agents} agents, instant model`, at(instant, agents), "turns/s"),
    ),
    figure(SUBJECT, "3 agents over 1, instant model", ratioOf(at(instant, 3), at(instant, 1)), "ratio"),
    figure(SUBJECT, "cores of this machine", cpus().length, "cores"),
  ];
}

/** A session's process is killed in the middle of a turn, and while it waits for the next one. */
async function measureTakeovers(
  many: ManyProcesses,
  model: Model,
  { rounds, progress }: BenchOptions,
): Promise<Figure[]> {
  const running: number[] = [];
  const idle: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await model.configure({ firstTokenMs: NEVER_MS });
    const turnId = await many.begin(`killed-${round}`);
    const owner = await many.pidOf(await many.ownerOf(turnId));
    await model.configure({ firstTokenMs: 0 });
    process.kill(owner, "SIGKILL");
    running.push(await timeOf(() => many.ended(turnId)));
    await many.startAgent();
    process.kill(await many.pidOf(await many.ownerOf(turnId)), "SIGKILL");
    // What the kill cut off is noticed by the bus's server at once.
    await sleep(50);
    idle.push(await timeOf(async () => many.ended(await many.begin(`killed-${round}`))));
    await many.startAgent();
    progress(`scale: takeover, round ${round + 1} of ${rounds}`);
  }
  return [
    figure(SUBJECT, "running turn of a killed process: kill to reply, p50", median(running), "ms", {
      atMost: 9_000,
    }),
    figure(SUBJECT, "running turn of a killed process: kill to reply, most", Math.max(...running), "ms"),
    figure(SUBJECT, "next turn of a killed process's session, p50", median(idle), "ms", { atMost: 500 }),
  ];
}

async function timeOf(run: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await run();
  return performance.now() - beganMs;
}
