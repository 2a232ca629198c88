/** Flows: from start over a wait to the end, the CPU of a step, and what ten thousand parked ones cost. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock, FlowDefinition, FlowPort, Principal, Stores } from "@troupe/contracts";
import { createLocalBus } from "../server/src/bus/index.ts";
import { createFlowDefinitions, createFlowEngine, createFlowPort } from "../server/src/flows/index.ts";
import { createIdGenerator, createLogger, createMetrics, systemClock } from "../server/src/kit/index.ts";
import { type Figure, figure } from "./figure.ts";
import { fsyncMedianMs, loadAverage } from "./harness/machine.ts";
import type { BenchOptions } from "./harness/options.ts";
import { median, sleep } from "./harness/statistics.ts";
import { openStore, options } from "./harness/store-common.ts";

const SUBJECT = "flows";
const PARKED = 10_000;
/** Started, told and ended by so many callers at once. */
const CALLERS = 32;
const IDLE_MS = 20_000;
/** What came before has been written back and collected by then. */
const SETTLE_MS = 10_000;
const PROCESS_LEASE_MS = 3_600_000;
const OPERATOR: Principal = { spaceId: "default", kind: "operator", id: "operator" };

/** Two steps with a wait for an event between them. */
const order: FlowDefinition = {
  ...{ name: "order", version: 1, first: "pack" },
  steps: {
    pack: {
      run: async ({ flow }) => ({
        state: { box: "small" },
        next: { wait: { kind: "event", topic: "paid", correlationId: flow.id, to: "send" } },
      }),
    },
    send: { run: async () => ({ next: { done: true } }) },
  },
};

interface Measured {
  readonly perSecond: number;
  readonly microsPerStep: number;
  readonly parkMs: number;
}

export async function run({ scale, rounds, progress }: BenchOptions): Promise<Figure[]> {
  const load = figure(SUBJECT, "load average before", loadAverage(), "processes");
  const measured: Measured[] = [];
  for (let round = 0; round < rounds; round++) {
    measured.push(await throughput(Math.ceil(1_500 * scale)));
    progress(`flows: round ${round + 1} of ${rounds}`);
  }
  const idle = await parked(Math.max(2_000, IDLE_MS * scale));
  const middle = (name: keyof Measured): number => median(measured.map((one) => one[name]));
  return [
    figure(SUBJECT, "start, park, resume, end", middle("perSecond"), "flows/s", { atLeast: 250 }),
    figure(SUBJECT, "CPU a step, claim to commit", middle("microsPerStep"), "µs", { atMost: 1_000 }),
    figure(SUBJECT, "start until parked, one flow alone, p50", middle("parkMs"), "ms"),
    figure(SUBJECT, `timers with ${PARKED} parked flows`, idle.timers, "timers", { atMost: 1 }),
    figure(SUBJECT, `CPU with ${PARKED} parked flows`, idle.manyMs, "ms/s", { atMost: 0.5 }),
    figure(SUBJECT, "CPU with none", idle.noneMs, "ms/s"),
    figure(SUBJECT, `an event among ${PARKED} parked flows until its flow has ended`, idle.eventMs, "ms"),
    figure(SUBJECT, "fsync p50", fsyncMedianMs(), "ms"),
    load,
  ];
}

/** A process that works on flows, with what it has scheduled counted. */
async function openFlows(path: string) {
  const clock = counting(systemClock());
  const metrics = createMetrics();
  const logger = createLogger({ level: "error" });
  const { stores, close } = await openStore(path, "threads", metrics);
  const bus = createLocalBus({ logger, metrics, clock });
  const ids = createIdGenerator(clock);
  const processId = ids.next();
  await stores.unit.commit(
    [stores.leases.register({ id: processId, pid: process.pid, role: "all", leaseMs: PROCESS_LEASE_MS })],
    options,
  );
  const common = {
    ...{ ...stores, clock, metrics, bus, logger, ids, processId, spaceId: "default" },
    definitions: createFlowDefinitions([order]),
    ...{ random: Math.random, pushes: () => false },
    inbox: () => Promise.reject(new Error("No step asks for a turn.")) as never,
    control: () => Promise.reject(new Error("No step asks for a turn.")) as never,
  };
  const engine = createFlowEngine(common);
  const life = new AbortController();
  engine.start(life.signal);
  return {
    ...{ stores, clock, port: createFlowPort({ ...common, engine }) },
    async [Symbol.asyncDispose]() {
      await engine.stop(2_000);
      life.abort(new Error("over"));
      await close();
    },
  };
}

