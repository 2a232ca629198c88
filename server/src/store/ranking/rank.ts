import type { Row } from "../statement.ts";
import { wordsOf } from "../words.ts";
import { isAsking, speakerOf, statementsOf, tellsTime } from "./hints.ts";
import { createTeller, type Found, hitOf, type Kind, textOfFound } from "./hits.ts";
import { moodGain } from "./mood.ts";
import { type Spot, surroundingsOf, type Window } from "./nearby.ts";
import type { Question } from "./question.ts";
import { doOverlap, isToldIn, spansOf } from "./times.ts";
import { vectorOf } from "./vector-text.ts";

/** Newest of a session's older messages that are looked at for where what the asker has before it begins. */
export const OLDER = 128;
/** Above every row number. */
export const NO_ROW: number = Number.MAX_SAFE_INTEGER;

const DAY_MS = 86_400_000;

/*
 * What counts beside the words, in shares of a question that is held whole. Chosen by reasoning, in round numbers: none
 * of them outweighs a rare word, all of them together outweigh a common one.
 */
const SPEAKER_GAIN = 0.2;
const SESSION_GAIN = 0.3;
const TIME_GAIN = 0.1;
/** Of the cosine with the question. */
const MEANING_GAIN = 0.5;
/** Told at the time that the question names, or about it; a day says more than a year. */
const SPAN_GAINS: readonly (readonly [upToDays: number, gain: number])[] = [
  [10, 0.4],
  [35, 0.25],
  [100, 0.2],
  [400, 0.1],
];
/** How many of a session's best say how much it is about the question. */
const SESSION_BEST = 3;

export interface Candidate {
  readonly kind: Kind;
  readonly row: number;
  /** Bit i: holds asked word i. */
  words: number;
  /** Whoever talks with the agent may be told: it is looked at beside what the readers alone know, never in its place. */
  readonly isForAll?: boolean;
}

export type Records = Readonly<Record<Kind, ReadonlyMap<number, Found>>>;

/** A ranking in three steps; between them the database is asked for rows. */
export interface Ranking {
  /** Rows of messages whose neighbours are wanted. */
  readonly seeds: readonly number[];
  near(windows: readonly Window[]): Shortlist;
}

export interface Shortlist {
  /** Rows to load, of each kind. */
  readonly wanted: Readonly<Record<Kind, readonly number[]>>;
  /** Best first; memories before messages and the newest first among equals. */
  hits(records: Records): readonly Row[];
}

/** Orders what a question finds: by its words, and by what is said around them. */
export function rankingOf(candidates: readonly Candidate[], question: Question): Ranking {
  const { shareOf, foundShare } = weigh(candidates, question.asked.length);
  const { seeds, read } = question.effort;
  const messages = candidates.filter(({ kind }) => kind === "message");
  const bits = new Map(messages.map(({ row, words }) => [row, words]));
  const bitsOf = (row: number): number => bits.get(row) ?? 0;
  const best = (some: readonly Candidate[], most: number): readonly Candidate[] =>
    some.toSorted((a, b) => shareOf(b.words) - shareOf(a.words) || b.row - a.row).slice(0, most);
  const memories = [false, true].flatMap((forAll) =>
    best(
      candidates.filter(({ kind, isForAll = false }) => kind === "memory" && isForAll === forAll),
      read,
    ),
  );
  return {
    seeds: best(messages, seeds).map(({ row }) => row),
    near(windows) {
      const surroundings = surroundingsOf(windows, bitsOf, shareOf);
      const nothingTold = { stated: undefined, answersQuestion: false };
      const spots = surroundings.spots
        .map((spot) => ({ spot, share: surroundings.shareOf(spot, nothingTold) }))
        .toSorted((a, b) => b.share - a.share || b.spot.row - a.spot.row)
        .slice(0, read)
        .map(({ spot }) => spot);
      // What a message answers matters only where it lacks words of it.
      const before = spots.flatMap(({ row, before: one }) =>
        one === undefined || (bitsOf(one) & ~bitsOf(row)) === 0 ? [] : [one],
      );
      return {
        wanted: {
          message: [...new Set([...spots.map(({ row }) => row), ...before])],
          memory: memories.map(({ row }) => row),
        },
        hits: (records) => {
          const mayBeTold = createTeller(question);
          const judged = [
            ...judgeMessages({
              ...{ spots, records: records.message, question, bitsOf, mayBeTold },
              shareOf: surroundings.shareOf,
            }),
            ...judgeMemories({ memories, records: records.memory, question, shareOf, mayBeTold }),
          ];
          return order(withMeaning(judged, question), question, foundShare);
        },
      };
    },
  };
}

