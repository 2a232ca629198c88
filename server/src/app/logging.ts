import type { LogFields, Logger } from "@troupe/contracts";
import { createLogger, type LogLevel } from "../kit/index.ts";

export interface AdjustableLogger extends Logger {
  /** Takes effect at once, for children too. */
  setLevel(level: LogLevel): void;
  /** The level it was made with. */
  readonly initialLevel: LogLevel;
  /** From now on no line holds one of these texts, wherever it comes from. */
  hide(values: readonly string[]): void;
  /** A text without what was hidden. */
  redact(text: string): string;
}

const RANKS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };

/** A shorter text stands in too many places by chance; hiding it would spoil the log and tell where it stood. */
const SHORTEST_HIDDEN = 6;

/** A logger whose level can change while it is in use. On a terminal it writes lines for people, else JSON. */
export function createAdjustableLogger(options: {
  readonly level: LogLevel;
  readonly isTerminal: boolean;
  readonly write?: (line: string) => void;
}): AdjustableLogger {
  const { write = (line: string) => void process.stderr.write(line) } = options;
  const hidden = new Set<string>();
  const withoutHidden = (line: string): string => {
    let shown = line;
    for (const text of hidden) if (shown.includes(text)) shown = shown.replaceAll(text, "[redacted]");
    return shown;
  };
  const destination = options.isTerminal
    ? { write: (line: string) => write(forPeople(line)) }
    : options.write === undefined
      ? 2
      : { write };
  const root = createLogger({ level: "debug", destination, rewrite: withoutHidden });
  let rank = RANKS[options.level];

  const wrap = (sink: Logger): Logger => {
    const at = (level: Exclude<LogLevel, "silent">) => (event: string, fields?: LogFields) => {
      if (RANKS[level] >= rank) sink[level](event, fields);
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (fields) => wrap(sink.child(fields)),
    };
  };

  return {
    ...wrap(root),
    initialLevel: options.level,
    redact: withoutHidden,
    setLevel(level) {
      rank = RANKS[level];
    },
    hide(values) {
      for (const value of values) {
        if (value.length < SHORTEST_HIDDEN) continue;
        hidden.add(value);
        // As it stands inside a line, which is JSON.
        hidden.add(JSON.stringify(value).slice(1, -1));
      }
    },
  };
}

/** `07:12:03 warn  model.failed  provider=local error="The model …"`, made from one JSON line. */
export function forPeople(line: string): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line);
  } catch {
    return line;
  }
  const { level, time, event, ...fields } = record;
  const clock = typeof time === "string" ? new Date(time).toTimeString().slice(0, 8) : "";
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`);
  return `${[clock, String(level).padEnd(5), String(event), ...rest].join(" ").trimEnd()}\n`;
}

function fieldText(value: unknown): string {
  if (
    typeof value === "object" &&
    value !== null &&
    "message" in value &&
    typeof value.message === "string"
  ) {
    return JSON.stringify(value.message);
  }
  return typeof value === "number" || typeof value === "boolean" || /^[\w./:@-]+$/.test(String(value))
    ? String(value)
    : JSON.stringify(value);
}
