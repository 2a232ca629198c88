import type {
  ModelMessage,
  TapeCall,
  TapeEnd,
  TapeJoin,
  TapeLine,
  TapeToolCall,
  TapeTurn,
  ToolSpec,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";

/** A tape that was read: whole, and every line of it understood. */
export interface Tape {
  readonly head: TapeTurn;
  readonly calls: readonly TapeCall[];
  readonly toolCalls: readonly TapeToolCall[];
  readonly joins: readonly TapeJoin[];
  readonly end: TapeEnd;
  /** Throws `request.invalid` where the tape lacks one. */
  messages(numbers: readonly number[]): readonly ModelMessage[];
  tools(number: number): readonly ToolSpec[];
}

/** The values of JSON Lines. Throws `request.invalid`, naming the line. */
export function tapeLines(text: string): readonly unknown[] {
  return text.split("\n").flatMap((line, at) => {
    if (line.trim() === "") return [];
    try {
      return [JSON.parse(line) as unknown];
    } catch (cause) {
      throw invalid(`line ${at + 1} is not JSON`, cause);
    }
  });
}

/** Reads the lines of a tape, to replay it. Throws `request.invalid` for what is no tape, is cut, or is of another version. */
export function readTape(lines: readonly unknown[]): Tape {
  const known = lines.map(checkedLine);
  const [head] = known;
  const end = known.at(-1);
  if (end?.kind === "tape.end" && end.cut !== undefined) {
    throw new TroupeError(`This tape is not whole, so it can be read and not replayed. ${end.cut}`, {
      code: "request.invalid",
    });
  }
  if (head?.kind !== "tape.turn") throw invalid('its first line is not of the kind "tape.turn"');
  if (end?.kind !== "tape.end")
    throw invalid('its last line is not of the kind "tape.end"; lines are missing');
  const messages = new Map<number, ModelMessage>();
  const tools = new Map<number, readonly ToolSpec[]>();
  for (const line of known) {
    if (line.kind === "tape.message") messages.set(line.n, line.message);
    else if (line.kind === "tape.tools") tools.set(line.n, line.tools);
  }
  const named = <Found>(from: ReadonlyMap<number, Found>, what: string, n: number): Found => {
    const found = from.get(n);
    if (found === undefined) throw invalid(`${what} ${n} is named and not there`);
    return found;
  };
  const ofKind = <Kind extends TapeLine["kind"]>(kind: Kind) =>
    known.filter((line): line is Extract<TapeLine, { kind: Kind }> => line.kind === kind);
  return {
    ...{ head, end },
    calls: ofKind("tape.call"),
    toolCalls: ofKind("tape.tool"),
    joins: ofKind("tape.join"),
    messages: (numbers) => numbers.map((n) => named(messages, "message", n)),
    tools: (n) => named(tools, "list of tools", n),
  };
}

/** What a line of each kind cannot do without. Whoever hands over a file may have changed it. */
const NEEDED: Readonly<Record<TapeLine["kind"], readonly string[]>> = {
  "tape.turn": ["turn", "session", "principal", "inbound", "choices", "history", "contributions", "journal"],
  "tape.message": ["n", "message"],
  "tape.tools": ["n", "tools"],
  "tape.join": ["step", "message"],
  "tape.call": ["n", "step", "messages", "tools", "settings", "failed", "parts"],
  "tape.tool": ["n", "name", "arguments", "rule", "text"],
  "tape.end": ["state", "reply"],
};

function checkedLine(value: unknown, at: number): TapeLine {
  const line = value as Readonly<Record<string, unknown>> | null;
  const kind = typeof line === "object" && line !== null ? line.kind : undefined;
  const needed = NEEDED[kind as TapeLine["kind"]];
  if (line === null || needed === undefined) throw invalid(`line ${at + 1} is of no kind that a tape has`);
  if (line.v !== 1)
    throw invalid(`line ${at + 1} is of version ${String(line.v)}; this Troupe reads version 1`);
  const missing = needed.find((name) => line[name] === undefined);
  if (missing !== undefined) throw invalid(`line ${at + 1} has no "${missing}"`);
  return value as TapeLine;
}

function invalid(what: string, cause?: unknown): TroupeError {
  return new TroupeError(`This is no tape that can be replayed: ${what}. ./troupe turn tape ID writes one.`, {
    code: "request.invalid",
    cause,
  });
}
