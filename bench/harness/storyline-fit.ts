// Makes server/src/memory/storylines/coefficients from TIAGE's and IRC's training parts; run by scripts/fit-storylines.mjs:
//   node bench/harness/storyline-fit.ts PART --tiage FILE --irc FOLDER
import { parseArgs } from "node:util";
import {
  createReplyWindow,
  eachReplyRow,
  loadMeaning,
  PLACE_FEATURES,
  REPLY_FEATURES,
  readSaid,
  tellFollow,
} from "../../server/src/memory/index.ts";
import { makeChats } from "./made-chats.ts";
import { type Choice, fitNet } from "./net-fit.ts";
import { createRandom } from "./random.ts";
import { fitSum, type Told, thresholdOf } from "./shift-fit.ts";
import { type Chat, type IrcLog, interleave, readChats, readIrc, stretchesOf } from "./storyline-data.ts";
import { type PlaceChoice, placeChoices } from "./storyline-streams.ts";

const REPLY_HIDDEN = 16;
const PLACE_HIDDEN = 12;
/** Answers to what lies further back are too few to learn from. */
const LEARNED_WINDOW = 50;
/** Nearly all system lines answer nothing: a few of them say it. */
const SYSTEM_SHARE = 0.1;
const SEED = 7;

function rarityPart(chats: readonly Chat[], logs: readonly IrcLog[]): string {
  const chatTexts = chats.flatMap((chat) => chat.map(({ text }) => text));
  const logTexts = logs.flatMap(({ lines }) =>
    lines.filter(({ isSystem }) => !isSystem).map(({ text }) => text),
  );
  const shares = new Map<string, number>();
  for (const texts of [chatTexts, logTexts]) {
    const counts = new Map<string, number>();
    for (const text of texts)
      for (const stem of readSaid(text).stems) counts.set(stem, (counts.get(stem) ?? 0) + 1);
    for (const [stem, count] of counts)
      shares.set(stem, Math.max(shares.get(stem) ?? 0, count / texts.length));
  }
  const tenths = new Map<number, string[]>();
  for (const [stem, share] of shares) {
    const tenth = Math.round((10 * -Math.log(share)) / Math.log(5_000));
    if (tenth >= 10 || !/^\p{L}+$/u.test(stem)) continue;
    tenths.set(tenth, [...(tenths.get(tenth) ?? []), stem]);
  }
  const lines = [...tenths]
    .sort(([left], [right]) => left - right)
    .map(([tenth, stems]) => [tenth, stems.sort().join(" ")]);
  return [
    "/** Stems that conversations often use, by their rarity in tenths: how seldom the commoner of the two sets has them. */",
    `export const COMMON_STEMS: readonly (readonly [number, string])[] = ${JSON.stringify(lines)};`,
  ].join("\n");
}

function shiftPart(chats: readonly Chat[]): string {
  const examples = chats.flatMap((chat, group): Told[] => {
    const said = chat.map(({ text }) => readSaid(text, meaningOf));
    return chat.slice(1).map(({ isShift }, k): Told => {
      const at = k + 1;
      const amounts = new Map<string, number>();
      const follow = {
        said: said[at] as (typeof said)[number],
        before: said.slice(Math.max(0, at - 6), at),
        position: at,
      };
      tellFollow(follow, (name, amount) => amounts.set(name, amount));
      return { amounts, isRight: isShift, group };
    });
  });
  const pull = (name: string): number =>
    /^[wbflep] /.test(name) ? 30 : / then | asked | said /.test(name) ? 15 : 2;
  const { threshold, f1 } = thresholdOf(examples, pull);
  console.error(`shift: F1 ${f1.toFixed(1)} over parts that were left out`);
  const { offset, weights } = fitSum(examples, pull);
  const byWeight = new Map<number, string[]>();
  for (const [name, weight] of weights) {
    const hundredths = Math.round(100 * weight);
    if (Math.abs(hundredths) < 3) continue;
    byWeight.set(hundredths, [...(byWeight.get(hundredths) ?? []), name]);
  }
  const lines = [...byWeight]
    .sort(([left], [right]) => left - right)
    .map(([hundredths, names]) => [hundredths, names.sort().join("|")]);
  return [
    `export const SHIFT_OFFSET = ${offset.toFixed(3)};`,
    "/** Log-odds from which on a message counts as leaving: best F1 over parts of the data that the fit had not seen. */",
    `export const SHIFT_THRESHOLD = ${threshold.toFixed(3)};`,
    "/** Names of `tellFollow` by what they give, in hundredths. */",
    `export const SHIFT_WEIGHTS: readonly (readonly [number, string])[] = ${JSON.stringify(lines)};`,
  ].join("\n");
}

