import { createRequire } from "node:module";
import type { LogFields, Logger } from "@troupe/contracts";
import type { Logger as Pino } from "pino";

const load = createRequire(import.meta.url);

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Field names whose values never reach a log, at any of the first three levels. */
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  "apiKey",
  "authorization",
  "cookie",
  "key",
  "password",
  "secret",
  "token",
]);
const REDACTED_LEVELS = 3;
const REDACTED = "[redacted]";

/** The same fields without secrets; the same object where there are none. pino's own `redact` costs 10 µs a line. */
export function withoutSecrets(fields: object, levels: number = REDACTED_LEVELS): object {
  let copy: Record<string, unknown> | undefined;
  for (const [name, value] of Object.entries(fields)) {
    let shown = value;
    if (SECRET_FIELDS.has(name)) shown = REDACTED;
    else if (levels > 1 && typeof value === "object" && value !== null && !(value instanceof Error)) {
      shown = withoutSecrets(value, levels - 1);
    }
    if (shown !== value) {
      copy ??= { ...fields };
      copy[name] = shown;
    }
  }
  return copy ?? fields;
}

/** What a secret looks like inside a text: our keys, bearer headers, the keys of common providers, credentials in URLs. */
const SECRET_TEXT =
  /\b(?:trp_[A-Za-z0-9_-]{8,}|sk-[A-Za-z0-9_-]{8,}|xox[a-z]-[A-Za-z0-9-]{8,})|(?<=\bBearer\s)[A-Za-z0-9._~+/=-]{8,}|(?<=:\/\/[^/\s:@]*:)[^/\s@]+(?=@)/g;

/** Replaces what looks like a secret. For texts that come from outside: error messages, addresses. */
export function redactText(text: string): string {
  return text.replace(SECRET_TEXT, REDACTED);
}

/** JSON lines to `destination` (a file descriptor number, default standard error), secrets redacted in the one place. */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly destination?: { write(line: string): void } | number;
  /** Each whole line goes through it. */
  readonly rewrite?: (line: string) => string;
}): Logger {
  const { rewrite } = options;
  // Loaded with the first logger: threads of the store take a clock from this folder, and never log.
  const { pino, stdTimeFunctions } = load("pino") as typeof import("pino");
  const sink: { write(line: string): unknown } =
    typeof options.destination === "object"
      ? options.destination
      : pino.destination({ fd: options.destination ?? 2, sync: true });
  const destination =
    rewrite === undefined ? sink : { write: (line: string) => void sink.write(rewrite(line)) };
  const root = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      messageKey: "event",
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => withoutSecrets(fields) as Record<string, unknown>,
        bindings: (fields) => withoutSecrets(fields) as Record<string, unknown>,
      },
      serializers: { error: serializeError },
    },
    destination,
  );
  return wrap(root);
}

type Sink = Pick<Pino, "debug" | "info" | "warn" | "error" | "child">;

function wrap(sink: Sink): Logger {
  const at = (level: "debug" | "info" | "warn" | "error") => (event: string, fields?: LogFields) => {
    if (fields === undefined) sink[level](event);
    else sink[level](fields, event);
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => wrap(sink.child(fields)),
  };
}

function serializeError(value: unknown): unknown {
  if (!(value instanceof Error)) return typeof value === "string" ? redactText(value) : value;
  const { name, message, stack, cause } = value;
  return {
    name,
    message: redactText(message),
    ...("code" in value ? { code: value.code } : {}),
    ...(stack === undefined ? {} : { stack: redactText(stack) }),
    ...(cause === undefined ? {} : { cause: serializeError(cause) }),
  };
}
