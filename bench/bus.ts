// The bus within a process and over NATS: how soon what is said is heard, how soon a request is answered, and what it costs.
import type { Clock, Envelope, Logger, MessageBus } from "@troupe/contracts";
import { NO_NATS, startNatsServer } from "@troupe/testing";
import { createLocalBus, loadNats, type NatsBus } from "../server/src/bus/index.ts";
import { createLogger, createMetrics, systemClock } from "../server/src/kit/index.ts";
import { type Figure, figure, type Target } from "./figure.ts";
import { loadAverage } from "./harness/machine.ts";
import type { BenchOptions } from "./harness/options.ts";
import { median, quantile, sleep } from "./harness/statistics.ts";

const SUBJECT = "bus";
/** Fewer than a subscriber has places, so that none is lost. */
const BURST = 200;
const SIGNAL = new AbortController().signal;

/** Who says, and who hears: the same bus, or two that a server joins. */
interface Pair {
  readonly name: "local" | "nats";
  readonly from: MessageBus;
  readonly to: MessageBus;
}

interface Measured {
  readonly heardMs: readonly number[];
  readonly answeredMs: readonly number[];
  readonly cpuUs: number;
  readonly perSecond: number;
}

const TARGETS: Readonly<
  Record<Pair["name"], { readonly heardMs: Target; readonly answeredMs: Target; readonly cpuUs: Target }>
> = {
  local: { heardMs: { atMost: 0.1 }, answeredMs: { atMost: 0.1 }, cpuUs: { atMost: 5 } },
  nats: { heardMs: { atMost: 1 }, answeredMs: { atMost: 1 }, cpuUs: { atMost: 60 } },
};

export async function run(options: BenchOptions): Promise<Figure[]> {
  const load = figure(SUBJECT, "load average before", loadAverage(), "processes");
  const common = { clock: systemClock(), logger: createLogger({ level: "warn" }) };
  const local = createLocalBus({ ...common, metrics: createMetrics() });
  const figures = figuresOf("local", await rounds({ name: "local", from: local, to: local }, options));
  local.close();
  await using server = await startNatsServer();
  if (server === undefined) {
    options.progress(`bus: NATS is left out, it ${NO_NATS}.`);
    return [...figures, load];
  }
  const [from, to] = await Promise.all([open("p-1", server.url, common), open("p-2", server.url, common)]);
  try {
    while (!from.isConnected || !to.isConnected) await sleep(5);
    return [...figures, ...figuresOf("nats", await rounds({ name: "nats", from, to }, options)), load];
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
}

async function open(
  processId: string,
  url: string,
  common: { readonly clock: Clock; readonly logger: Logger },
): Promise<NatsBus> {
  const { createNatsBus } = await loadNats();
  return createNatsBus({ ...common, url, processId, metrics: createMetrics(), random: Math.random });
}

async function rounds(pair: Pair, { scale, rounds, progress }: BenchOptions): Promise<readonly Measured[]> {
  await measure(pair, 0.1);
  const measured: Measured[] = [];
  for (let round = 0; round < rounds; round++) {
    measured.push(await measure(pair, scale));
    progress(`bus: ${pair.name}, round ${round + 1} of ${rounds}`);
  }
  return measured;
}

async function measure({ from, to }: Pair, scale: number): Promise<Measured> {
  let heard = 0;
  let wake: () => void = () => undefined;
  using _ = to.subscribe("bench.said", () => {
    heard += 1;
    wake();
  });
  using __ = to.respond("bench.asked", async (one) => one);
  // Whatever was subscribed before a request is answered is known to the server.
  await from
    .request("bench.asked", envelopeOf(0), { timeoutMs: 5_000, signal: SIGNAL })
    .catch(() => sleep(100));
  const until = async (count: number): Promise<void> => {
    while (heard < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  const heardMs: number[] = [];
  for (let n = 0; n < 1_000 * scale; n++) {
    const beganMs = performance.now();
    const before = heard;
    from.publish("bench.said", envelopeOf(n));
    await until(before + 1);
    heardMs.push(performance.now() - beganMs);
  }
  const answeredMs: number[] = [];
  for (let n = 0; n < 1_000 * scale; n++) {
    const beganMs = performance.now();
    await from.request("bench.asked", envelopeOf(n), { timeoutMs: 5_000, signal: SIGNAL });
    answeredMs.push(performance.now() - beganMs);
  }
  const bursts = Math.ceil(100 * scale);
  const cpu = process.cpuUsage();
  const beganMs = performance.now();
  for (let burst = 0; burst < bursts; burst++) {
    const before = heard;
    for (let n = 0; n < BURST; n++) from.publish("bench.said", envelopeOf(n));
    await until(before + BURST);
  }
  const tookMs = performance.now() - beganMs;
  const { user, system } = process.cpuUsage(cpu);
  const said = bursts * BURST;
  return { heardMs, answeredMs, cpuUs: (user + system) / said, perSecond: (said / tookMs) * 1_000 };
}

/** As a doorbell is. */
function envelopeOf(n: number): Envelope {
  const payload = { sessionId: `session-${n}`, lane: "realtime", dueAt: 1_760_000_000_000 + n };
  return { id: `e-${n}`, kind: "bench.said", v: 1, at: 1_760_000_000_000, payload };
}

function figuresOf(name: Pair["name"], measured: readonly Measured[]): Figure[] {
  const targets = TARGETS[name];
  const of = (value: (one: Measured) => number): number => median(measured.map(value));
  return [
    figure(
      SUBJECT,
      `${name}: published to heard, p50`,
      of((one) => median(one.heardMs)),
      "ms",
      targets.heardMs,
    ),
    figure(
      SUBJECT,
      `${name}: published to heard, p99`,
      of((one) => quantile(one.heardMs, 0.99)),
      "ms",
    ),
    figure(
      SUBJECT,
      `${name}: request to answer, p50`,
      of((one) => median(one.answeredMs)),
      "ms",
      targets.answeredMs,
    ),
    figure(
      SUBJECT,
      `${name}: request to answer, p99`,
      of((one) => quantile(one.answeredMs, 0.99)),
      "ms",
    ),
    figure(
      SUBJECT,
      `${name}: CPU of both sides an envelope, in bursts`,
      of((one) => one.cpuUs),
      "µs",
      targets.cpuUs,
    ),
    figure(
      SUBJECT,
      `${name}: envelopes a second, in bursts`,
      of((one) => one.perSecond),
      "1/s",
    ),
  ];
}
