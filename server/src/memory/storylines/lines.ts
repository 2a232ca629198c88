import type { Audience, PlaceChoice, Storyline } from "@troupe/contracts";
import type { MeaningOf } from "./meaning.ts";
import type { OpenLine } from "./place-features.ts";
import { readSaid, type Said } from "./said.ts";
import { isPlain } from "./word-lists.ts";

/** An open storyline of a session, kept between its turns. */
export interface KnownLine extends OpenLine {
  readonly tail: Said[];
  /** What was said since it was last weighed: most turns never are, so most messages are never read. */
  readonly unread: string[];
  /** What its last turn said. */
  latest: string;
  readonly stems: Set<string>;
  title: string;
  ago: number;
  messages: number;
  run: number;
  /** Its messages are in other sessions; what is known of them is this, for the model. Undefined for one of this session. */
  elsewhere: string | undefined;
  /** It began under another name of the one who reads. */
  readonly isOfAnotherName: boolean;
}

/** What is kept of a session: its open storylines, and which of them the last turn belonged to. */
export interface KnownSession {
  /** Everyone who reads there. Where others do, it is read anew. */
  readonly readers: Audience;
  /** Every name of the one who reads; none where several do. Where links change, it is read anew too. */
  readonly names: readonly string[];
  readonly lines: KnownLine[];
  current: string | undefined;
  /** The last turn that is counted; 0 for none. */
  lastTurnSeq: number;
  /** UTC milliseconds of the last turn; undefined where it is not known. */
  lastAt: number | undefined;
  /** Another storyline began where one of its readers talks too: those of other sessions are read before the next turn. */
  isBehind: boolean;
}

const TAIL = 6;
/** More storylines than a person keeps in mind at once; the ones that were silent longest are let go. */
const MOST_LINES = 8;
const MOST_STEMS = 200;
const MOST_UNREAD = 6;
const LONGEST_LOOKED_AT = 1_000;
const MOST_LOOKED_AT = 40;
const SHORT_WORDS = 4;
const BETWEEN_WORDS = /[\s,.;:!?()"]+/;
const TELLING_LENGTH = 5;
const GOES_ON: ReadonlySet<string> = new Set(
  "and but or so because also then it that they them those these yes no ok okay і й та але або бо тож це так ні".split(
    " ",
  ),
);
/** Answers run long; how they begin and end tells what they are about. */
const MOST_CHARACTERS = 400;

function partOf(text: string): string {
  return text.length <= MOST_CHARACTERS
    ? text
    : `${text.slice(0, MOST_CHARACTERS / 2)} … ${text.slice(-MOST_CHARACTERS / 2)}`;
}

export function readPart(text: string, meaningOf: MeaningOf | undefined): Said {
  return readSaid(partOf(text), meaningOf);
}

/** Reads what was said since it was last weighed. */
export function readLine(line: KnownLine, meaningOf: MeaningOf | undefined): void {
  for (const text of line.unread.splice(0)) {
    const said = readSaid(text, meaningOf);
    line.tail.push(said);
    if (line.tail.length > TAIL) line.tail.shift();
    for (const stem of said.stems) if (line.stems.size < MOST_STEMS) line.stems.add(stem);
  }
}

/**
 * A cheap look: the message is short, begins like one that goes on, or takes up a word of what was said last. Where it is so in
 * a conversation of one storyline nothing needs to be weighed.
 */
export function plainlyGoesOn(text: string, { latest }: KnownLine): boolean {
  if (text.length > LONGEST_LOOKED_AT) return false;
  const words = text.toLowerCase().split(BETWEEN_WORDS, MOST_LOOKED_AT);
  if (words.length <= SHORT_WORDS || GOES_ON.has(words[0] ?? "")) return true;
  const last = latest.toLowerCase();
  return words.some((word) => word.length >= TELLING_LENGTH && last.includes(word) && !isPlain(word));
}

/** Adds a turn's messages to the storyline that it belongs to. */
export function addTurn(
  session: KnownSession,
  choice: Pick<PlaceChoice, "id" | "title" | "isOfAnotherName">,
  texts: readonly string[],
): void {
  const { id } = choice;
  const line = session.lines.find((one) => one.id === id) ?? newLine(session, choice);
  line.run = session.current === id ? line.run : 0;
  for (const text of texts) {
    for (const other of session.lines) other.ago++;
    line.ago = 0;
    line.run++;
    line.messages++;
    line.unread.push(partOf(text));
    if (line.unread.length > MOST_UNREAD) line.unread.shift();
  }
  if (texts.length > 0) line.latest = texts.map(partOf).join(" ");
  line.elsewhere = undefined;
  session.current = id;
  while (session.lines.length > MOST_LINES) {
    const silent = session.lines.reduce((most, one) => (one.ago > most.ago ? one : most));
    session.lines.splice(session.lines.indexOf(silent), 1);
  }
}

function newLine(
  session: KnownSession,
  { id, title, isOfAnotherName }: Parameters<typeof addTurn>[1],
): KnownLine {
  const line: KnownLine = {
    ...{ id, title, tail: [], unread: [], latest: "", stems: new Set<string>() },
    ...{ ago: 0, messages: 0, run: 0, elsewhere: undefined, isOfAnotherName: isOfAnotherName === true },
  };
  session.lines.push(line);
  return line;
}

/** A storyline of another session: its title and summary say what it is about. */
export function lineElsewhere(
  { id, title, summary }: Storyline,
  { ago, isOfAnotherName }: Pick<KnownLine, "ago" | "isOfAnotherName">,
): KnownLine {
  const unread = [title, summary].filter((text) => text !== "").map(partOf);
  return {
    ...{ id, title, tail: [], unread, latest: "", stems: new Set<string>() },
    ...{ ago, messages: 2, run: 0, elsewhere: summary, isOfAnotherName },
  };
}
