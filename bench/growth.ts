// Conversations of 500 turns: what a late turn costs against an early one, and how much of each request the provider's
// prompt cache can serve again.
import { type Figure, figure } from "./figure.ts";
import { loadAverage } from "./harness/machine.ts";
import { type Model, type ModelRequestRecord, startModel } from "./harness/model.ts";
import { type AddedTime, addedTimes } from "./harness/model-time.ts";
import type { BenchOptions } from "./harness/options.ts";
import { type PeerProcess, startPeer } from "./harness/peer-process.ts";
import { median, ratioOf } from "./harness/statistics.ts";

const SUBJECT = "growth";
const LATE_TURN = 500;
const EARLY_TURN = 10;
/** Turns on either side of the one that is meant, whose median stands for it. */
const AROUND = 5;
const SLICE = 2 * AROUND + 1;
/** Slices of each long conversation; the last of them ends at turn 549. */
const PAIRS = 5;
const TOOL_TURNS = 40;
const BYTES_PER_KIB = 1024;

/** Early turns of a fresh conversation, and late ones of a long one right before or after them. */
interface Pair {
  readonly early: readonly AddedTime[];
  readonly late: readonly AddedTime[];
}

interface Growth {
  readonly added: readonly AddedTime[];
  readonly requests: readonly ModelRequestRecord[];
}

export async function run(options: BenchOptions): Promise<Figure[]> {
  const load = figure(SUBJECT, "load average before", loadAverage(), "processes");
  await using model = await startModel();
  await using troupe = await startPeer("troupe", model.baseUrl);
  for (const kind of ["plain", "tool"] as const) await troupe.work({ kind, maxMs: 3000 });

  const grown: Growth[] = [];
  const pairs: Pair[] = [];
  for (let round = 0; round < options.rounds; round++) {
    await model.configure({ comparesPrefixes: true });
    grown.push(await converse(model, troupe, `long-${round}`, LATE_TURN - AROUND - 1));
    await model.configure({});
    for (let n = 0; n < PAIRS; n++)
      pairs.push(await pair(model, troupe, `long-${round}`, `fresh-${round}-${n}`, n % 2 === 0));
    options.progress(`growth: conversation ${round + 1} of ${options.rounds}`);
  }
  await model.configure({ comparesPrefixes: true });
  const withTools = await converse(model, troupe, "with-tools", TOOL_TURNS, "tool");
  return [...ratios(pairs), ...curve(grown, pairs), ...prefixes(grown, withTools), load];
}

/** Begins a conversation or goes on with it. */
async function converse(
  model: Model,
  troupe: PeerProcess,
  conversation: string,
  maxTurns: number,
  kind: "plain" | "tool" = "plain",
): Promise<Growth> {
  await model.reset();
  const { turns } = await troupe.work({ kind, conversation, maxTurns, maxMs: 300_000 });
  if (turns.length < maxTurns)
    throw new Error(`The conversation reached only turn ${turns.length} of ${maxTurns}.`);
  const { records } = await model.log();
  return { added: addedTimes(turns, records), requests: records.filter((record) => record.isTurn) };
}

async function pair(
  model: Model,
  troupe: PeerProcess,
  long: string,
  fresh: string,
  isEarlyFirst: boolean,
): Promise<Pair> {
  const slice = async (conversation: string): Promise<readonly AddedTime[]> =>
    (await converse(model, troupe, conversation, SLICE)).added;
  await converse(model, troupe, fresh, EARLY_TURN - AROUND - 1);
  const before = isEarlyFirst ? undefined : await slice(long);
  const early = await slice(fresh);
  return { early, late: before ?? (await slice(long)) };
}

/**
 * Times of other seconds differ by more than a long conversation adds, so each late slice is held against an early one
 * taken beside it.
 */
function ratios(pairs: readonly Pair[]): Figure[] {
  const ratio = (value: "addedMs" | "turnMs"): number =>
    median(pairs.map(({ early, late }) => ratioOf(middle(late, value), middle(early, value))));
  const over = `turn ${LATE_TURN} over turn ${EARLY_TURN}`;
  return [
    figure(SUBJECT, `${over}, time added to the model's own`, ratio("addedMs"), "ratio", { atMost: 1.2 }),
    figure(SUBJECT, `${over}, whole turn with the model's time`, ratio("turnMs"), "ratio"),
  ];
}

function middle(slice: readonly AddedTime[], value: "addedMs" | "turnMs"): number {
  return median(slice.map((one) => one[value]));
}

function curve(grown: readonly Growth[], pairs: readonly Pair[]): Figure[] {
  const added = (turn: number, ms: number): Figure => figure(SUBJECT, `turn ${turn}, time added`, ms, "ms");
  const near = (turn: number): Figure =>
    added(
      turn,
      median(grown.map((one) => middle(one.added.slice(turn - AROUND - 1, turn + AROUND), "addedMs"))),
    );
  return [
    added(EARLY_TURN, median(pairs.map(({ early }) => middle(early, "addedMs")))),
    ...[50, 100, 200].map(near),
    added(LATE_TURN, median(pairs.map(({ late }) => middle(late, "addedMs")))),
  ];
}

/** Shares of the previous request that the next begins with, from turn 10 on. */
function shares(growth: Growth, callsATurn: number): readonly number[] {
  return growth.requests
    .slice(EARLY_TURN * callsATurn)
    .map(({ prefixBytes, previousBytes }) => (prefixBytes / previousBytes) * 100);
}

function prefixes(grown: readonly Growth[], toolTurns: Growth): Figure[] {
  const all = grown.flatMap((one) => shares(one, 1));
  const withTools = shares(toolTurns, 2);
  const last = grown[0]?.requests.at(-1);
  const turns = LATE_TURN - AROUND - 1;
  // Each turn adds its question and its answer, so fewer messages mean that the history was cut or summarised.
  if (last === undefined || last.messages < (turns - 1) * 2)
    throw new Error(`The request of turn ${turns} holds ${last?.messages} messages: the history was cut.`);
  const from = `cacheable prefix from turn ${EARLY_TURN}`;
  return [
    figure(SUBJECT, `${from}, least`, Math.min(...all), "%", { atLeast: 90 }),
    figure(SUBJECT, `${from}, median`, median(all), "%"),
    figure(SUBJECT, `${from}, tool turns, least`, Math.min(...withTools), "%"),
    figure(SUBJECT, `messages in the request of turn ${turns}`, last.messages, "messages"),
    figure(SUBJECT, `request of turn ${turns}`, last.bytes / BYTES_PER_KIB, "KiB"),
  ];
}
