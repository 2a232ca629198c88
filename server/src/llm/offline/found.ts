import type { PhraseTable } from "./phrases.ts";
import { rememberedText } from "./requests.ts";
import { isSameWord, wordsOf } from "./words.ts";

/** What stands before the words of a hit: bullets, dates, who said it. */
const LINE_BEGINNINGS: readonly RegExp[] = [
  /^\s*(?:[-*•–]|\d{1,3}[.)])\s+/,
  /^\s*[[(][^\])]{1,80}[\])]:?\s*/,
  /^\s*\d{4}-\d\d-\d\d\S*(?:\s+\d\d:\d\d(?::\d\d)?)?\s*[:,–—-]?\s*/,
  /^\s*(?:user|memory|note|message|you|they|person|користувач|нотатка|спогад|ви)(?:\s*\([^)]{0,60}\))?\s*:\s*/i,
];
/** A piece of a document: its title, the place in it, and what it says. */
const FROM_DOCUMENT = /^\s*(?:document|документ)\s+"([^"]{1,300})":\s*/i;
const FROM_ASSISTANT = /^\s*(?:assistant|agent|you answered|асистент|агент)(?:\s*\([^)]{0,60}\))?\s*:/i;

/** A sentence that answers, and whether it holds every word of the question. */
export interface Found {
  readonly text: string;
  readonly isWhole: boolean;
  /** Where it is written; absent: somebody said it. */
  readonly document?: string;
}

/** The line of `sources` (best first) that shares most with the question; nothing below half of its words. */
export function findAnswer(
  words: readonly string[],
  sources: readonly string[],
  table: PhraseTable,
): Found | undefined {
  let best: Found | undefined;
  let bestShare = 0;
  for (const line of sources.flatMap((source) => source.split("\n"))) {
    const { text, document } = cleanLine(line, table) ?? {};
    if (text === undefined) continue;
    const held = wordsOf(text);
    const shared = words.filter((word) => held.some((one) => isSameWord(one.text, word))).length;
    const share = shared / words.length;
    // It must say something beyond the question.
    if (share < 0.5 || share <= bestShare || held.length <= shared) continue;
    best = { text, isWhole: shared === words.length, ...(document === undefined ? {} : { document }) };
    bestShare = share;
  }
  return best;
}

function cleanLine(line: string, table: PhraseTable): Pick<Found, "text" | "document"> | undefined {
  let text = line;
  let document: string | undefined;
  for (let before = ""; before !== text; ) {
    before = text;
    if (FROM_ASSISTANT.test(text)) return undefined;
    for (const beginning of LINE_BEGINNINGS) text = text.replace(beginning, "");
    document ??= FROM_DOCUMENT.exec(text)?.[1];
    text = text.replace(FROM_DOCUMENT, "");
  }
  text = text.trim().replace(/^["“„«](.*)["”“»]$/u, "$1");
  // Questions answer nothing, and a line that ends with a colon is a heading.
  if (text === "" || /[?？:]$/.test(text)) return undefined;
  if (document !== undefined) return { text, document };
  return { text: rememberedText(text, table) ?? text };
}