function counting(clock: Clock): Clock & { readonly timers: number } {
  const waiting = new Set<Disposable>();
  return {
    ...clock,
    schedule(delayMs, run) {
      const timer: Disposable = clock.schedule(delayMs, () => {
        waiting.delete(timer);
        run();
      });
      waiting.add(timer);
      return {
        [Symbol.dispose]() {
          waiting.delete(timer);
          timer[Symbol.dispose]();
        },
      };
    },
    get timers() {
      return waiting.size;
    },
  };
}

async function throughput(flows: number): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), "troupe-bench-"));
  try {
    await using process_ = await openFlows(join(folder, "flows.db"));
    const { port, stores } = process_;
    for (let n = 0; n < 50; n++) await whole(port, stores, `warm-${n}`);
    const parkMs: number[] = [];
    for (let n = 0; n < 30; n++) {
      const from = performance.now();
      await begin(port, stores, `alone-${n}`);
      parkMs.push(performance.now() - from);
    }
    const beforeCpu = process.cpuUsage();
    const from = performance.now();
    const caller = async (who: number): Promise<void> => {
      for (let n = who; n < flows; n += CALLERS) await whole(port, stores, `flow-${n}`);
    };
    await Promise.all(Array.from({ length: CALLERS }, (_, who) => caller(who)));
    const tookMs = performance.now() - from;
    const { user, system } = process.cpuUsage(beforeCpu);
    return {
      perSecond: flows / (tookMs / 1_000),
      microsPerStep: (user + system) / (2 * flows),
      parkMs: median(parkMs),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function whole(port: FlowPort, stores: Stores, id: string): Promise<void> {
  await begin(port, stores, id);
  await tell(port, stores, id);
}

async function begin(port: FlowPort, stores: Stores, id: string): Promise<void> {
  await port.start({ definition: "order", id }, OPERATOR, options);
  await until(stores, id, "waiting");
}

async function tell(port: FlowPort, stores: Stores, id: string): Promise<void> {
  await port.signal({ topic: "paid", correlationId: id, eventId: id }, OPERATOR, options);
  await until(stores, id, "finished");
}

/** Looks again and again: what it costs is in the figures. */
async function until(stores: Stores, id: string, status: string): Promise<void> {
  for (;;) {
    const flow = await stores.flows.get(id, options);
    if (flow?.status === status) return;
    if (flow?.status === "failed") throw new Error(`Flow ${id} failed: ${flow.error}`);
    await sleep(2);
  }
}

async function parked(idleMs: number) {
  const folder = mkdtempSync(join(tmpdir(), "troupe-bench-"));
  try {
    await using process_ = await openFlows(join(folder, "flows.db"));
    const { port, stores, clock } = process_;
    await sleep(SETTLE_MS);
    const noneMs = await idleCpu(idleMs);
    const at = clock.now();
    const change = { what: "started", by: "bench", detail: "", at };
    for (let n = 0; n < PARKED; n += 500) {
      const writes = Array.from({ length: 500 }, (_, i) =>
        stores.flows.start(
          {
            ...{ id: `parked-${n + i}`, spaceId: "default", definition: "order", version: 1, goal: "" },
            ...{ parentId: undefined, sessionId: undefined, agentId: undefined, step: "pack", state: {} },
            isMirrored: false,
            wait: { kind: "event", topic: "paid", correlationId: `parked-${n + i}`, to: "send" },
          },
          change,
        ),
      );
      await stores.unit.commit(writes, options);
    }
    await sleep(SETTLE_MS);
    const manyMs = await idleCpu(idleMs);
    const { timers } = clock;
    const eventMs: number[] = [];
    for (let n = 0; n < 30; n++) {
      const from = performance.now();
      await tell(port, stores, `parked-${n * 300}`);
      eventMs.push(performance.now() - from);
    }
    return { noneMs, manyMs, timers, eventMs: median(eventMs) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Milliseconds of CPU a second while nothing is asked. */
async function idleCpu(forMs: number): Promise<number> {
  const before = process.cpuUsage();
  await sleep(forMs);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / (forMs / 1_000);
}
