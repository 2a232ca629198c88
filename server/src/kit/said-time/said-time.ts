import { momentAt, spanAt } from "./moments.ts";
import { repeatedAt } from "./repetitions.ts";
import type { Read, SaidTime, Tokens } from "./types.ts";

const TOKEN = /\d{4}-\d{2}-\d{2}|\d{1,2}[:.]\d{2}(?!\d)|[\p{L}\p{N}]+(?:['’ʼ`-][\p{L}\p{N}]+)*/gu;
/** Longest time at the end of a text, in words. */
const MAX_WORDS = 14;
/** What of a text is looked at; a time stands at its beginning or its end. */
const MAX_CHARACTERS = 8_000;

/** The time that a text says, in English or Ukrainian, and nothing beside it; undefined for what is none. */
export function readSaidTime(text: string): SaidTime | undefined {
  const tokens = tokensOf(text);
  const read = timeAt(tokens, 0);
  return read?.next === tokens.length && read.value.kind !== "unclear" ? read.value : undefined;
}

/** A text without the time that it begins or ends with, and that time as it was said. */
export interface SplitTime {
  readonly when: string;
  readonly rest: string;
  /** It is said to be done again and again. */
  readonly isRepeated: boolean;
}

/** `in 10 minutes to stretch`, `to stretch in 10 minutes`, `tomorrow to call mum at 9`; undefined where no time is said. */
export function splitSaidTime(text: string): SplitTime | undefined {
  if (text.length > MAX_CHARACTERS) return undefined;
  const tokens = tokensOf(text);
  const first = timeAt(tokens, 0);
  const last = lastTime(tokens, first?.next ?? 0);
  if (first !== undefined && last !== undefined && areHalves(first.value, last.value)) {
    const [head, tail] = [textOf(text, tokens, 0, first.next), textOf(text, tokens, last.at, tokens.length)];
    const rest = text.slice(tokens[first.next - 1]?.end, tokens[last.at]?.start);
    return { when: `${head} ${tail}`, rest: trimmed(rest), isRepeated: false };
  }
  if (first !== undefined) {
    const rest = text.slice(tokens[first.next - 1]?.end ?? 0);
    return {
      when: textOf(text, tokens, 0, first.next),
      rest: trimmed(rest),
      isRepeated: isRepeated(first.value),
    };
  }
  if (last === undefined) return undefined;
  return {
    when: textOf(text, tokens, last.at, tokens.length),
    rest: trimmed(text.slice(0, tokens[last.at]?.start ?? 0)),
    isRepeated: isRepeated(last.value),
  };
}

function tokensOf(text: string): Tokens {
  return Array.from(text.matchAll(TOKEN), ({ 0: word, index }) => ({
    text: word.toLowerCase().replace(/[’ʼ`]/g, "'"),
    start: index,
    end: index + word.length,
  }));
}

function timeAt(tokens: Tokens, at: number): Read<SaidTime> | undefined {
  return repeatedAt(tokens, at) ?? spanAt(tokens, at) ?? momentAt(tokens, at);
}

/** The longest time that reaches to the end. */
function lastTime(
  tokens: Tokens,
  from: number,
): { readonly at: number; readonly value: SaidTime } | undefined {
  for (let at = Math.max(from, 1, tokens.length - MAX_WORDS); at < tokens.length; at++) {
    const read = timeAt(tokens, at);
    if (read?.next === tokens.length) return { at, value: read.value };
  }
  return undefined;
}

/** One says the day alone, the other the time of day alone. */
function areHalves(one: SaidTime, other: SaidTime): boolean {
  if (one.kind !== "at" || other.kind !== "at") return false;
  const [a, b] = one.day === undefined ? [other, one] : [one, other];
  return a.day !== undefined && a.clock === undefined && b.day === undefined && b.clock !== undefined;
}

function isRepeated({ kind }: SaidTime): boolean {
  return kind === "every" || kind === "pattern" || kind === "unclear";
}

function textOf(text: string, tokens: Tokens, from: number, to: number): string {
  return text.slice(tokens[from]?.start ?? 0, tokens[to - 1]?.end ?? 0);
}

/** Words that join a time to what is to be done. */
const JOINTS = /^[\s,:;–—-]*(?:(?:to|that|about|щоб|що)(?![\p{L}\p{N}'’ʼ-])[\s,]*)?/iu;

function trimmed(text: string): string {
  return text.replace(JOINTS, "").replace(/[\s,:;–—.!?…-]+$/u, "");
}
