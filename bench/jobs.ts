// Schedules: what ten thousand jobs cost while none is due, and what a run costs when one is.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock, InboundMessage, NewJob } from "@troupe/contracts";
import { type Serving, startServing } from "../server/src/app/index.ts";
import { systemClock } from "../server/src/kit/index.ts";
import { type Figure, figure } from "./figure.ts";
import { loadAverage } from "./harness/machine.ts";
import type { BenchOptions } from "./harness/options.ts";
import { median, monotonicMs, quantile, sleep } from "./harness/statistics.ts";
import { cpuOfAsync } from "./harness/store-common.ts";

const SUBJECT = "jobs";
const WAITING = 10_000;
const BURST = 500;
const PROBES = 20;
/** As long as from one sweep to the next, so that each stretch holds as many. */
const IDLE_MS = 20_000;
const SPACE = "default";
const { signal } = new AbortController();

export async function run(options: BenchOptions): Promise<Figure[]> {
  const load = figure(SUBJECT, "load average before", loadAverage(), "processes");
  const burst = Math.max(100, Math.ceil(BURST * options.scale));
  await using stage = await openStage();
  await warmUp(stage);
  const before = await idle(stage, IDLE_MS);
  options.progress("jobs: idle without any");
  await putWaiting(stage);
  const after = await idle(stage, IDLE_MS);
  options.progress(`jobs: idle with ${WAITING}`);
  const starts: number[] = [];
  const replies: number[] = [];
  const ofRuns: number[] = [];
  const ofTurns: number[] = [];
  const perSecond: number[] = [];
  for (let n = 0; n < options.rounds; n += 1) {
    const probed = await probe(stage, `probe-${n}`, Math.max(5, Math.ceil(PROBES * options.scale)));
    starts.push(...probed.starts);
    replies.push(...probed.replies);
    const runs = await runsAtOnce(stage, `burst-${n}`, burst);
    ofRuns.push(runs.cpuMicros);
    perSecond.push(runs.perSecond);
    ofTurns.push(await turnsAtOnce(stage, `turns-${n}`, burst));
    options.progress(`jobs: round ${n + 1} of ${options.rounds}`);
  }
  const ratios = ofRuns.map((micros, n) => micros / (ofTurns[n] ?? Number.NaN));
  return [
    figure(SUBJECT, `timers that ${WAITING} waiting jobs add`, after.timers - before.timers, "timers", {
      atMost: 0,
    }),
    figure(SUBJECT, "CPU of an idle process without jobs", before.cpuMsPerS, "ms/s"),
    figure(SUBJECT, `CPU that ${WAITING} waiting jobs add`, after.cpuMsPerS - before.cpuMsPerS, "ms/s", {
      atMost: 0.5,
    }),
    figure(SUBJECT, `due to claimed, among ${WAITING}, p50`, median(starts), "ms", { atMost: 25 }),
    figure(SUBJECT, `due to claimed, among ${WAITING}, p99`, quantile(starts, 0.99), "ms"),
    figure(SUBJECT, "due to the reminder kept in its session, p50", median(replies), "ms"),
    figure(SUBJECT, `${burst} reminders due at once`, median(perSecond), "runs/s"),
    figure(SUBJECT, "CPU of a run: claim, turn, end and what is next", median(ofRuns), "µs"),
    figure(SUBJECT, "CPU of the same turn asked for in chat", median(ofTurns), "µs"),
    figure(SUBJECT, "CPU of a run over the turn in it", median(ratios), "ratio", { atMost: 2.5 }),
    load,
  ];
}

interface Stage extends AsyncDisposable {
  readonly serving: Serving;
  readonly timers: number;
}

