import { blendOf, nearness } from "./meaning.ts";
import { placesOf } from "./net.ts";
import { NOTHING_SHARED, type Shared, sharedOf } from "./rarity.ts";
import type { Said } from "./said.ts";
import { SIGN_NAMES } from "./signs.ts";

/** An open storyline as the scorer sees it. */
export interface OpenLine {
  readonly id: string;
  /** Its newest messages, oldest first; six are enough. */
  readonly tail: readonly Said[];
  /** Stems of all of it, as far as they are kept. */
  readonly stems: ReadonlySet<string>;
  /** Messages of others since its newest one; 0 for the one that the last message belongs to. */
  readonly ago: number;
  readonly messages: number;
  /** The messages in a row that it had last. */
  readonly run: number;
}

/** What is looked at for every open storyline; once for the one talked of now, once for the others. */
const LINE = [
  "is",
  "ago",
  "messages",
  "justCameUp",
  "sharedWithLast",
  "sharesWithLast",
  "sharedWithSecond",
  "rarestNear",
  "sharedNear",
  "sharedAll",
  "rarestAll",
  "sharesMost",
  "answers",
  "asksAfterQuestion",
  "asksAfterStatement",
  "tellsOfSelfAfterWhat",
  "yesOrNoAfterQuestion",
  "yesOrNoAfterStatement",
  "afterAskedBack",
  "greetsGreeting",
  "afterGreeting",
  "greets",
  "cheers",
  "pointsBack",
  "tellsOfSelf",
  "connects",
  "thanks",
  "afterBye",
  "leaves",
  "byeAfterBye",
  "length",
  "lengthOfLast",
  "subjects",
  "nearLast",
  "nearSecond",
  "nearBlend",
  "nearLessThanBest",
  "lastLessThanBest",
] as const;
const BEGIN = [
  "is",
  "mostShared",
  "sharesNothing",
  "length",
  "asks",
  "subjects",
  "sentences",
  "greetsAndAsks",
  "afterQuestion",
  "mostNear",
  "mostNearLast",
] as const;
const BEGIN_SIGNS = SIGN_NAMES;

const CURRENT_AT = placesOf(LINE);
const OTHER_AT = placesOf(LINE, LINE.length);
const BEGIN_AT = placesOf(BEGIN, 2 * LINE.length);
const SIGN_AT = placesOf(BEGIN_SIGNS, 2 * LINE.length + BEGIN.length);

/** The length of a row. */
export const PLACE_FEATURES: number = 2 * LINE.length + BEGIN.length + BEGIN_SIGNS.length;

type LinePlaces = Readonly<Record<(typeof LINE)[number], number>>;

/** The most that any open storyline has. */
interface Best {
  readonly shared: number;
  readonly near: number;
  readonly nearLast: number;
}

interface Overlap {
  readonly nearLast: number;
  readonly nearSecond: number;
  readonly nearBlend: number;
  readonly last: Shared;
  readonly second: Shared;
  readonly near: Shared;
  readonly all: Shared;
}

/**
 * One row for each open storyline in their order, and a last one for beginning another. `current` is the index of the
 * storyline that the last message belongs to.
 */
export function placeRows(said: Said, lines: readonly OpenLine[], current: number): Float64Array[] {
  const overlaps = lines.map((line) => overlapOf(said, line));
  const best: Best = {
    shared: overlaps.reduce((most, { all }) => Math.max(most, all.sum), 0),
    near: overlaps.reduce((most, { nearBlend }) => Math.max(most, nearBlend), -1),
    nearLast: overlaps.reduce((most, { nearLast }) => Math.max(most, nearLast), -1),
  };
  const rows = lines.map((line, at) => {
    const row = new Float64Array(PLACE_FEATURES);
    fillLine(row, at === current ? CURRENT_AT : OTHER_AT, {
      said,
      line,
      overlap: overlaps[at] as Overlap,
      best,
    });
    // What lies between tells nothing of the storyline that nothing lies between.
    if (at === current) row[CURRENT_AT.ago] = 0;
    else row[OTHER_AT.justCameUp] = 0;
    return row;
  });
  return [...rows, beginRow(said, best, lines[current]?.tail.at(-1))];
}

function overlapOf({ stems, meaning }: Said, line: OpenLine): Overlap {
  const [last, second, ...older] = line.tail.toReversed();
  const near = new Set(older.flatMap((one) => [...one.stems]));
  const recent = line.tail.slice(-4).map((one) => one.meaning);
  return {
    nearLast: last === undefined ? 0 : nearness(meaning, last.meaning),
    nearSecond: second === undefined ? 0 : nearness(meaning, second.meaning),
    nearBlend: nearness(meaning, blendOf(recent, 0.6)),
    last: last === undefined ? NOTHING_SHARED : sharedOf(stems, last.stems),
    second: second === undefined ? NOTHING_SHARED : sharedOf(stems, second.stems),
    near: sharedOf(stems, near),
    all: sharedOf(stems, line.stems),
  };
}

