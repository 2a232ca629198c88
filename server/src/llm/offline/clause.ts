import type { GuideTool, PhraseTable, Saying } from "./phrases.ts";
import { phraseAt, type Word, wordsOf } from "./words.ts";

/** One thing that a person wants. */
export type Intent =
  | { readonly kind: "tool"; readonly tool: GuideTool; readonly input: Readonly<Record<string, unknown>> }
  /** A question about what was said: looked for by these words. */
  | { readonly kind: "question"; readonly words: readonly string[] }
  | { readonly kind: "say"; readonly saying: Saying; readonly values?: Readonly<Record<string, string>> };

/** A piece of a message that holds one request. */
export interface Clause {
  readonly text: string;
  readonly words: readonly Word[];
  readonly isQuestion: boolean;
}

/** Polite beginnings are taken off. */
export function clauseOf(text: string, table: PhraseTable): Clause {
  let rest = text.trim();
  let words = wordsOf(rest);
  for (let skipped = phraseAt(words, 0, table.politeness); skipped > 0; ) {
    if (skipped === words.length) break;
    rest = rest.slice(words[skipped]?.start ?? 0);
    words = wordsOf(rest);
    skipped = phraseAt(words, 0, table.politeness);
  }
  return { text: rest, words, isQuestion: /[?？]\s*$/.test(rest) };
}

/** The text after the first `count` words, without the signs that join it to them. */
export function after(clause: Clause, count: number): string {
  const from = clause.words[count - 1]?.end ?? 0;
  return clause.text
    .slice(from)
    .replace(/^[\s:,;–—-]+/, "")
    .replace(/[\s.!?…]+$/, "");
}
