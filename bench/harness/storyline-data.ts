// Reads the sets that storylines are measured on, and makes streams of them.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "./random.ts";

/** A line of a chat, and whether people said that it begins another subject. */
export interface ChatLine {
  readonly text: string;
  readonly isShift: boolean;
}
export type Chat = readonly ChatLine[];

/** TIAGE's form: an object of chats, each a list of `[utterance, "1" | "0" | "-1"]`. Throws where a file has another. */
export function readChats(path: string): Chat[] {
  const chats: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (typeof chats !== "object" || chats === null) throw new Error(`${path} holds no chats.`);
  return Object.values(chats).map((lines: unknown) => {
    if (!Array.isArray(lines)) throw new Error(`${path}: a chat is a list of [text, label].`);
    return lines.map(([text, label]: [string, string | number]) => ({
      text,
      isShift: String(label) === "1",
    }));
  });
}

export interface IrcLine {
  readonly at: number;
  readonly author: string;
  readonly text: string;
  readonly isSystem: boolean;
}

/** A channel's log and, for its annotated lines, which lines they answer: their own number where they answer none. */
export interface IrcLog {
  readonly lines: readonly IrcLine[];
  readonly answers: ReadonlyMap<number, readonly number[]>;
}

const SAID = /^\[(\d\d):(\d\d)\]\s+(?:<([^>]+)>|\*\s+(\S+))\s?(.*)$/;
const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;

/** The form of Kummerfeld et al. 2019: `*.ascii.txt` beside `*.annotation.txt`. */
export function readIrc(folder: string): IrcLog[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".ascii.txt"));
  if (names.length === 0) throw new Error(`${folder} holds no *.ascii.txt.`);
  return names.sort().map((name) => ({
    lines: linesOf(readFileSync(join(folder, name), "utf8")),
    answers: answersOf(readFileSync(join(folder, name.replace(".ascii.", ".annotation.")), "utf8")),
  }));
}

function linesOf(text: string): IrcLine[] {
  let day = 0;
  let newest = 0;
  return text
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => {
      const said = SAID.exec(line);
      if (said === null) {
        const author = /^===\s+(\S+)/.exec(line)?.[1] ?? "===";
        return { at: newest * MINUTE_MS, author, text: line.replace(/^===\s*/, ""), isSystem: true };
      }
      const [, hours, minutes, author, actor, words = ""] = said;
      const clock = Number(hours) * 60 + Number(minutes);
      if (day + clock < newest - DAY_MINUTES / 2) day += DAY_MINUTES;
      newest = Math.max(newest, day + clock);
      return { at: (day + clock) * MINUTE_MS, author: author ?? actor ?? "", text: words, isSystem: false };
    });
}

function answersOf(text: string): Map<number, number[]> {
  const answers = new Map<number, number[]>();
  for (const line of text.split("\n")) {
    const [left, right] = line.split(" ").map(Number);
    if (left === undefined || right === undefined || !Number.isInteger(left + right)) continue;
    const message = Math.max(left, right);
    answers.set(message, [...(answers.get(message) ?? []), Math.min(left, right)]);
  }
  return answers;
}

export interface StreamLine {
  readonly text: string;
  /** Which of the stream's storylines it belongs to. */
  readonly line: number;
}

const LINES_A_STREAM = 6;
const BURST = { least: 2, most: 4 };

/**
 * Streams in which six storylines take turns in bursts of two to four messages, a random other one after each. Every
 * storyline is used once before any is used again.
 */
export function interleave(
  lines: readonly (readonly string[])[],
  count: number,
  seed: number,
): StreamLine[][] {
  const random = createRandom(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  let pool: (readonly string[])[] = [];
  return Array.from({ length: count }, () => {
    if (pool.length < LINES_A_STREAM) pool = shuffled(lines, below);
    return takeTurns(pool.splice(0, LINES_A_STREAM), below);
  });
}

function takeTurns(lines: readonly (readonly string[])[], below: (bound: number) => number): StreamLine[] {
  const said = lines.map(() => 0);
  const stream: StreamLine[] = [];
  let last = -1;
  for (;;) {
    const open = lines.flatMap((one, at) => ((said[at] as number) < one.length ? [at] : []));
    const others = open.filter((at) => at !== last);
    const choices = others.length > 0 ? others : open;
    const line = choices[below(choices.length)];
    if (line === undefined) return stream;
    const burst = BURST.least + below(BURST.most - BURST.least + 1);
    const from = said[line] as number;
    const texts = (lines[line] as readonly string[]).slice(from, from + burst);
    stream.push(...texts.map((text) => ({ text, line })));
    said[line] = from + texts.length;
    last = line;
  }
}

function shuffled<T>(values: readonly T[], below: (bound: number) => number): T[] {
  const mixed = [...values];
  for (let at = mixed.length - 1; at > 0; at--) {
    const other = below(at + 1);
    [mixed[at], mixed[other]] = [mixed[other] as T, mixed[at] as T];
  }
  return mixed;
}

/** Stretches of one subject with at least `least` lines. */
export function stretchesOf(chats: readonly Chat[], least: number): string[][] {
  const stretches: string[][] = [];
  for (const chat of chats) {
    let stretch: string[] = [];
    for (const [at, { text, isShift }] of chat.entries()) {
      if (at === 0 || isShift) {
        stretch = [];
        stretches.push(stretch);
      }
      stretch.push(text);
    }
  }
  return stretches.filter((stretch) => stretch.length >= least);
}
