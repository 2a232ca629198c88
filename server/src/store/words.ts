import { createHash } from "node:crypto";
import { stemOf } from "../kit/index.ts";

/** How words are made from texts. Raised when that changes, so that what was indexed otherwise is indexed anew. */
export const WORDS_VERSION = 2;

/** Longer texts are cut: their first words say what they are about. */
const MAX_WORDS = 512;
const MAX_WORD_LENGTH = 40;
const SCOPE_CHARACTERS = 8;
const SCOPE_CACHE_SIZE = 20_000;
const STEM_CACHE_SIZE = 10_000;

const WORD = /[\p{L}\p{N}\p{M}]+/gu;
/** Marks inside a word that belong to it: п'ять, don't. */
const APOSTROPHE = /(?<=\p{L})['’ʼ`](?=\p{L})/gu;
const POSSESSIVE = /(?<=\p{L})['’ʼ]s(?![\p{L}\p{N}])/gu;
/** Scripts that write no spaces between words are indexed as pairs of characters. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/**
 * Different words of a text, normalised: compatibility forms joined, lower case, letters and digits of any script kept
 * apart, the forms of a word brought to one stem.
 */
export function wordsOf(text: string): string[] {
  const words = new Set<string>();
  const plain = text.normalize("NFKC").toLowerCase().replace(POSSESSIVE, "").replace(APOSTROPHE, "");
  const mayBeUnspaced = UNSPACED.test(plain);
  for (const match of plain.match(WORD) ?? []) {
    if (mayBeUnspaced && UNSPACED.test(match)) for (const pair of pairsOf(match)) words.add(pair);
    else words.add(knownStem(beginningOf(match)));
    if (words.size >= MAX_WORDS) break;
  }
  return [...words];
}

const stems = new Map<string, string>();

/** A few thousand words make up most of what people say. */
function knownStem(word: string): string {
  const known = stems.get(word);
  if (known !== undefined) return known;
  const stem = stemOf(word);
  if (stems.size >= STEM_CACHE_SIZE) stems.clear();
  stems.set(word, stem);
  return stem;
}

/** No letter is cut in half: what is left of it would be text for one database and an error for another. */
function beginningOf(word: string): string {
  const beginning = word.slice(0, MAX_WORD_LENGTH);
  return beginning.isWellFormed() ? beginning : beginning.slice(0, -1);
}

function pairsOf(run: string): string[] {
  const characters = [...run];
  if (characters.length < 2) return characters;
  return characters.slice(1).map((character, i) => `${characters[i]}${character}`);
}

const scopes = new Map<string, string>();

/** Prefix of every term that one peer of one agent may find: eight characters, ASCII, the same everywhere. */
export function scopeOf(spaceId: string, agentId: string, peerId: string): string {
  const key = JSON.stringify([spaceId, agentId, peerId]);
  const known = scopes.get(key);
  if (known !== undefined) return known;
  const scope = createHash("sha256").update(key).digest("hex").slice(0, SCOPE_CHARACTERS);
  if (scopes.size >= SCOPE_CACHE_SIZE) scopes.clear();
  scopes.set(key, scope);
  return scope;
}

interface Scoped {
  readonly spaceId: string;
  readonly agentId: string;
  readonly audience: readonly string[];
}

/** The scope of every peer that may find a record. */
export function scopesOf({ spaceId, agentId, audience }: Scoped): readonly string[] {
  return audience.map((peerId) => scopeOf(spaceId, agentId, peerId));
}

/** Every word under the scope of every peer that may find it. */
export function termsOf(record: Scoped & { readonly text: string }): string {
  const words = wordsOf(record.text);
  return scopesOf(record)
    .map((scope) => words.map((word) => scope + word).join(" "))
    .join(" ");
}