/** The whole of Troupe in this process, on SQLite on disk, with one agent on the offline model. */
async function openStage(): Promise<Stage> {
  const home = mkdtempSync(join(tmpdir(), "troupe-bench-jobs-"));
  mkdirSync(join(home, "agents"));
  const ports = "server: { port: 0, metricsPort: 0, adminPort: 0 }";
  writeFileSync(join(home, "troupe.yaml"), `version: 1\n${ports}\nlog: { level: silent }\n`);
  writeFileSync(join(home, "agents", "ana.yaml"), "id: ana\nname: Ana\ninstructions: Be kind.\n");
  const clock = countingClock();
  const environment = { home, runtimeDirectory: home, noColor: true, variables: {} };
  const serving = await startServing(environment, { clock });
  return {
    serving,
    get timers() {
      return clock.waiting;
    },
    async [Symbol.asyncDispose]() {
      await serving.stop({ graceMs: 0 });
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function countingClock(): Clock & { readonly waiting: number } {
  const clock = systemClock();
  let waiting = 0;
  return {
    ...clock,
    get waiting() {
      return waiting;
    },
    schedule(delayMs, work) {
      waiting += 1;
      let isOver = false;
      const over = (): void => {
        if (!isOver) waiting -= 1;
        isOver = true;
      };
      const timer = clock.schedule(delayMs, () => {
        over();
        work();
      });
      return {
        [Symbol.dispose]() {
          over();
          timer[Symbol.dispose]();
        },
      };
    },
  };
}

function reminder(id: string, at: number): NewJob {
  return {
    ...{ id, spaceId: SPACE, agentId: "ana", ownerId: "operator", peerId: "operator", origin: {} },
    spec: {
      ...{ title: id, kind: "one_off", schedule: { at, zone: "UTC" }, deliverTo: "session", missed: "one" },
      work: { kind: "reminder", text: "Stretch." },
      ...{ overlap: "skip", dependsOn: [], onFailedDependency: "hold" },
    },
    ...{ state: "pending", createdAt: Date.now() },
    next: { at, local: new Date(at).toISOString().slice(0, 19), zone: "UTC" },
  };
}

async function put({ serving }: Stage, jobs: readonly NewJob[]): Promise<void> {
  const { unit, jobs: store } = serving.troupe.stores;
  for (let from = 0; from < jobs.length; from += 500)
    await unit.commit(
      jobs.slice(from, from + 500).map((job) => store.put(job)),
      { signal },
    );
}

async function putWaiting(stage: Stage): Promise<void> {
  const at = Date.now() + 86_400_000;
  await put(
    stage,
    Array.from({ length: WAITING }, (_, n) => reminder(`waiting-${n}`, at + n)),
  );
  stage.serving.troupe.scheduler.nudge();
  // What writing them leaves behind, in the heap and in the log of the database, is not what they cost.
  await sleep(10_000);
}

async function idle(
  stage: Stage,
  ms: number,
): Promise<{ readonly timers: number; readonly cpuMsPerS: number }> {
  await sleep(1_000);
  const { timers } = stage;
  const micros = await cpuOfAsync(() => sleep(ms));
  return { timers, cpuMsPerS: micros / ms };
}

/** What is loaded with the first turns, and what starts behind them. */
async function warmUp(stage: Stage): Promise<void> {
  await runsAtOnce(stage, "warm", 50);
  await turnsAtOnce(stage, "warm-turns", 50);
  await sleep(3_000);
}

/** Single jobs, each due while nothing else happens: milliseconds until it was claimed, and until its words were kept. */
async function probe(
  stage: Stage,
  name: string,
  count: number,
): Promise<{ readonly starts: readonly number[]; readonly replies: readonly number[] }> {
  const { stores, scheduler } = stage.serving.troupe;
  const starts: number[] = [];
  const replies: number[] = [];
  for (let n = 0; n < count; n += 1) {
    const id = `${name}-${n}`;
    const at = Date.now() + 60;
    await put(stage, [reminder(id, at)]);
    scheduler.nudge();
    await ended(stage, [id]);
    const [run] = (await stores.jobs.runs({ jobId: id }, { signal })).items;
    const turn = run?.turnId === undefined ? undefined : await stores.turns.get(run.turnId, { signal });
    if (run?.state !== "succeeded" || turn?.finishedAt === undefined) throw new Error(`${id} did not run.`);
    starts.push(Math.max(0, run.startedAt - at));
    replies.push(Math.max(0, turn.finishedAt - at));
  }
  return { starts, replies };
}

async function runsAtOnce(
  stage: Stage,
  name: string,
  count: number,
): Promise<{ readonly cpuMicros: number; readonly perSecond: number }> {
  const jobs = Array.from({ length: count }, (_, n) => reminder(`${name}-${n}`, Date.now() - 1));
  await put(stage, jobs);
  const fromMs = monotonicMs();
  const cpu = await cpuOfAsync(async () => {
    stage.serving.troupe.scheduler.nudge();
    await ended(
      stage,
      jobs.map(({ id }) => id),
    );
  });
  return { cpuMicros: cpu / count, perSecond: count / ((monotonicMs() - fromMs) / 1_000) };
}

/** Until none of them is open; every look is a read beside the work. */
async function ended({ serving }: Stage, ids: readonly string[]): Promise<void> {
  const { jobs } = serving.troupe.stores;
  const left = [...ids];
  const untilMs = monotonicMs() + 120_000;
  while (left.length > 0) {
    const job = await jobs.get({ spaceId: SPACE, id: left[0] ?? "" }, { signal });
    if (job?.endedAt !== undefined) left.shift();
    else await sleep(2);
    if (monotonicMs() > untilMs) throw new Error(`${left.length} jobs did not end within two minutes.`);
  }
}

/** The same direct call, as a person would ask for it, each in a conversation of its own. */
async function turnsAtOnce({ serving }: Stage, name: string, count: number): Promise<number> {
  const { inbox, stores } = serving.troupe;
  const turnIds: string[] = [];
  const cpu = await cpuOfAsync(async () => {
    for (let n = 0; n < count; n += 1) {
      const accepted = await inbox.accept(messageOf(`${name}-${n}`), PRINCIPAL, { signal });
      if (accepted.kind !== "accepted") throw new Error(`A message was ${accepted.kind}.`);
      turnIds.push(accepted.turnId);
    }
    for (const id of turnIds)
      while ((await stores.turns.get(id, { signal }))?.finishedAt === undefined) await sleep(2);
  });
  return cpu / count;
}

const PRINCIPAL = { spaceId: SPACE, kind: "system", id: "operator" } as const;

function messageOf(key: string): InboundMessage {
  return {
    ...{ agentId: "ana", channel: "api", sessionKey: key, peerId: "operator", audience: ["operator"] },
    ...{ parts: [{ type: "text", text: "Scheduled" }], trigger: "chat", lane: "background" },
    ...{ debounceMs: 0, whileBusy: "queue", receivedAt: Date.now(), platformId: key },
    direct: { tool: "reminder", input: { text: "Stretch." } },
  };
}
