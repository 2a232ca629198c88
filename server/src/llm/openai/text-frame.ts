/** Servers that write something new around each piece of text are not followed for ever. */
const MOST_MISSES = 4;
const CONTENT = '"content":';

/**
 * Reads the chunks of one answer that differ from an earlier one in their piece of text alone, which nearly all do: what
 * stands around the text is compared, and only the text itself is read. The same bytes around another string mean the same
 * with another string, so whatever else a chunk may say is as it was when it was last read whole.
 */
export class TextFrame {
  #before = "";
  #after = "";
  #misses = 0;

  /** The text of a chunk that is like the one that was learned; undefined: it is to be read whole. */
  textOf(payload: string): string | undefined {
    const before = this.#before;
    if (before === "") return undefined;
    if (payload.startsWith(before) && payload.endsWith(this.#after)) {
      const text = stringIn(payload, before.length, payload.length - this.#after.length);
      if (text !== undefined) return text;
    }
    this.#misses += 1;
    this.#before = "";
    return undefined;
  }

  /** A chunk was read whole and brought `text`, and nothing else that a reply is made of. */
  learn(payload: string, text: string): void {
    if (this.#misses >= MOST_MISSES) return;
    const key = payload.indexOf(CONTENT);
    if (key < 0 || payload.includes(CONTENT, key + 1)) return;
    const from = key + CONTENT.length + (payload.charCodeAt(key + CONTENT.length) === 32 ? 1 : 0);
    const written = JSON.stringify(text);
    if (!payload.startsWith(written, from)) return;
    this.#before = payload.slice(0, from);
    this.#after = payload.slice(from + written.length);
  }
}

/** The JSON string that takes the whole place from `from` up to `to`; undefined when something else stands there. */
function stringIn(payload: string, from: number, to: number): string | undefined {
  if (to - from < 2 || payload.charCodeAt(from) !== 34 || payload.charCodeAt(to - 1) !== 34) return undefined;
  const inner = payload.slice(from + 1, to - 1);
  // Quotes end a string, escapes and control characters are for the parser: real pieces seldom hold any.
  return /["\\\p{Cc}]/u.test(inner) ? parsed(payload.slice(from, to)) : inner;
}

function parsed(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}
