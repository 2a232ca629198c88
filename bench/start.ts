// From `./troupe up` to the first 200 of /ready: on a fresh home, with Node's compile cache and without it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Figure, figure } from "./figure.ts";
import { loadAverage } from "./harness/machine.ts";
import type { BenchOptions } from "./harness/options.ts";
import { cpuMs } from "./harness/process-meter.ts";
import { median, sleep } from "./harness/statistics.ts";
import { freePort, startTroupe, writeHome } from "./harness/troupe-process.mjs";

const SUBJECT = "start";
const MOST_MS = 1000;
/** Nobody answers there, and nobody asks: a start calls no model. */
const NO_MODEL = "http://127.0.0.1:9/v1";

interface Start {
  readonly readyMs: number;
  readonly cpuMs: number;
}

export async function run(options: BenchOptions): Promise<Figure[]> {
  const load = figure(SUBJECT, "load average before", loadAverage(), "processes");
  const folder = mkdtempSync(join(tmpdir(), "troupe-bench-start-"));
  const cache = { NODE_COMPILE_CACHE: join(folder, "cache") };
  try {
    // The first start fills the cache, and the file system's too.
    await once(join(folder, "warm-up"), cache);
    const cached: Start[] = [];
    const uncached: Start[] = [];
    const again: Start[] = [];
    for (let round = 0; round < options.rounds; round++) {
      const home = join(folder, `home-${round}`);
      cached.push(await once(home, cache));
      again.push(await once(home, cache));
      uncached.push(await once(join(folder, `uncached-${round}`), { NODE_DISABLE_COMPILE_CACHE: "1" }));
      options.progress(`start: round ${round + 1} of ${options.rounds}`);
    }
    const middle = (starts: readonly Start[], value: keyof Start): number =>
      median(starts.map((start) => start[value]));
    return [
      figure(SUBJECT, "cold start to ready, compile cache", middle(cached, "readyMs"), "ms", {
        atMost: MOST_MS,
      }),
      figure(SUBJECT, "cold start to ready, no compile cache", middle(uncached, "readyMs"), "ms", {
        atMost: MOST_MS,
      }),
      figure(SUBJECT, "second start of a home, compile cache", middle(again, "readyMs"), "ms"),
      figure(SUBJECT, "CPU until ready, compile cache", middle(cached, "cpuMs"), "ms"),
      figure(SUBJECT, "CPU until ready, no compile cache", middle(uncached, "cpuMs"), "ms"),
      load,
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function once(home: string, environment: Readonly<Record<string, string>>): Promise<Start> {
  const port = await freePort();
  writeHome(home, { port, baseUrl: NO_MODEL });
  const troupe = await startTroupe(home, port, environment);
  const usedMs = cpuMs(troupe.processId);
  // A process that is stopped while it still settles writes no compile cache.
  await sleep(300);
  await troupe.stop();
  return { readyMs: troupe.readyMs, cpuMs: usedMs };
}
