// A process that nobody talks to: its memory, and what 10,000 agents add to it in memory and processor time.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Figure, figure } from "./figure.ts";
import { loadAverage } from "./harness/machine.ts";
import type { BenchOptions } from "./harness/options.ts";
import { memory, preciseCpuMs } from "./harness/process-meter.ts";
import { median, sleep } from "./harness/statistics.ts";
import { freePort, startTroupe, type TroupeProcess, writeHome } from "./harness/troupe-process.mjs";

const SUBJECT = "idle";
const AGENTS = 10_000;
/** After the start, before anything is measured: each sweep has run once, so that no code of it is new any more. */
const SETTLE_MS = 25_000;
const WATCH_MS = 20_000;
const NO_MODEL = "http://127.0.0.1:9/v1";

interface Idle {
  readonly residentMib: number;
  readonly proportionalMib: number;
  readonly cpuMsASecond: number;
  readonly readyMs: number;
}

export async function run(options: BenchOptions): Promise<Figure[]> {
  const load = figure(SUBJECT, "load average before", loadAverage(), "processes");
  const folder = mkdtempSync(join(tmpdir(), "troupe-bench-idle-"));
  try {
    const fewHome = join(folder, "few");
    const manyHome = join(folder, "many");
    writeAgents(manyHome);
    const importMs = await importAgents(manyHome);
    options.progress(`idle: ${AGENTS} agents are in the store`);
    const few: Idle[] = [];
    const many: Idle[] = [];
    const rounds = Math.max(1, Math.ceil(options.rounds * options.scale * 0.6));
    for (let round = 0; round < rounds; round++) {
      few.push(await watch(fewHome));
      many.push(await watch(manyHome));
      options.progress(`idle: round ${round + 1} of ${rounds}`);
    }
    return [
      ...figures(few, many),
      figure(SUBJECT, `first start with ${AGENTS} agents`, importMs, "ms"),
      load,
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function figures(few: readonly Idle[], many: readonly Idle[]): Figure[] {
  const middle = (of: readonly Idle[], value: keyof Idle): number => median(of.map((one) => one[value]));
  const added = (value: keyof Idle): number => middle(many, value) - middle(few, value);
  const withAgents = `${AGENTS} idle agents`;
  return [
    figure(SUBJECT, "RSS", middle(few, "residentMib"), "MiB", { atMost: 130 }),
    figure(SUBJECT, `RSS added by ${withAgents}`, added("residentMib"), "MiB", { atMost: 20 }),
    figure(SUBJECT, `CPU with ${withAgents}`, middle(many, "cpuMsASecond"), "ms/s", { atMost: 0.5 }),
    figure(SUBJECT, `CPU added by ${withAgents}`, added("cpuMsASecond"), "ms/s"),
    figure(SUBJECT, "CPU with one agent", middle(few, "cpuMsASecond"), "ms/s"),
    figure(SUBJECT, "PSS", middle(few, "proportionalMib"), "MiB"),
    figure(SUBJECT, `PSS added by ${withAgents}`, added("proportionalMib"), "MiB"),
    figure(SUBJECT, `start with ${withAgents}`, middle(many, "readyMs"), "ms"),
  ];
}

/** As blueprints, which the product's own start imports. */
function writeAgents(home: string): void {
  mkdirSync(join(home, "agents"), { recursive: true });
  for (let number = 0; number < AGENTS; number++) {
    const id = `agent-${number}`;
    const text = `id: ${id}\nname: Agent ${number}\nmodel: default\ninstructions: You are agent ${number}, a calm and practical helper.\n`;
    writeFileSync(join(home, "agents", `${id}.yaml`), text);
  }
}

/** How long the start takes that brings all of them into the store, in milliseconds. */
async function importAgents(home: string): Promise<number> {
  const troupe = await start(home);
  try {
    const agents = (await troupe.command("agent", "list")) as readonly unknown[];
    if (agents.length <= AGENTS) throw new Error(`Only ${agents.length} agents are in the store.`);
    return troupe.readyMs;
  } finally {
    await troupe.stop();
  }
}

async function watch(home: string): Promise<Idle> {
  const troupe = await start(home);
  try {
    await sleep(SETTLE_MS);
    const before = preciseCpuMs(troupe.processId);
    await sleep(WATCH_MS);
    const cpuMsASecond = ((preciseCpuMs(troupe.processId) - before) / WATCH_MS) * 1000;
    return { ...memory(troupe.processId), cpuMsASecond, readyMs: troupe.readyMs };
  } finally {
    await troupe.stop();
  }
}

async function start(home: string): Promise<TroupeProcess> {
  const port = await freePort();
  writeHome(home, { port, baseUrl: NO_MODEL });
  return startTroupe(home, port);
}
