import type { LogFields, Logger } from "@troupe/contracts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly event: string;
  readonly fields: LogFields;
}

/** A logger that keeps its lines, those of its children included. */
export interface LogRecorder extends Logger {
  readonly lines: readonly LogLine[];
  /** Events at `warn` and `error`, in order. */
  troubles(): readonly string[];
}

export function createLogRecorder(): LogRecorder {
  const lines: LogLine[] = [];
  const bind = (bound: LogFields): Logger => {
    const at = (level: LogLine["level"]) => (event: string, fields?: LogFields) =>
      void lines.push({ level, event, fields: { ...bound, ...fields } });
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (fields) => bind({ ...bound, ...fields }),
    };
  };
  return {
    ...bind({}),
    lines,
    troubles: () =>
      lines.filter(({ level }) => level === "warn" || level === "error").map(({ event }) => event),
  };
}
