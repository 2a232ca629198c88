import type { TapeEnd, TapeLine, TapePart } from "@troupe/contracts";
import { withoutSecrets } from "./logger.ts";

/** What makes one text of a line fit to be kept. */
export type Redact = (text: string) => string;

/** Lines as they are kept: redacted, and not more than `maxBytes` of UTF-8. */
export interface TapeText {
  readonly text: string;
  readonly bytes: number;
  /** Why lines are missing. */
  readonly cut: string | undefined;
}

/**
 * Writes a tape as JSON Lines. Past `maxBytes` it breaks off, and its last line says so: half a tape replays nothing, but
 * tells what was asked first.
 */
export function tapeText(
  lines: readonly TapeLine[],
  how: { readonly redact: Redact; readonly maxBytes: number },
): TapeText {
  const { redact, maxBytes } = how;
  const end = lines.findLast((line): line is TapeEnd => line.kind === "tape.end");
  const cutEnd = (from: TapeEnd): string => lineOf({ ...from, reply: "", cut: tooLong(maxBytes) }, redact);
  const last = end === undefined ? "" : lineOf(end, redact);
  let { cut } = end ?? {};
  const room = maxBytes - Buffer.byteLength(last);
  let text = "";
  let bytes = 0;
  for (const line of lines) {
    if (line.kind === "tape.end") continue;
    const next = lineOf(line, redact);
    const size = Buffer.byteLength(next);
    if (bytes + size > room) {
      cut ??= tooLong(maxBytes);
      break;
    }
    text += next;
    bytes += size;
  }
  const closing = cut === undefined || end === undefined ? last : cutEnd(end);
  return { text: text + closing, bytes: bytes + Buffer.byteLength(closing), cut };
}

export function tooLong(maxBytes: number): string {
  return `It is longer than ${maxBytes} bytes, which is the most that tape.maxBytes allows.`;
}

function lineOf(line: TapeLine, redact: Redact): string {
  const whole = line.kind === "tape.call" ? { ...line, parts: joinedWhereSecret(line.parts, redact) } : line;
  return `${JSON.stringify(redacted(whole, redact))}\n`;
}

/** A secret may come in pieces: then the pieces of its text become one, which is redacted as a whole. */
function joinedWhereSecret(parts: readonly TapePart[], redact: Redact): readonly TapePart[] {
  let kept = parts;
  for (const type of ["text-delta", "reasoning-delta"] as const) {
    let whole = "";
    for (const part of kept) if (part.type === type) whole += part.text;
    const clean = redact(whole);
    if (clean === whole) continue;
    const first = kept.find((part) => part.type === type);
    kept = kept.flatMap((part): TapePart[] => {
      if (part.type !== type) return [part];
      return part === first ? [{ ms: part.ms, type, text: clean }] : [];
    });
  }
  return kept;
}

/** The same value with every text in it redacted; the same object where nothing was to be hidden. */
export function redacted<Value>(value: Value, redact: Redact): Value {
  return redactedValue(value, redact, "") as Value;
}

function redactedValue(value: unknown, redact: Redact, name: string): unknown {
  if (typeof value === "string") return redact(name === "arguments" ? withoutSecretFields(value) : value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => redactedValue(item, redact, ""));
    return items.some((item, at) => item !== value[at]) ? items : value;
  }
  let copy: Record<string, unknown> | undefined;
  for (const [key, one] of Object.entries(value)) {
    const shown = redactedValue(one, redact, key);
    if (shown === one) continue;
    copy ??= { ...value };
    copy[key] = shown;
  }
  return copy ?? value;
}

/** What a model calls a tool with is JSON; fields that a log would not show are hidden in it too. */
function withoutSecretFields(text: string): string {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch {
    return text;
  }
  if (typeof input !== "object" || input === null) return text;
  const shown = withoutSecrets(input);
  return shown === input ? text : JSON.stringify(shown);
}
