// One conversation of 500 turns: what a late turn costs against an early one, and how much of each request the
// provider's prompt cache can serve again.
import { type Figure, figure } from "./figure.ts";
import { loadAverage } from "./harness/machine.ts";
import { type Model, type ModelRequestRecord, startModel } from "./harness/model.ts";
import { type AddedTime, addedTimes } from "./harness/model-time.ts";
import type { BenchOptions } from "./harness/options.ts";
import { type PeerProcess, startPeer } from "./harness/peer-process.ts";
import { median } from "./harness/statistics.ts";

const SUBJECT = "growth";
const LAST_TURN = 500;
const EARLY_TURN = 10;
/** Turns on either side of the one that is meant, whose median stands for it; for the last one, those before it. */
const AROUND = 5;
const TOOL_TURNS = 40;
const BYTES_PER_KIB = 1024;

interface Conversation {
  readonly added: readonly AddedTime[];
  readonly requests: readonly ModelRequestRecord[];
}

export async function run(options: BenchOptions): Promise<Figure[]> {
  const load = figure(SUBJECT, "load average before", loadAverage(), "processes");
  await using model = await startModel();
  await using troupe = await startPeer("troupe", model.baseUrl);
  for (const kind of ["plain", "tool"] as const) await troupe.work({ kind, maxMs: 3000 });

  const conversations: Conversation[] = [];
  for (let round = 0; round < options.rounds; round++) {
    conversations.push(await converse(model, troupe, "plain", LAST_TURN));
    options.progress(`growth: conversation ${round + 1} of ${options.rounds}`);
  }
  const withTools = await converse(model, troupe, "tool", TOOL_TURNS);
  return [...times(conversations), ...prefixes(conversations, withTools), load];
}

async function converse(
  model: Model,
  troupe: PeerProcess,
  kind: "plain" | "tool",
  length: number,
): Promise<Conversation> {
  await model.configure({ comparesPrefixes: true });
  await model.reset();
  const { turns } = await troupe.work({
    kind,
    maxTurns: length,
    turnsPerConversation: length,
    maxMs: 300_000,
  });
  if (turns.length < length)
    throw new Error(`The conversation reached only turn ${turns.length} of ${length}.`);
  const { records } = await model.log();
  return { added: addedTimes(turns, records), requests: records.filter((record) => record.isTurn) };
}

function times(conversations: readonly Conversation[]): Figure[] {
  const near = (turn: number, value: "addedMs" | "turnMs"): number =>
    median(
      conversations.flatMap(({ added }) => {
        const from = Math.min(turn - AROUND, added.length - 2 * AROUND) - 1;
        return added.slice(from, from + 2 * AROUND + 1).map((one) => one[value]);
      }),
    );
  const added = (turn: number): Figure =>
    figure(SUBJECT, `turn ${turn}, time added`, near(turn, "addedMs"), "ms");
  const ratio = near(LAST_TURN, "addedMs") / near(EARLY_TURN, "addedMs");
  const whole = near(LAST_TURN, "turnMs") / near(EARLY_TURN, "turnMs");
  const over = `turn ${LAST_TURN} over turn ${EARLY_TURN}`;
  return [
    figure(SUBJECT, `${over}, time added to the model's own`, ratio, "ratio", { atMost: 1.2 }),
    figure(SUBJECT, `${over}, whole turn with the model's time`, whole, "ratio"),
    ...[EARLY_TURN, 50, 100, 200, LAST_TURN].map(added),
  ];
}

/** Shares of the previous request that the next begins with, from turn 10 on. */
function shares(conversation: Conversation, callsATurn: number): readonly number[] {
  return conversation.requests
    .slice(EARLY_TURN * callsATurn)
    .map(({ prefixBytes, previousBytes }) => (prefixBytes / previousBytes) * 100);
}

function prefixes(conversations: readonly Conversation[], toolTurns: Conversation): Figure[] {
  const all = conversations.flatMap((conversation) => shares(conversation, 1));
  const withTools = shares(toolTurns, 2);
  const last = conversations[0]?.requests.at(-1);
  // Each turn adds its question and its answer, so fewer messages mean that the history was cut or summarised.
  if (last === undefined || last.messages < (LAST_TURN - 1) * 2) {
    throw new Error(
      `The request of turn ${LAST_TURN} holds ${last?.messages} messages: the history was cut.`,
    );
  }
  const from = `cacheable prefix from turn ${EARLY_TURN}`;
  return [
    figure(SUBJECT, `${from}, least`, Math.min(...all), "%", { atLeast: 90 }),
    figure(SUBJECT, `${from}, median`, median(all), "%"),
    figure(SUBJECT, `${from}, tool turns, least`, Math.min(...withTools), "%"),
    figure(SUBJECT, `messages in the request of turn ${LAST_TURN}`, last.messages, "messages"),
    figure(SUBJECT, `request of turn ${LAST_TURN}`, last.bytes / BYTES_PER_KIB, "KiB"),
  ];
}