/** Orders by the asked words alone. */
export function rankByWords(candidates: readonly Candidate[], question: Question): readonly Scored[] {
  const { shareOf, foundShare } = weigh(candidates, question.asked.length);
  return candidates
    .map(({ kind, row, words }) => ({ kind, row, score: shareOf(words) * foundShare }))
    .filter(({ score }) => score > 0 && score >= question.minScore)
    .toSorted(
      (a, b) =>
        b.score - a.score || Number(a.kind === "message") - Number(b.kind === "message") || b.row - a.row,
    );
}

export interface Scored {
  readonly kind: Kind;
  readonly row: number;
  readonly score: number;
}

/** The hits among some of what was ranked, in its order. */
export function hitsAmong(some: readonly Scored[], records: Records, question: Question): readonly Row[] {
  const mayBeTold = createTeller(question);
  const told = some.flatMap(({ kind, row, score }) => {
    const record = records[kind].get(row);
    return record === undefined || !mayBeTold(record) ? [] : [{ kind, record, score }];
  });
  const { mood } = question;
  const rankOf = ({ record, score }: (typeof told)[number]): number => score + moodGain(record, mood);
  const ordered = mood === undefined ? told : told.toSorted((a, b) => rankOf(b) - rankOf(a));
  return ordered.map(({ kind, record, score }) => hitOf(kind, record, textOfFound(kind, record), score));
}

interface Weights {
  /** What bits of asked words count, of 1 for all that were found anywhere. */
  shareOf(bits: number): number;
  /** What the words that were found anywhere count, of 1 for all that were asked. */
  readonly foundShare: number;
}

/** Words count the more the fewer of the found records hold them. */
function weigh(candidates: readonly Candidate[], asked: number): Weights {
  const counts = new Array<number>(asked).fill(0);
  for (const { words } of candidates) {
    for (let i = 0; i < asked; i++) if (words & (1 << i)) counts[i] = (counts[i] ?? 0) + 1;
  }
  const weights = counts.map((count) => Math.log(1 + candidates.length / (count + 1)));
  const whole = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  const found = weights.reduce((sum, weight, i) => sum + (counts[i] === 0 ? 0 : weight), 0) || 1;
  // Few combinations of words are ever held.
  const known = new Map<number, number>();
  return {
    foundShare: found / whole,
    shareOf(bits) {
      const before = known.get(bits);
      if (before !== undefined) return before;
      let weight = 0;
      for (let left = bits; left !== 0; left &= left - 1)
        weight += weights[31 - Math.clz32(left & -left)] ?? 0;
      known.set(bits, weight / found);
      return weight / found;
    },
  };
}

// ── judging ─────────────────────────────────────────────────────────────────────────────────────────────────────

interface Judged {
  readonly kind: Kind;
  readonly record: Found;
  readonly text: string;
  /** Share of the asked words that it is about, 0 to 1. */
  readonly share: number;
  /** With what counts beside the words. */
  readonly rank: number;
}

interface Messages {
  readonly spots: readonly Spot[];
  readonly records: ReadonlyMap<number, Found>;
  readonly question: Question;
  readonly mayBeTold: (record: Found) => boolean;
  readonly bitsOf: (row: number) => number;
  readonly shareOf: ReturnType<typeof surroundingsOf>["shareOf"];
}

function judgeMessages(input: Messages): readonly Judged[] {
  const { spots, records, question, mayBeTold, bitsOf, shareOf } = input;
  const places = new Map(question.asked.map((word, i) => [word, i]));
  const texts = new Map<number, string>();
  for (const [row, record] of records) if (mayBeTold(record)) texts.set(row, textOfFound("message", record));
  const judged: (Judged & { readonly sessionId: string })[] = [];
  for (const spot of spots) {
    const record = records.get(spot.row);
    const text = texts.get(spot.row);
    if (record === undefined || text === undefined) continue;
    const asked = spot.before === undefined ? undefined : texts.get(spot.before);
    const share = shareOf(spot, {
      stated: bitsOf(spot.row) === 0 ? undefined : statedBits(text, places),
      answersQuestion: asked !== undefined && isAsking(asked),
    });
    const [, , , , role] = record;
    const said = share * (isSaidByAsked(text, role, question, places) ? 1 + SPEAKER_GAIN : 1);
    judged.push({
      ...{ kind: "message", record, text, share, sessionId: spot.sessionId },
      rank: said + timeGain(text, record[6], question),
    });
  }
  const gains = sessionGains(judged);
  return judged.map((one) => ({ ...one, rank: one.rank + (gains.get(one.sessionId) ?? 0) }));
}

