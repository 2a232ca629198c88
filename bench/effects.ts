// Work after replies: how fast and at what cost a process gets through it, and what stands in whose way.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EffectHandler, type Lane, SUBJECTS } from "@troupe/contracts";
import { type Figure, figure } from "./figure.ts";
import { counter, type EffectsStage, openEffectsStage } from "./harness/effects-stage.ts";
import { loadAverage } from "./harness/machine.ts";
import type { BenchOptions } from "./harness/options.ts";
import { median, monotonicMs, quantile, ratioOf, sleep } from "./harness/statistics.ts";
import { cpuOfAsync } from "./harness/store-common.ts";

const SUBJECT = "effects";
const BACKLOG = 10_000;
const PROBES = 200;
/** Of a lane, as a worker is given; the default of four is for handlers that ask models. */
const PARALLEL = 32;
const signal = new AbortController().signal;

interface Run {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

export async function run(options: BenchOptions): Promise<Figure[]> {
  const load = figure(SUBJECT, "load average before", loadAverage(), "processes");
  const folder = mkdtempSync(join(tmpdir(), "troupe-bench-effects-"));
  const probes = Math.max(20, Math.ceil(PROBES * options.scale));
  const backlog = Math.max(500, Math.ceil(BACKLOG * options.scale));
  try {
    const one: Run[] = [];
    const batched: Run[] = [];
    const bad: number[] = [];
    const lags: number[] = [];
    const urgentLags: number[] = [];
    for (let n = 0; n < options.rounds; n++) {
      const at = (name: string): string => join(folder, `${name}-${n}.db`);
      one.push(await drain(at("one"), backlog, {}));
      batched.push(await drain(at("batched"), backlog, { batch: true }));
      const beside = await drain(at("bad"), backlog, { bad: true });
      bad.push(ratioOf(beside.perSecond, one.at(-1)?.perSecond ?? 0));
      lags.push(...(await lag(at("lag"), backlog, { lane: "realtime", probes })));
      urgentLags.push(...(await lag(at("urgent"), backlog, { lane: "background", priority: 0, probes })));
      options.progress(`effects: round ${n + 1} of ${options.rounds}`);
    }
    const middle = (of: readonly Run[], value: keyof Run): number => median(of.map((each) => each[value]));
    const behind = `behind ${backlog} of the lane background`;
    return [
      figure(SUBJECT, "one by one", middle(one, "perSecond"), "effects/s"),
      figure(SUBJECT, "one by one, CPU of claim, run and done-mark", middle(one, "cpuMicros"), "µs"),
      figure(SUBJECT, "in batches of 32", middle(batched, "perSecond"), "effects/s"),
      figure(SUBJECT, "in batches of 32, CPU", middle(batched, "cpuMicros"), "µs"),
      figure(
        SUBJECT,
        "one by one beside one that fails and one that hangs, over without",
        median(bad),
        "ratio",
        { atLeast: 0.8 },
      ),
      figure(SUBJECT, `commit to handler in the lane realtime, ${behind}, p50`, median(lags), "ms"),
      figure(SUBJECT, `commit to handler in the lane realtime, ${behind}, p99`, quantile(lags, 0.99), "ms"),
      figure(SUBJECT, `commit to handler at priority 0, ${behind}, p50`, median(urgentLags), "ms"),
      figure(SUBJECT, `commit to handler at priority 0, ${behind}, p99`, quantile(urgentLags, 0.99), "ms"),
      load,
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Fills a lane, then lets workers at it. Bad ones are first in the lane, so that all others stand behind them. */
async function drain(
  path: string,
  backlog: number,
  how: { readonly batch?: boolean; readonly bad?: boolean },
): Promise<Run> {
  await using stage = await openEffectsStage(path);
  if (how.bad === true) {
    await stage.putOne("fails", { kind: "bench.fails", priority: 0 });
    await stage.putOne("hangs", { kind: "bench.hangs", priority: 0 });
  }
  await stage.put(backlog);
  const all = counter(backlog);
  const handlers = [worker(all.tick, how.batch === true), FAILS, HANGS];
  const workers = stage.workers(handlers, { background: { parallel: PARALLEL, timeoutMs: 600_000 } });
  const fromMs = monotonicMs();
  const cpu = await cpuOfAsync(async () => {
    workers.start(signal);
    await all.done;
    await settled(stage, how.bad === true ? 2 : 0);
  });
  const tookMs = monotonicMs() - fromMs;
  await workers.stop(0);
  return { perSecond: backlog / (tookMs / 1_000), cpuMicros: cpu / backlog };
}

function worker(tick: () => void, isBatched: boolean): EffectHandler {
  const common = { kind: "bench.work", versions: [1] };
  const handle = async () => {
    tick();
    return [];
  };
  if (!isBatched) return { ...common, handle };
  const batch = {
    max: 32,
    async handle(effects: readonly unknown[]) {
      for (const _ of effects) tick();
      return [];
    },
  };
  return { ...common, handle, batch };
}

const FAILS: EffectHandler = {
  kind: "bench.fails",
  versions: [1],
  retry: { baseMs: 100, capMs: 1_000, maxAttempts: 1_000_000 },
  handle: () => Promise.reject(new Error("It always fails.")),
};
const HANGS: EffectHandler = {
  kind: "bench.hangs",
  versions: [1],
  handle: () => new Promise(() => undefined),
};

/** What ran has its done-mark too, but for `left`. */
async function settled({ stores }: EffectsStage, left: number): Promise<void> {
  for (;;) {
    const lanes = await stores.effects.lanes("default", { signal });
    if (lanes.reduce((sum, { running, due, later }) => sum + running + due + later, 0) <= left) return;
    await sleep(1);
  }
}

/** Milliseconds from the commit that puts an effect to its handler, while a full lane is worked on. */
async function lag(
  path: string,
  backlog: number,
  where: { readonly lane: Lane; readonly priority?: number; readonly probes: number },
): Promise<readonly number[]> {
  await using stage = await openEffectsStage(path);
  await stage.put(backlog);
  const begun = new Map<string, (atMs: number) => void>();
  const probe: EffectHandler = {
    kind: "bench.probe",
    versions: [1],
    async handle({ id }) {
      begun.get(id)?.(monotonicMs());
      return [];
    },
  };
  const slow: EffectHandler = {
    kind: "bench.work",
    versions: [1],
    // As if it asked a model: the lane stays full while the probes come.
    handle: () => sleep(50).then(() => []),
  };
  const workers = stage.workers([probe, slow], { background: { parallel: PARALLEL } });
  workers.start(signal);
  await sleep(200);
  const lags: number[] = [];
  const { probes, ...place } = where;
  for (let n = 0; n < probes; n++) {
    const { promise, resolve } = Promise.withResolvers<number>();
    begun.set(`probe-${n}`, resolve);
    await stage.putOne(`probe-${n}`, { kind: "bench.probe", ...place });
    const putMs = monotonicMs();
    const kind = SUBJECTS.effectDue;
    stage.bus.publish(kind, { id: `bell-${n}`, kind, v: 1, at: Date.now(), payload: {} });
    lags.push(Math.max(0, (await promise) - putMs));
  }
  await workers.stop(0);
  return lags;
}
