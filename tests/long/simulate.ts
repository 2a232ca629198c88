// Runs many schedules of the simulator, or shows one of them.
//   npm run sim -- --seed 42                                one schedule, event by event
//   npm run sim -- --from 1 --count 100000 --state FILE     many; what FILE says is done is not done again
//   npm run sim -- --store postgres --count 300             the same on a real PostgreSQL server
//   npm run sim -- --behind …                               those of what runs behind the reply, with the same options
import { fork } from "node:child_process";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { StoreKind } from "../lab/test-store.ts";
import { createBehindSimulator } from "../sim/behind/schedule.ts";
import { describeFailure, describeSchedule, type Reported } from "../sim/report.ts";
import { createSimulator } from "../sim/schedule.ts";

/** Seeds that a worker process runs before it tells what came of them. */
const BATCH = 500;
/** A real server takes longer for each. */
const BATCH_ON_POSTGRES = 25;

interface Batch {
  readonly from: number;
  readonly to: number;
}

interface BatchResult extends Batch {
  readonly totals: Totals;
  readonly failures: readonly { readonly seed: number; readonly text: string }[];
}

/** By name; what each kind of schedule counts is its own. */
type Totals = Record<string, number> & {
  schedules: number;
  strikes: number;
  events: number;
  seconds: number;
};

type Kind = "turns" | "behind";

interface Work {
  readonly kind: Kind;
  readonly store: StoreKind;
}

interface State {
  readonly version: 1;
  /** Absent: `turns`. */
  readonly kind?: Kind;
  /** First seeds of the batches that are done. */
  readonly done: number[];
  readonly totals: Totals;
  readonly failures: { readonly seed: number; readonly text: string }[];
}

const ZERO: Totals = { schedules: 0, strikes: 0, events: 0, seconds: 0 };

function add(totals: Totals, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) totals[name] = (totals[name] ?? 0) + count;
}

interface Simulating extends AsyncDisposable {
  run(seed: number, options?: { readonly keepLog?: boolean }): Promise<Reported>;
}

const open = ({ kind, store }: Work): Promise<Simulating> =>
  kind === "behind" ? createBehindSimulator(store) : createSimulator(store);

async function runBatch({ from, to }: Batch, work: Work): Promise<BatchResult> {
  await using simulator = await open(work);
  const startedMs = performance.now();
  const totals = { ...ZERO };
  const failures: BatchResult["failures"][number][] = [];
  for (let seed = from; seed < to; seed++) {
    const result = await simulator.run(seed);
    const { counts, strikes, steps } = result;
    add(totals, { ...(counts as Record<string, number>), schedules: 1, strikes, events: steps });
    if (result.breaches.length > 0) failures.push({ seed, text: describeFailure(result) });
  }
  totals.seconds = (performance.now() - startedMs) / 1_000;
  return { from, to, totals, failures };
}

function readState(path: string | undefined, kind: Kind): State {
  if (path === undefined || !existsSync(path))
    return { version: 1, kind, done: [], totals: { ...ZERO }, failures: [] };
  const state = JSON.parse(readFileSync(path, "utf8")) as State;
  if (state.version !== 1) throw new Error(`${path} was written by another version. Give another --state.`);
  if ((state.kind ?? "turns") !== kind)
    throw new Error(
      `${path} is of schedules of the other kind. Give another --state, or leave --behind as it was.`,
    );
  return state;
}

function keepState(path: string | undefined, state: State): void {
  if (path === undefined) return;
  writeFileSync(`${path}.new`, `${JSON.stringify(state, undefined, 2)}\n`);
  renameSync(`${path}.new`, path);
}

/** Hands out batches to worker processes, one at a time each, and keeps what they tell. */
async function runAll(
  batches: readonly Batch[],
  processes: number,
  { kind, store }: Work,
  onResult: (result: BatchResult) => void,
): Promise<void> {
  const left = [...batches];
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(fileURLToPath(import.meta.url), ["--worker", ...argumentsOf(kind, store)], {
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      });
      const next = (): void => {
        const batch = left.shift();
        if (batch === undefined) child.disconnect();
        else child.send(batch);
      };
      child.on("message", (result: BatchResult) => {
        onResult(result);
        next();
      });
      child.once("exit", (code) =>
        code === 0 ? resolve() : reject(new Error(`A worker ended with ${code}.`)),
      );
      next();
    });
  await Promise.all(Array.from({ length: Math.min(processes, batches.length) }, work));
}

function argumentsOf(kind: Kind, store: StoreKind): readonly string[] {
  return ["--store", store, ...(kind === "behind" ? ["--behind"] : [])];
}

function summary(state: State): string {
  const { totals, failures } = state;
  const { schedules, strikes, events, seconds, ...counts } = totals;
  const perSecond = seconds === 0 ? 0 : Math.round(schedules / seconds);
  return [
    `${schedules} schedules, ${strikes} crashes and stops, ${events} events, ${perSecond} schedules/s per process`,
    Object.entries(counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(", "),
    failures.length === 0
      ? `Every rule held${state.kind === "behind" ? "." : ": 0 lost, 0 replies doubled, 0 effects doubled, order kept, one end for every message."}`
      : `${failures.length} seeds broke a rule: ${failures.map(({ seed }) => seed).join(" ")}`,
  ].join("\n");
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      from: { type: "string", default: "1" },
      count: { type: "string", default: "2000" },
      state: { type: "string" },
      processes: { type: "string", default: String(availableParallelism()) },
      store: { type: "string", default: "sqlite" },
      behind: { type: "boolean", default: false },
      worker: { type: "boolean", default: false },
    },
  });
  const kind = values.behind ? "behind" : "turns";
  const work: Work = { kind, store: values.store as StoreKind };
  if (values.worker) {
    process.on(
      "message",
      (batch: Batch) => void runBatch(batch, work).then((result) => process.send?.(result)),
    );
    return;
  }
  if (values.seed !== undefined) {
    await using simulator = await open(work);
    const result = await simulator.run(Number(values.seed), { keepLog: true });
    console.log(describeSchedule(result));
    process.exitCode = result.breaches.length === 0 ? 0 : 1;
    return;
  }
  const state = readState(values.state, kind);
  const from = Number(values.from);
  const to = from + Number(values.count);
  const size = values.store === "postgres" ? BATCH_ON_POSTGRES : BATCH;
  const batches: Batch[] = [];
  for (let at = from; at < to; at += size)
    if (!state.done.includes(at)) batches.push({ from: at, to: Math.min(to, at + size) });
  await runAll(batches, Number(values.processes), work, (result) => {
    if (result.to - result.from === size || result.to === to) state.done.push(result.from);
    add(state.totals, result.totals);
    state.failures.push(...result.failures);
    for (const { text } of result.failures) console.log(text);
    keepState(values.state, state);
    if (process.stderr.isTTY)
      process.stderr.write(`\r${state.totals.schedules} schedules, ${state.failures.length} failed `);
  });
  console.log(summary(state));
  process.exitCode = state.failures.length === 0 ? 0 : 1;
}

await main();
