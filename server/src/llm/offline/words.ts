/** One word of a text, in lower case with plain apostrophes, and where it stands. */
export interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const WORD = /[\p{L}\p{N}]+(?:['’ʼ`-][\p{L}\p{N}]+)*/gu;

export function wordsOf(text: string): readonly Word[] {
  return Array.from(text.matchAll(WORD), (match) => ({
    text: plain(match[0]),
    start: match.index,
    end: match.index + match[0].length,
  }));
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[’ʼ`]/g, "'");
}

/** Phrases in words, by their first one. */
type PhraseIndex = ReadonlyMap<string, readonly (readonly string[])[]>;

/** Of the tables' own lists, which are few and never change. */
const indexes = new WeakMap<readonly string[], PhraseIndex>();

function indexOf(phrases: readonly string[]): PhraseIndex {
  const known = indexes.get(phrases);
  if (known !== undefined) return known;
  const index = Map.groupBy(
    phrases.map((phrase) => phrase.split(" ")),
    ([first = ""]) => first,
  );
  indexes.set(phrases, index);
  return index;
}

/**
 * How many words the longest of `phrases` takes at `at`; 0 when none stands there. `*`, not as the first, is one word that
 * is not in `except`.
 */
export function phraseAt(
  words: readonly Word[],
  at: number,
  phrases: readonly string[],
  except: readonly string[] = [],
): number {
  let longest = 0;
  for (const parts of indexOf(phrases).get(words[at]?.text ?? "") ?? []) {
    if (parts.length <= longest || at + parts.length > words.length) continue;
    const fits = parts.every((part, offset) => {
      const word = words[at + offset]?.text ?? "";
      return part === "*" ? !except.includes(word) : word === part;
    });
    if (fits) longest = parts.length;
  }
  return longest;
}

/** Where the first of `phrases` stands, anywhere. */
export function findPhrase(
  words: readonly Word[],
  phrases: readonly string[],
  except: readonly string[] = [],
): { readonly at: number; readonly length: number } | undefined {
  for (let at = 0; at < words.length; at++) {
    const length = phraseAt(words, at, phrases, except);
    if (length > 0) return { at, length };
  }
  return undefined;
}

/** Two forms of one word: English endings (cat, cats), Ukrainian cases (кота, коту). A wrong yes costs more than a wrong no. */
export function isSameWord(left: string, right: string): boolean {
  if (left === right) return true;
  const shorter = Math.min(left.length, right.length);
  if (shorter < 3 || Math.abs(left.length - right.length) > 3) return false;
  const isCyrillic = CYRILLIC.test(left);
  const needed = isCyrillic ? Math.max(3, shorter - 2) : shorter < 6 ? shorter : shorter - 1;
  return left.slice(0, needed) === right.slice(0, needed);
}

const CYRILLIC = /\p{Script=Cyrillic}/u;
