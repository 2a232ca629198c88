// One durable turn through the gateway of `./troupe up`, plain and with a tool call, beside three peers. All peers are
// up during the whole run and take short turns at the machine, in an order that rotates; each figure is a median.
import { type Figure, figure, type Target } from "./figure.ts";
import { fsyncMedianMs, loadAverage } from "./harness/machine.ts";
import { type Model, startModel } from "./harness/model.ts";
import { type AddedTime, addedTimes } from "./harness/model-time.ts";
import type { BenchOptions } from "./harness/options.ts";
import { PEER_NAMES, type PeerName, type Work } from "./harness/peer.ts";
import { type PeerProcess, startPeer } from "./harness/peer-process.ts";
import { memory } from "./harness/process-meter.ts";
import { median, quantile, ratioOf } from "./harness/statistics.ts";

const SUBJECT = "turn";
const BOUND: PeerName = "ai-http";
const KINDS = ["plain", "tool"] as const;
/** Processor time comes in steps of 10 ms, so a shorter slice would say little. */
const LEAST_SLICE_MS = 400;
const MODEL_CALLS = { plain: 1, tool: 2 } as const;

/** One slice of a peer's work. */
interface Slice {
  readonly turns: number;
  readonly cpuMsATurn: number;
  readonly addedMs: number;
  readonly addedP95Ms: number;
  readonly addedToFirstTokenMs: number;
}

type Slices = Record<PeerName, Record<Work["kind"], Slice[]>>;

export async function run(options: BenchOptions): Promise<Figure[]> {
  const loadBefore = loadAverage();
  const fsyncMs = fsyncMedianMs();
  await using resources = new AsyncDisposableStack();
  const model = resources.use(await startModel());
  const peers: PeerProcess[] = [];
  for (const name of PEER_NAMES) peers.push(resources.use(await startPeer(name, model.baseUrl)));
  const firstTurns = await warmUp(peers, options);

  const slices = Object.fromEntries(
    PEER_NAMES.map((name) => [name, { plain: [], tool: [] }]),
  ) as unknown as Slices;
  for (let round = 0; round < options.rounds; round++) {
    for (let place = 0; place < peers.length; place++) {
      const peer = peers[(place + round) % peers.length] as PeerProcess;
      for (const kind of KINDS) slices[peer.name][kind].push(await oneSlice(model, peer, kind, options));
    }
    options.progress(`turn: round ${round + 1} of ${options.rounds}`);
  }
  return [
    ...ratios(slices),
    // A bad one among them would have ended the run.
    figure(SUBJECT, "replies, each compared with the one expected", repliesIn(slices), "replies"),
    figure(SUBJECT, "fsync of 8 KiB, p50", fsyncMs, "ms"),
    ...PEER_NAMES.flatMap((name) => absolutes(name, slices)),
    ...peers.map((peer) =>
      figure(SUBJECT, `${peer.name}: first turn after start`, firstTurns[peer.name] ?? 0, "ms"),
    ),
    ...peers.map((peer) => figure(SUBJECT, `${peer.name}: RSS after the run`, residentMib(peer), "MiB")),
    figure(SUBJECT, "load average before", loadBefore, "processes"),
  ];
}

async function warmUp(
  peers: readonly PeerProcess[],
  options: BenchOptions,
): Promise<Partial<Record<PeerName, number>>> {
  const firstTurns: Partial<Record<PeerName, number>> = {};
  for (const peer of peers) {
    const { turns } = await peer.work({ maxTurns: 1 });
    for (const turn of turns) firstTurns[peer.name] = turn.endedMs - turn.startedMs;
    for (const kind of KINDS) await peer.work({ kind, maxMs: 2000 * Math.min(1, options.scale) });
  }
  options.progress("turn: all peers are warm");
  return firstTurns;
}

async function oneSlice(
  model: Model,
  peer: PeerProcess,
  kind: Work["kind"],
  options: BenchOptions,
): Promise<Slice> {
  // The other peers have pushed this one out of the processor's caches and let its connections grow cold.
  await peer.work({ kind, maxTurns: 10 });
  await model.reset();
  const result = await peer.work({ kind, maxMs: Math.max(LEAST_SLICE_MS, 1000 * options.scale) });
  const { records } = await model.log();
  const added = addedTimes(result.turns, records);
  checkCalls(peer.name, kind, added);
  return {
    turns: result.turns.length,
    cpuMsATurn: result.cpuMs / result.turns.length,
    addedMs: median(added.map((turn) => turn.addedMs)),
    addedP95Ms: quantile(
      added.map((turn) => turn.addedMs),
      0.95,
    ),
    addedToFirstTokenMs: median(added.map((turn) => turn.addedToFirstTokenMs)),
  };
}

/** A tool turn that never called its tool, or a plain one that asked twice, is not the work that is compared. */
function checkCalls(name: PeerName, kind: Work["kind"], added: readonly AddedTime[]): void {
  const wrong = added.find((turn) => turn.modelCalls !== MODEL_CALLS[kind]);
  if (wrong !== undefined) {
    throw new Error(
      `${name}: a ${kind} turn made ${wrong.modelCalls} model calls, not ${MODEL_CALLS[kind]}.`,
    );
  }
}

function repliesIn(slices: Slices): number {
  const all = PEER_NAMES.flatMap((name) => KINDS.flatMap((kind) => slices[name][kind]));
  return all.reduce((sum, slice) => sum + slice.turns, 0);
}

type SliceValue = "cpuMsATurn" | "addedMs" | "addedToFirstTokenMs";

/** The median over rounds of Troupe's value over the bound's in the same round. */
function ratio(slices: Slices, kind: Work["kind"], value: SliceValue): number {
  return median(
    slices.troupe[kind].map((slice, round) =>
      ratioOf(slice[value], (slices[BOUND][kind][round] as Slice)[value]),
    ),
  );
}

function ratios(slices: Slices): Figure[] {
  const over = (metric: string, kind: Work["kind"], value: SliceValue, target?: Target): Figure =>
    figure(SUBJECT, `${metric}, over ${BOUND}`, ratio(slices, kind, value), "ratio", target);
  return [
    over("plain turn, CPU", "plain", "cpuMsATurn", { atMost: 0.6 }),
    over("tool turn, CPU", "tool", "cpuMsATurn", { atMost: 0.6 }),
    over("plain turn, time added to the first token, p50", "plain", "addedToFirstTokenMs", { atMost: 0.8 }),
    over("tool turn, time added to the first token, p50", "tool", "addedToFirstTokenMs"),
    over("plain turn, time added, p50", "plain", "addedMs"),
    over("tool turn, time added, p50", "tool", "addedMs"),
  ];
}

function absolutes(name: PeerName, slices: Slices): Figure[] {
  return KINDS.flatMap((kind) => {
    const middle = (value: keyof Slice): number => median(slices[name][kind].map((slice) => slice[value]));
    const told = (metric: string, value: number, unit: string): Figure =>
      figure(SUBJECT, `${name}: ${kind} turn, ${metric}`, value, unit);
    return [
      told("CPU", middle("cpuMsATurn"), "ms"),
      told("time added, p50", middle("addedMs"), "ms"),
      told("time added, p95", middle("addedP95Ms"), "ms"),
      told("time added to the first token, p50", middle("addedToFirstTokenMs"), "ms"),
      told("turns a round", middle("turns"), "turns"),
    ];
  });
}

function residentMib(peer: PeerProcess): number {
  return peer.processIds.reduce((sum, processId) => sum + memory(processId).residentMib, 0);
}
