// The embedded queue beside JetStream, in one run: what claiming and settling costs, client and server together.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AckPolicy, type JsMsg, jetstream, jetstreamManager, StorageType } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { type NatsServer, NO_NATS, startNatsServer } from "@troupe/testing";
import { type Figure, figure } from "./figure.ts";
import { openEffectsStage, PAYLOAD } from "./harness/effects-stage.ts";
import { loadAverage } from "./harness/machine.ts";
import type { BenchOptions } from "./harness/options.ts";
import { cpuMs } from "./harness/process-meter.ts";
import { median, ratioOf } from "./harness/statistics.ts";
import { options as call, cpuOfAsync } from "./harness/store-common.ts";

const SUBJECT = "queue";
const MESSAGES = 20_000;
/** What a claim or a fetch gives: one batch, and what a lane may hold of them. */
const PORTIONS: readonly number[] = [32, 256];
const LEASE_MS = 60_000;
/** What the server's CPU is counted in is coarse; fewer messages say nothing. */
const FEWEST = 1_000;

interface Costs {
  readonly embedded: number;
  readonly acked: number;
  readonly confirmed: number;
}

/** Both hold what they are given on the same disk. JetStream does not sync each acknowledgement, and the store syncs each commit. */
export async function run(options: BenchOptions): Promise<Figure[]> {
  const load = figure(SUBJECT, "load average before", loadAverage(), "processes");
  const messages = Math.max(FEWEST, Math.ceil(MESSAGES * options.scale));
  const folder = mkdtempSync(join(tmpdir(), "troupe-bench-queue-"));
  try {
    const server = await startNatsServer({ args: ["-js", "-sd", join(folder, "jetstream")] });
    if (server === undefined) {
      options.progress(`queue: JetStream is left out: ${NO_NATS}`);
      const figures: Figure[] = [];
      for (const portion of PORTIONS) {
        const alone: number[] = [];
        for (let n = 0; n < options.rounds; n++) alone.push(await embedded(folder, n, messages, portion));
        figures.push(cost("embedded queue, claim and settle", portion, alone));
      }
      return [...figures, load];
    }
    await using _ = server;
    const figures: Figure[] = [];
    for (const portion of PORTIONS)
      figures.push(...(await beside(server, folder, { ...options, messages, portion })));
    return [...figures, load];
  } finally {
    if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
  }
}

/** Both in turn, round by round. */
async function beside(
  server: NatsServer,
  folder: string,
  options: BenchOptions & { readonly messages: number; readonly portion: number },
): Promise<Figure[]> {
  const { messages, portion } = options;
  const size = { messages, portion };
  const rounds: Costs[] = [];
  for (let n = 0; n < options.rounds; n++) {
    const name = `${portion}-${n}`;
    rounds.push({
      embedded: await embedded(folder, n, messages, portion),
      acked: await jetStream(server, { ...size, name: `acked-${name}` }, (message) => message.ack()),
      confirmed: await jetStream(server, { ...size, name: `sure-${name}` }, (message) => message.ackAck()),
    });
    options.progress(`queue: ${portion} at once, round ${n + 1} of ${options.rounds}`);
  }
  const of = (name: keyof Costs): number[] => rounds.map((one) => one[name]);
  const over = (name: keyof Costs): number => median(rounds.map((one) => ratioOf(one.embedded, one[name])));
  const metric = `${portion} at once: embedded queue over JetStream`;
  return [
    cost("embedded queue, claim and settle", portion, of("embedded")),
    cost("JetStream, fetch and ack", portion, of("acked")),
    cost("JetStream, fetch and confirmed ack", portion, of("confirmed")),
    figure(SUBJECT, `${metric}, CPU`, over("acked"), "ratio", { atMost: 0.25 }),
    figure(SUBJECT, `${metric} with confirmed ack, CPU`, over("confirmed"), "ratio", { atMost: 0.25 }),
  ];
}

function cost(metric: string, portion: number, values: readonly number[]): Figure {
  return figure(SUBJECT, `${portion} at once: ${metric}, CPU`, median(values), "µs");
}

/** Microseconds of CPU a message, all threads; each portion is settled and the next claimed in one commit. */
async function embedded(folder: string, round: number, messages: number, portion: number): Promise<number> {
  await using stage = await openEffectsStage(join(folder, `embedded-${portion}-${round}.db`));
  const { effects, unit } = stage.stores;
  await stage.put(messages);
  let settled = 0;
  const cpu = await cpuOfAsync(async () => {
    let open: readonly { readonly id: string; readonly epoch: number }[] = [];
    do {
      const claim = effects.claim({ owner: "bench", leaseMs: LEASE_MS, limit: portion, lane: "background" });
      const ends = open.length === 0 ? [] : [effects.settleDone(open, Date.now())];
      const committed = await unit.commit([...ends, claim], call);
      settled += open.length;
      open = committed.read(claim);
    } while (open.length > 0);
  });
  if (settled !== messages) throw new Error(`${settled} of ${messages} were settled.`);
  return cpu / messages;
}

/** The same of this process and the server's. */
async function jetStream(
  server: NatsServer,
  { name, messages, portion }: { readonly name: string; readonly messages: number; readonly portion: number },
  acknowledge: (message: JsMsg) => unknown,
): Promise<number> {
  const connection = await connect({ servers: server.url });
  try {
    await fill(connection, name, messages);
    const consumer = await jetstream(connection).consumers.get(name, name);
    const serverBefore = cpuMs(server.processId ?? 0);
    let acked = 0;
    const clientCpu = await cpuOfAsync(async () => {
      while (acked < messages) {
        const some = await consumer.fetch({ max_messages: portion, expires: 5_000 });
        const waits: unknown[] = [];
        for await (const message of some) waits.push(acknowledge(message));
        if (waits.length === 0) throw new Error(`JetStream gave ${acked} of ${messages} messages.`);
        await Promise.all(waits);
        acked += waits.length;
      }
      await connection.flush();
    });
    return (clientCpu + (cpuMs(server.processId ?? 0) - serverBefore) * 1_000) / messages;
  } finally {
    await connection.close();
  }
}

async function fill(connection: NatsConnection, name: string, messages: number): Promise<void> {
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name, subjects: [name], storage: StorageType.File });
  await manager.consumers.add(name, { durable_name: name, ack_policy: AckPolicy.Explicit });
  const client = jetstream(connection);
  const body = JSON.stringify(PAYLOAD);
  for (let n = 0; n < messages; n += 100) {
    const some = Array.from({ length: Math.min(100, messages - n) }, () => client.publish(name, body));
    await Promise.all(some);
  }
}
