import type { MeaningOf } from "./meaning.ts";
import { asks, type Sign, signsOf } from "./signs.ts";
import { isPlain, stemOf } from "./word-lists.ts";

/** A message as the scorer reads it: made once for each message, compared many times. */
export interface Said {
  /** Words in order, lower case, contractions written out; at most 200. */
  readonly words: readonly string[];
  /** Stems of the words that carry meaning, once each. */
  readonly stems: ReadonlySet<string>;
  readonly signs: Readonly<Record<Sign, boolean>>;
  readonly sentences: number;
  /** The words of its last sentence begin here. */
  readonly lastSentenceAt: number;
  readonly isQuestion: boolean;
  /** A question, and nothing is said after it. */
  readonly endsAsking: boolean;
  /** What all of it is about, and its last sentence alone; empty where meanings were not asked for. */
  readonly meaning: Float32Array;
  readonly lastMeaning: Float32Array;
}

const NO_MEANING = new Float32Array(0);

const MAX_CHARACTERS = 2_000;
const MAX_WORDS = 200;
const TOKEN = /[\p{L}\p{N}\p{M}]+(?:['’ʼ][\p{L}]+)*|[.?!…]+/gu;
const END = /^[.?!…]/;
const ASCII = /^[\0-\x7f]*$/;
const APOSTROPHE = /['’ʼ]/;
const LONGEST_SHORT = 6;

/** `don't` and `do not` are the same to the scorer. */
const SHORT: ReadonlyMap<string, string> = new Map([
  ["dont", "do not"],
  ["doesnt", "does not"],
  ["didnt", "did not"],
  ["isnt", "is not"],
  ["arent", "are not"],
  ["wasnt", "was not"],
  ["im", "i am"],
  ["ive", "i have"],
  ["u", "you"],
  ["ur", "your"],
  ["whats", "what is"],
  ["thats", "that is"],
]);

/** Reads a text. The same text gives the same value, whatever was read before. */
export function readSaid(text: string, meaningOf?: MeaningOf): Said {
  const words: string[] = [];
  const sentenceStarts: number[] = [0];
  let asked = -1;
  const cut = text.slice(0, MAX_CHARACTERS);
  const plain = (ASCII.test(cut) ? cut : cut.normalize("NFKC")).toLowerCase();
  for (const token of plain.match(TOKEN) ?? []) {
    if (words.length >= MAX_WORDS) break;
    if (END.test(token)) {
      if (token.includes("?")) asked = words.length;
      if (words.length > (sentenceStarts.at(-1) ?? 0)) sentenceStarts.push(words.length);
    } else addWords(words, token);
  }
  const lastSentenceAt = sentenceStarts.findLast((at) => at < words.length) ?? 0;
  const startsAsking = words.length > 0 && asks(words.slice(lastSentenceAt));
  const meaning = meaningOf?.(words.join(" ")) ?? NO_MEANING;
  let lastMeaning: Float32Array | undefined;
  return {
    words,
    meaning,
    // Shifts alone ask for it, and vectors are most of what a message costs.
    get lastMeaning() {
      if (lastSentenceAt === 0) return meaning;
      lastMeaning ??= meaningOf?.(words.slice(lastSentenceAt).join(" ")) ?? NO_MEANING;
      return lastMeaning;
    },
    stems: stemsOf(words),
    signs: signsOf(words, lastSentenceAt),
    sentences: Math.max(1, sentenceStarts.filter((at) => at < words.length).length),
    lastSentenceAt,
    isQuestion: asked >= 0 || startsAsking,
    endsAsking: (asked >= 0 && asked >= words.length - 1) || startsAsking,
  };
}

function addWords(words: string[], token: string): void {
  if (!APOSTROPHE.test(token)) {
    const known = token.length <= LONGEST_SHORT ? SHORT.get(token) : undefined;
    if (known === undefined) words.push(token);
    else words.push(...known.split(" "));
    return;
  }
  const word = token.replace(/[’ʼ]/g, "'");
  const at = word.lastIndexOf("'");
  const head = word.slice(0, at);
  const tail = word.slice(at + 1);
  const full = TAILS.get(tail);
  if (!/^[a-z]/.test(word)) words.push(word.replaceAll("'", ""));
  else if (tail === "t" && head.endsWith("n")) words.push(head === "can" ? head : head.slice(0, -1), "not");
  else if (full !== undefined) words.push(head, full);
  else if (tail === "s" && PRONOUNS.has(head)) words.push(head, "is");
  else words.push(head);
}

const TAILS: ReadonlyMap<string, string> = new Map([
  ["m", "am"],
  ["re", "are"],
  ["ve", "have"],
  ["ll", "will"],
  ["d", "would"],
]);
const PRONOUNS: ReadonlySet<string> = new Set("it that what where who how there he she here".split(" "));

function stemsOf(words: readonly string[]): ReadonlySet<string> {
  const stems = new Set<string>();
  for (const word of words) if (word.length > 1 && !isPlain(word)) stems.add(stemOf(word));
  return stems;
}
