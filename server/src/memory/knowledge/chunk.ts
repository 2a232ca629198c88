import { estimateTokens } from "../../kit/index.ts";
import type { Block } from "./blocks.ts";

/** Of a piece's own words; about a paragraph or two, so that what is found is what was asked. */
const MAX_CHUNK_TOKENS = 240;
const MAX_TITLE_CHARACTERS = 120;
const MAX_PLACE_CHARACTERS = 160;
const MAX_HEAD_CHARACTERS = 240;
/** A document of some five hundred pages. */
export const MAX_CHUNKS = 2_000;

/** A piece of a document. */
export interface Chunk {
  /** Where in the document: its headings, and which part under them. Empty: it is the whole. */
  readonly place: string;
  readonly text: string;
}

/** `Handbook › Leave, part 2`, as citations name it. */
export function citationOf(title: string, place: string): string {
  return place === "" ? title : `${title} › ${place}`;
}

export function shortTitle(title: string): string {
  return cut(title.replace(/\s+/g, " ").trim(), MAX_TITLE_CHARACTERS);
}

/**
 * Cuts a document under its headings, at paragraphs where they fit, else at sentences, else at words; no piece is longer than
 * the bound, and no heading's words stand without the headings above it. Lazy: whoever has enough takes no more.
 */
export function* chunksOf(title: string, blocks: readonly Block[]): Generator<Chunk> {
  const path: string[] = [];
  let section: (Block & { readonly kind: "paragraph" })[] = [];
  const seen = new Map<string, number>();
  for (const block of [...blocks, undefined]) {
    if (block?.kind === "paragraph") {
      section.push(block);
      continue;
    }
    const place = placeOf(title, path);
    // Two sections may have one name: "Example", "Notes".
    for (const text of packed(section)) {
      const part = (seen.get(place) ?? 0) + 1;
      seen.set(place, part);
      yield { place: part === 1 ? place : numbered(place, part), text };
    }
    section = [];
    if (block === undefined) return;
    path.length = block.level - 1;
    path[block.level - 1] = block.text;
  }
}

/** What begins with the document's own name need not say it twice. */
function placeOf(title: string, path: readonly string[]): string {
  const names = path.filter((name) => name !== undefined && name !== "");
  const own = names[0] === title ? names.slice(1) : names;
  return cut(own.join(" › "), MAX_PLACE_CHARACTERS);
}

function numbered(place: string, part: number): string {
  return place === "" ? `part ${part}` : `${place}, part ${part}`;
}

function* packed(section: readonly (Block & { readonly kind: "paragraph" })[]): Generator<string> {
  let lines: string[] = [];
  let head: string | undefined;
  let tokens = 0;
  let headTokens = 0;
  const take = function* (): Generator<string> {
    if (lines.length > 0) yield [...(head === undefined ? [] : [head]), ...lines].join("\n");
    lines = [];
    tokens = headTokens;
  };
  for (const block of section) {
    if (block.head !== head) {
      yield* take();
      head = block.head === undefined ? undefined : cut(block.head, MAX_HEAD_CHARACTERS);
      headTokens = head === undefined ? 0 : estimateTokens(head);
      tokens = headTokens;
    }
    for (const piece of pieces(block.text, MAX_CHUNK_TOKENS - headTokens)) {
      const more = estimateTokens(piece);
      if (tokens + more > MAX_CHUNK_TOKENS) yield* take();
      lines.push(piece);
      tokens += more;
    }
  }
  yield* take();
}

const SENTENCE_END = /(?<=[.!?…。！？])\s+|\n+/u;

/** The text itself where it fits, else sentences, as many together as fit, else words. */
function pieces(text: string, maxTokens: number): readonly string[] {
  if (estimateTokens(text) <= maxTokens) return [text];
  const parts = text
    .split(SENTENCE_END)
    .flatMap((sentence) => (estimateTokens(sentence) <= maxTokens ? [sentence] : words(sentence, maxTokens)));
  return joined(parts, " ", maxTokens);
}

function words(sentence: string, maxTokens: number): readonly string[] {
  // What has no spaces, as Chinese or a long address, is cut by length.
  const runs = sentence.split(/\s+/).flatMap((word) => hardCut(word, maxTokens));
  return joined(runs, " ", maxTokens);
}

function hardCut(word: string, maxTokens: number): readonly string[] {
  if (estimateTokens(word) <= maxTokens) return [word];
  const characters = [...word];
  // Of four bytes each at most.
  const size = Math.floor(maxTokens * 0.8);
  return Array.from({ length: Math.ceil(characters.length / size) }, (_, at) =>
    characters.slice(at * size, (at + 1) * size).join(""),
  );
}

function joined(parts: readonly string[], between: string, maxTokens: number): readonly string[] {
  const whole: string[] = [];
  for (const part of parts.filter((one) => one.trim() !== "")) {
    const last = whole.at(-1);
    const longer = last === undefined ? part : `${last}${between}${part}`;
    if (last !== undefined && estimateTokens(longer) <= maxTokens) whole[whole.length - 1] = longer;
    else whole.push(part);
  }
  return whole;
}

function cut(text: string, characters: number): string {
  if (text.length <= characters) return text;
  return `${text
    .slice(0, characters - 1)
    .toWellFormed()
    .trimEnd()}…`;
}
