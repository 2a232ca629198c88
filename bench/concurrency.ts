// Many conversations at one time: how many turns a second against a model that answers at once, how many turns are held
// against one that takes half a second, and in how much memory.
import { type Figure, figure } from "./figure.ts";
import { loadAverage } from "./harness/machine.ts";
import { type Model, startModel } from "./harness/model.ts";
import type { BenchOptions } from "./harness/options.ts";
import { type PeerProcess, startPeer } from "./harness/peer-process.ts";
import { forgetPeak, peakResidentMib } from "./harness/process-meter.ts";
import { median, quantile, ratioOf, sleep } from "./harness/statistics.ts";

const SUBJECT = "concurrency";
const CONVERSATIONS = 64;
const MANY_CONVERSATIONS = 1000;
const SLOW_MODEL_MS = 500;
const MIB_LIMIT = 330;

export async function run(options: BenchOptions): Promise<Figure[]> {
  const load = figure(SUBJECT, "load average before", loadAverage(), "processes");
  await using model = await startModel();
  return [...(await instant(model, options)), ...(await held(model, options)), load];
}

interface Speed {
  readonly turnsASecond: number;
  readonly cpuMsATurn: number;
}

async function speed(peer: PeerProcess, milliseconds: number): Promise<Speed> {
  const { turns, wallMs, cpuMs } = await peer.work({ concurrency: CONVERSATIONS, maxMs: milliseconds });
  return { turnsASecond: (turns.length / wallMs) * 1000, cpuMsATurn: cpuMs / turns.length };
}

async function instant(model: Model, options: BenchOptions): Promise<Figure[]> {
  await using bound = await startPeer("ai-http", model.baseUrl);
  await using troupe = await startPeer("troupe", model.baseUrl);
  const peers = [bound, troupe];
  for (const peer of peers) await speed(peer, 2000 * Math.min(1, options.scale));

  const speeds = { bound: [] as Speed[], troupe: [] as Speed[] };
  for (let round = 0; round < options.rounds; round++) {
    const order = round % 2 === 0 ? peers : peers.toReversed();
    for (const peer of order) {
      const measured = await speed(peer, 2000 * options.scale);
      (peer === bound ? speeds.bound : speeds.troupe).push(measured);
    }
    options.progress(`concurrency: instant model, round ${round + 1} of ${options.rounds}`);
  }
  const ratio = (value: keyof Speed): number =>
    median(speeds.troupe.map((one, round) => ratioOf(one[value], (speeds.bound[round] as Speed)[value])));
  const middle = (of: readonly Speed[], value: keyof Speed): number => median(of.map((one) => one[value]));
  const at = `${CONVERSATIONS} conversations, instant model`;
  return [
    figure(SUBJECT, `${at}, turns a second, over ai-http`, ratio("turnsASecond"), "ratio", { atLeast: 3 }),
    figure(SUBJECT, `${at}, CPU, over ai-http`, ratio("cpuMsATurn"), "ratio"),
    figure(SUBJECT, `troupe: ${at}`, middle(speeds.troupe, "turnsASecond"), "turns/s"),
    figure(SUBJECT, `ai-http: ${at}`, middle(speeds.bound, "turnsASecond"), "turns/s"),
    figure(SUBJECT, `troupe: ${at}, CPU a turn`, middle(speeds.troupe, "cpuMsATurn"), "ms"),
    figure(SUBJECT, `ai-http: ${at}, CPU a turn`, middle(speeds.bound, "cpuMsATurn"), "ms"),
  ];
}

/** Fresh processes: memory that the fast runs left behind would be counted against the slow ones. */
async function held(model: Model, options: BenchOptions): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const conversations of [CONVERSATIONS, MANY_CONVERSATIONS]) {
    await model.configure({ firstTokenMs: 0 });
    await using troupe = await startPeer("troupe", model.baseUrl);
    await troupe.work({ concurrency: 16, maxTurns: 500, maxMs: 5000 });
    await model.configure({ firstTokenMs: SLOW_MODEL_MS });
    await model.reset();
    await sleep(500);
    for (const processId of troupe.processIds) forgetPeak(processId);
    const turnsEach = Math.max(2, Math.round(8 * options.scale));
    const result = await troupe.work({
      concurrency: conversations,
      maxTurns: conversations * turnsEach,
      maxMs: 60_000,
    });
    const { maxInFlight } = await model.log();
    const peakMib = troupe.processIds.reduce((sum, processId) => sum + peakResidentMib(processId), 0);
    const times = result.turns.map((turn) => turn.endedMs - turn.startedMs);
    const at = `${conversations} conversations, ${SLOW_MODEL_MS} ms model`;
    const isMany = conversations === MANY_CONVERSATIONS;
    // By Little's law: turns a second times the time that the model alone takes.
    const heldOnAverage = (result.turns.length / result.wallMs) * SLOW_MODEL_MS;
    figures.push(
      figure(SUBJECT, `${at}, turns held at one time`, maxInFlight, "turns", { atLeast: conversations }),
      figure(SUBJECT, `${at}, peak RSS`, peakMib, "MiB", isMany ? { atMost: MIB_LIMIT } : undefined),
      figure(SUBJECT, `${at}, turns held on average`, heldOnAverage, "turns"),
      figure(SUBJECT, `${at}, turn p50`, median(times), "ms"),
      figure(SUBJECT, `${at}, turn p95`, quantile(times, 0.95), "ms"),
      figure(SUBJECT, `${at}, CPU a turn`, result.cpuMs / result.turns.length, "ms"),
    );
    options.progress(`concurrency: ${at}: done`);
  }
  return figures;
}
