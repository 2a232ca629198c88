import { createHash } from "node:crypto";
import { wordsOf } from "./words.ts";

/** Texts with at least this share of their words in common may say the same. */
const ALIKE = 0.8;
const MAX_WORDS = 64;
const KEY_CHARACTERS = 16;
/** A longer word is a token or an address. Indexes hold no key of thousands of letters. */
const LONGEST_WORD = 64;

const SIGN = /[^\p{L}\p{N}]+/gu;
/** Words that turn a sentence round, although two sentences differ in nothing else. */
const NEGATION =
  /(?<![\p{L}\p{N}])(?:not|no|never|cannot|without|\p{L}+n['’ʼ]t|не|ні|ніколи|без|нема|немає)(?![\p{L}\p{N}])/giu;
const NUMBER = /\p{N}+/gu;

/** A text without case, signs and forms of letters: what two texts must share to be the same words. */
export function plainText(text: string): string {
  return text.normalize("NFKC").toLowerCase().replace(SIGN, " ").trim();
}

/**
 * What one text is to another: the `same` words, or, with at least `ALIKE` of all their words in common, `less` or `more` of
 * them. Undefined where each has a word of its own, since the one word that differs may be the one that matters, or where
 * one denies what the other says or names another number.
 */
export function compareTexts(one: string, other: string): Relation {
  return comparisonWith(one)(other);
}

type Relation = "same" | "less" | "more" | undefined;

/** What one text is to each of others: `compareTexts`, which looks at the one once. */
export function comparisonWith(one: string): (other: string) => Relation {
  const plain = plainText(one);
  let turns: string | undefined;
  let words: readonly string[] | undefined;
  return (other) => {
    if (plain === plainText(other)) return "same";
    turns ??= turnsOf(one);
    if (turns !== turnsOf(other)) return undefined;
    words ??= wordsOf(one, MAX_WORDS);
    return relationOf(words, wordsOf(other, MAX_WORDS));
  };
}

function relationOf(words: readonly string[], others: readonly string[]): Relation {
  const shared = words.filter((word) => others.includes(word)).length;
  if (shared === 0 || shared < ALIKE * (words.length + others.length - shared)) return undefined;
  if (shared === words.length) return shared === others.length ? "same" : "less";
  return shared === others.length ? "more" : undefined;
}

function turnsOf(text: string): string {
  const lower = text.toLowerCase();
  const numbers = lower.match(NUMBER)?.toSorted().join(" ") ?? "";
  return `${(lower.match(NEGATION)?.length ?? 0) % 2} ${numbers}`;
}

/**
 * Keys such that two texts of which `compareTexts` knows something share one: of the words in one order for all texts, as many as cannot all be
 * missing from the other. The longest words come first, for they are rare. Source: prefix filtering, Bayardo, Ma and Srikant,
 * "Scaling up all pairs similarity search", 2007.
 */
export function likenessKeys(text: string): readonly string[] {
  const words = wordsOf(text, MAX_WORDS).toSorted((a, b) => b.length - a.length || (a < b ? -1 : 1));
  const prefix = words.slice(0, words.length - Math.ceil(ALIKE * words.length) + 1);
  const keys = prefix.map((word) => (word.length > LONGEST_WORD ? `+${hashOf(word)}` : word));
  return [`=${hashOf(plainText(text))}`, ...keys];
}

/** The key of a slot. */
export function slotKey(slot: string): string {
  return `#${hashOf(slot)}`;
}

/**
 * Each key again for one audience alone. Where hundreds of people tell the same of themselves, a key has hundreds of records, of which a few
 * are looked at; what one audience was told before is among those of its own.
 */
export function keysFor(audience: readonly string[], keys: readonly string[]): readonly string[] {
  const place = JSON.stringify(audience.toSorted());
  return keys.map((key) => `@${hashOf(`${place} ${key}`)}`);
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, KEY_CHARACTERS);
}