function replyPart(logs: readonly IrcLog[]): string {
  const random = createRandom(SEED);
  const choices = logs.flatMap(({ lines, answers }): Choice[] => {
    const window = createReplyWindow();
    return lines.flatMap((line, at): Choice[] => {
      const context = window.add(line);
      const gold = answers.get(at);
      if (gold === undefined || (line.isSystem && random() > SYSTEM_SHARE)) return [];
      const rows: Float64Array[] = [];
      eachReplyRow(context, (row) => rows.length <= LEARNED_WINDOW && rows.push(row.slice()));
      const right = rows.map((_, k) =>
        gold.includes(k === 0 ? at : (context.earlier[k - 1]?.number as number)),
      );
      return right.includes(true) ? [{ rows: flat(rows, REPLY_FEATURES), right, weight: 1 }] : [];
    });
  });
  const settings = {
    features: REPLY_FEATURES,
    hidden: REPLY_HIDDEN,
    rounds: 6,
    rate: 0.005,
    decay: 1e-4,
    seed: SEED,
  };
  return netPart("REPLY", REPLY_HIDDEN, fitNet(choices, settings));
}

function placePart(chats: readonly Chat[]): string {
  const whole = chats.map((chat) => chat.map(({ text }) => text));
  const streams = [
    ...interleave(whole, 350, 1),
    ...interleave(stretchesOf(chats, 4), 300, 2),
    ...interleave(makeChats(600, 3), 250, 3),
  ];
  const examples = placeChoices(streams, meaningOf);
  const counts = new Map<string, number>();
  for (const { kind } of examples) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const choices = examples.map(({ rows, right, kind }: PlaceChoice): Choice => {
    // Continuing, resuming and beginning count alike.
    const weight = examples.length / 3 / (counts.get(kind) as number);
    return { rows: flat(rows, PLACE_FEATURES), right: rows.map((_, at) => at === right), weight };
  });
  const settings = {
    features: PLACE_FEATURES,
    hidden: PLACE_HIDDEN,
    rounds: 10,
    rate: 0.01,
    decay: 1e-3,
    seed: SEED,
  };
  return netPart("PLACE", PLACE_HIDDEN, fitNet(choices, settings));
}

function netPart(name: string, hidden: number, weights: Float64Array): string {
  const thousandths = [...weights].map((weight) => Math.round(1000 * weight));
  return [
    `export const ${name}_HIDDEN = ${hidden};`,
    "/** In thousandths, in the order of `Net.weights`. */",
    `export const ${name}_WEIGHTS: readonly number[] = ${JSON.stringify(thousandths)};`,
  ].join("\n");
}

function flat(rows: readonly Float64Array[], features: number): Float32Array {
  const joined = new Float32Array(rows.length * features);
  for (const [at, row] of rows.entries()) joined.set(row, at * features);
  return joined;
}

const meaningOf = await loadMeaning();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { tiage: { type: "string" }, irc: { type: "string" } },
});
const chats = () => readChats(values.tiage ?? "");
const logs = () => readIrc(values.irc ?? "");
const parts: Readonly<Record<string, () => string>> = {
  rarity: () => rarityPart(chats(), logs()),
  shift: () => shiftPart(chats()),
  reply: () => replyPart(logs()),
  place: () => placePart(chats()),
};
const part = parts[positionals[0] ?? ""];
if (part === undefined) throw new Error(`Name a part: ${Object.keys(parts).join(", ")}.`);
console.log(part());