/** Asked words in sentences that ask nothing; undefined where no sentence asks. */
function statedBits(text: string, places: ReadonlyMap<string, number>): number | undefined {
  const statements = statementsOf(text);
  if (statements === text) return undefined;
  let bits = 0;
  for (const word of wordsOf(statements)) {
    const place = places.get(word);
    if (place !== undefined) bits |= 1 << place;
  }
  return bits;
}

function isSaidByAsked(
  text: string,
  role: string,
  { hints }: Question,
  places: ReadonlyMap<string, number>,
): boolean {
  const speaker = speakerOf(text);
  if (speaker === undefined) return role === hints?.asksOf;
  return wordsOf(speaker).some((word) => places.has(word));
}

function timeGain(text: string, createdAt: number, { hints }: Question): number {
  if (hints === undefined) return 0;
  const tells = hints.asksWhen && tellsTime(text) ? TIME_GAIN : 0;
  if (hints.spans.length === 0) return tells;
  const told = spansOf(text, createdAt);
  const gains = hints.spans
    .filter((span) => isToldIn(createdAt, span) || told.some((one) => doOverlap(one, span)))
    .map((span) => SPAN_GAINS.find(([days]) => span.to - span.from <= days * DAY_MS)?.[1] ?? 0);
  return tells + Math.max(0, ...gains);
}

/** A conversation that is about the question in several places is more likely the one that is meant. */
function sessionGains(
  judged: readonly { readonly sessionId: string; readonly rank: number }[],
): ReadonlyMap<string, number> {
  const sessions = Map.groupBy(judged, ({ sessionId }) => sessionId);
  return new Map(
    [...sessions].map(([sessionId, some]) => {
      const best = some
        .map(({ rank }) => rank)
        .toSorted((a, b) => b - a)
        .slice(0, SESSION_BEST);
      return [sessionId, (SESSION_GAIN * best.reduce((sum, rank) => sum + rank, 0)) / SESSION_BEST];
    }),
  );
}

/** A memory stands alone, and was kept on purpose: it counts as what the right person said, in a conversation about it. */
function judgeMemories({ memories, records, question, shareOf, mayBeTold }: Memories): readonly Judged[] {
  return memories.flatMap(({ row, words }) => {
    const record = records.get(row);
    if (record === undefined || !mayBeTold(record)) return [];
    const text = textOfFound("memory", record);
    const share = shareOf(words);
    // A document says much, to nobody in particular.
    const said = record[4] === "document" ? share : share * (1 + SPEAKER_GAIN);
    const told = said + timeGain(text, record[6], question);
    const rank = told * (1 + SESSION_GAIN) + moodGain(record, question.mood);
    return [{ kind: "memory", record, text, share, rank }];
  });
}

interface Memories {
  readonly memories: readonly Candidate[];
  readonly records: ReadonlyMap<number, Found>;
  readonly question: Question;
  readonly mayBeTold: (record: Found) => boolean;
  readonly shareOf: (bits: number) => number;
}

/** What has no vector yet counts as what is as near as the others are: being new says nothing of meaning. */
function withMeaning(judged: readonly Judged[], { meaning }: Question): readonly Judged[] {
  if (meaning === undefined) return judged;
  const cosines = judged.map(({ record }) => cosineWith(meaning.vector, record[11]));
  const known = cosines.filter((cosine) => cosine !== undefined);
  if (known.length === 0) return judged;
  const mean = known.reduce((sum, cosine) => sum + cosine, 0) / known.length;
  return judged.map((one, i) => ({ ...one, rank: one.rank + MEANING_GAIN * (cosines[i] ?? mean) }));
}

function cosineWith(asked: Float32Array, numbers: string | null): number | undefined {
  const vector = numbers === null ? undefined : vectorOf(numbers, asked.length);
  if (vector === undefined) return undefined;
  let dot = 0;
  let asksSquare = 0;
  let square = 0;
  for (let j = 0; j < asked.length; j++) {
    const a = asked[j] as number;
    const b = vector[j] as number;
    dot += a * b;
    asksSquare += a * a;
    square += b * b;
  }
  return dot === 0 ? 0 : dot / Math.sqrt(asksSquare * square);
}

function order(judged: readonly Judged[], { limit, minScore }: Question, foundShare: number): readonly Row[] {
  return judged
    .filter(({ share }) => share > 0 && share * foundShare >= minScore)
    .toSorted(
      (a, b) =>
        b.rank - a.rank ||
        Number(a.kind === "message") - Number(b.kind === "message") ||
        b.record[0] - a.record[0],
    )
    .slice(0, limit)
    .map(({ kind, record, text, share }) => hitOf(kind, record, text, Math.min(1, share * foundShare)));
}