const is = (value: boolean): number => (value ? 1 : 0);
const lengthOf = ({ words }: Said): number => Math.log(1 + words.length) / 3;
const subjectsOf = ({ stems }: Said): number => Math.min(stems.size, 5) / 5;

interface LineView {
  readonly said: Said;
  readonly line: OpenLine;
  readonly overlap: Overlap;
  readonly best: Best;
}

function fillLine(row: Float64Array, at: LinePlaces, { said, line, overlap, best }: LineView): void {
  row[at.is] = 1;
  row[at.ago] = Math.log(1 + line.ago) / 4;
  row[at.messages] = Math.log(1 + line.messages) / 3;
  row[at.justCameUp] = is(line.run === 1);
  row[at.sharedWithLast] = overlap.last.sum;
  row[at.sharesWithLast] = is(overlap.last.sum > 0);
  row[at.sharedWithSecond] = overlap.second.sum;
  row[at.rarestNear] = Math.max(overlap.last.rarest, overlap.second.rarest);
  row[at.sharedNear] = overlap.near.sum;
  row[at.sharedAll] = overlap.all.sum;
  row[at.rarestAll] = overlap.all.rarest;
  row[at.sharesMost] = is(best.shared > 0 && overlap.all.sum === best.shared);
  row[at.nearLast] = overlap.nearLast;
  row[at.nearSecond] = overlap.nearSecond;
  row[at.nearBlend] = overlap.nearBlend;
  row[at.nearLessThanBest] = overlap.nearBlend - best.near;
  row[at.lastLessThanBest] = overlap.nearLast - best.nearLast;
  row[at.length] = lengthOf(said);
  row[at.subjects] = subjectsOf(said);
  const last = line.tail.at(-1);
  if (last !== undefined) afterLast(row, at, said, last);
}

/** How the message would follow the storyline's last one. */
function afterLast(row: Float64Array, at: LinePlaces, said: Said, last: Said): void {
  const { signs } = said;
  const isYesOrNo = signs.agrees || signs.denies;
  row[at.answers] = is(last.endsAsking && !said.endsAsking);
  row[at.asksAfterQuestion] = is(last.endsAsking && said.endsAsking);
  row[at.asksAfterStatement] = is(!last.endsAsking && said.endsAsking);
  row[at.tellsOfSelfAfterWhat] = is(last.signs.asksWhat && signs.tellsOfSelf);
  row[at.yesOrNoAfterQuestion] = is(last.signs.asksYesNo && isYesOrNo);
  row[at.yesOrNoAfterStatement] = is(!last.endsAsking && isYesOrNo);
  row[at.afterAskedBack] = is(last.signs.asksBack);
  row[at.greetsGreeting] = is(last.signs.greets && signs.greets);
  row[at.afterGreeting] = is(last.signs.greets);
  row[at.greets] = is(signs.greets);
  row[at.cheers] = is(signs.cheers);
  row[at.pointsBack] = is(signs.pointsBack);
  row[at.tellsOfSelf] = is(signs.tellsOfSelf);
  row[at.connects] = is(signs.connects);
  row[at.thanks] = is(signs.thanks);
  row[at.afterBye] = is(last.signs.leaves);
  row[at.leaves] = is(signs.leaves);
  row[at.byeAfterBye] = is(last.signs.leaves && signs.leaves);
  row[at.lengthOfLast] = lengthOf(last);
}

function beginRow(said: Said, best: Best, last: Said | undefined): Float64Array {
  const row = new Float64Array(PLACE_FEATURES);
  row[BEGIN_AT.is] = 1;
  row[BEGIN_AT.mostShared] = best.shared;
  row[BEGIN_AT.mostNear] = best.near;
  row[BEGIN_AT.mostNearLast] = best.nearLast;
  row[BEGIN_AT.sharesNothing] = is(best.shared === 0);
  row[BEGIN_AT.length] = lengthOf(said);
  row[BEGIN_AT.asks] = is(said.endsAsking);
  row[BEGIN_AT.subjects] = subjectsOf(said);
  row[BEGIN_AT.sentences] = Math.min(said.sentences, 6) / 3;
  row[BEGIN_AT.greetsAndAsks] = is(said.signs.greets && said.endsAsking);
  row[BEGIN_AT.afterQuestion] = is(last?.endsAsking === true);
  for (const sign of BEGIN_SIGNS) row[SIGN_AT[sign]] = is(said.signs[sign]);
  return row;
}
