import { type Clock, type ErrorCode, TroupeError } from "@troupe/contracts";
import { redactText, safeText } from "../../kit/index.ts";
import type { WireError } from "./wire.ts";

/** Longest quotation of a provider's own words, in characters. */
const MAX_QUOTE = 200;

const CONTEXT_WORDS =
  /context.?(length|window|size)|maximum context|too many (input )?tokens|prompt is too long|exceeds? the (available )?context|input token count.{0,40}exceeds/i;
const BILLING_WORDS =
  /insufficient_quota|insufficient.?(balance|credit|funds)|credit balance|billing|exceeded your current quota/i;
/** Google says "quota" of its limits a minute too, and then when to come again. */
const SOON_AGAIN = /"retryDelay":\s*"(\d+(?:\.\d+)?)s"/;
const KEY_WORDS =
  /(invalid|incorrect|not valid).{0,20}api.?key|api.?key.{0,20}(invalid|incorrect|not valid)/i;
const MODEL_WORDS = /model_not_found|model .{1,120}(not found|does not exist)/i;

/** What an error is made of, and who it is about. */
export interface FailureContext {
  /** How its sentences begin: `The model "local/llama3.2"`. */
  readonly subject: string;
  /** The key and the values of configured headers: never repeated to anybody, even when the provider does. */
  readonly secrets: readonly string[];
  readonly clock: Clock;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** One sentence that begins with its subject; the router joins several of them into one. */
export function modelError(
  context: FailureContext,
  code: ErrorCode,
  predicate: string,
  options: {
    readonly retryable?: boolean;
    readonly retryAfterMs?: number | undefined;
    readonly cause?: unknown;
  } = {},
): TroupeError {
  return new TroupeError(`${context.subject} ${predicate}.`, {
    code,
    retryable: options.retryable ?? false,
    ...(options.retryAfterMs === undefined ? {} : { retryAfterMs: options.retryAfterMs }),
    ...(options.cause === undefined ? {} : { cause: options.cause }),
  });
}

/** An answer with another status than 200. */
export function statusError(
  context: FailureContext,
  status: number,
  headers: Headers,
  body: string,
): TroupeError {
  const said = readErrorBody(body);
  const words = `${text(said.code)} ${text(said.type)} ${text(said.message)}`;
  const quote = quoted(context, text(said.message));
  const soonAgain = SOON_AGAIN.exec(body)?.[1];
  const retryAfterMs =
    readRetryAfter(headers, context.clock.now()) ??
    (soonAgain === undefined ? undefined : Math.round(Number(soonAgain) * 1000));
  const told = (predicate: string): string => `${predicate} (${status}${quote})`;
  if (status >= 300 && status < 400) {
    const target = redactText(String(headers.location ?? "elsewhere"));
    return modelError(
      context,
      "model.rejected",
      `sent us on to ${target} (${status}); set baseUrl to where it lives`,
    );
  }
  const isBilled = status === 400 || status === 403 || (status === 429 && soonAgain === undefined);
  if (status === 402 || (isBilled && BILLING_WORDS.test(words))) {
    return modelError(context, "model.billing", told("has no credit left on our account"));
  }
  if (status === 401 || status === 403 || (status === 400 && KEY_WORDS.test(words))) {
    return modelError(context, "model.auth", told("refused our key"));
  }
  if (status === 429) {
    const predicate = told("is receiving too many requests just now");
    return modelError(context, "model.rate_limited", predicate, { retryable: true, retryAfterMs });
  }
  if (status === 404 || (status === 400 && MODEL_WORDS.test(words))) {
    return modelError(context, "model.not_found", told("does not exist at its provider"));
  }
  if (status === 413 || (status < 500 && CONTEXT_WORDS.test(words))) {
    return modelError(context, "model.context_exceeded", told("cannot read a conversation of this length"));
  }
  if (status === 408 || status === 504) {
    const predicate = told("did not answer its own server in time");
    return modelError(context, "model.timeout", predicate, { retryable: true, retryAfterMs });
  }
  if (status >= 500) {
    return modelError(context, "model.unavailable", told("is out of order just now"), {
      retryable: true,
      retryAfterMs,
    });
  }
  return modelError(context, "model.rejected", told("refused the request"));
}

/** An error told inside an answer that began with status 200. `code` may be a status. */
export function streamedError(context: FailureContext, error: WireError): TroupeError {
  const status = Number(error.code);
  if (Number.isInteger(status) && status >= 400 && status < 600) {
    return statusError(context, status, {}, JSON.stringify({ error }));
  }
  const words = `${text(error.code)} ${text(error.type)} ${text(error.message)}`;
  const assumed = BILLING_WORDS.test(words)
    ? 402
    : CONTEXT_WORDS.test(words)
      ? 413
      : /rate.?limit/i.test(words)
        ? 429
        : 0;
  if (assumed !== 0) return statusError(context, assumed, {}, JSON.stringify({ error }));
  const quote = quoted(context, text(error.message));
  return modelError(context, "model.unavailable", `broke off its answer with an error${quote}`, {
    retryable: true,
  });
}

const CONNECT_TIMEOUT = "TROUPE_CONNECT_TIMEOUT";

/** What a socket is destroyed with when no connection stood in time. */
export function connectTimeout(afterMs: number): Error {
  return Object.assign(new Error(`No connection within ${inSeconds(afterMs)}.`), {
    code: CONNECT_TIMEOUT,
    afterMs,
  });
}

/** The request never reached its server, so that nobody can have billed it. */
export function wasNeverAsked({ cause }: TroupeError): boolean {
  return cause instanceof Error && "code" in cause && cause.code === CONNECT_TIMEOUT;
}

export function inSeconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

/** What the connection did. `hasAnswered`: part of an answer had come. */
export function transportError(context: FailureContext, error: Error, hasAnswered: boolean): TroupeError {
  if (TroupeError.is(error)) return error;
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  const unavailable = (predicate: string, retryable = true): TroupeError =>
    modelError(context, "model.unavailable", predicate, { retryable, cause: error });
  switch (code) {
    case CONNECT_TIMEOUT:
      return modelError(
        context,
        "model.timeout",
        `could not be connected to within ${inSeconds((error as Error & { afterMs: number }).afterMs)}`,
        { retryable: true, cause: error },
      );
    case "ECONNREFUSED":
      return unavailable("cannot be reached (connection refused)");
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return unavailable("cannot be reached (its host name is not known)");
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ETIMEDOUT":
    case "UND_ERR_CONNECT_TIMEOUT":
      return unavailable("cannot be reached (no way to its host)");
    case "UND_ERR_DESTROYED":
    case "UND_ERR_CLOSED":
      return unavailable("is not asked any more, because its connections are being closed");
    case "UND_ERR_INVALID_ARG":
      return modelError(
        context,
        "model.rejected",
        "cannot be asked: a header or the address of its provider is malformed",
        {
          cause: error,
        },
      );
    default:
  }
  if (error.name === "HTTPParserError" || code === "UND_ERR_HEADERS_OVERFLOW") {
    return modelError(context, "model.bad_response", "answered something that is not HTTP", {
      retryable: true,
      cause: error,
    });
  }
  if (/CERT|SELF_SIGNED|TLS|SSL|UNABLE_TO_/.test(code)) {
    return unavailable(`cannot be reached safely: its certificate is not accepted (${code})`, false);
  }
  return unavailable(
    hasAnswered
      ? "broke off in the middle of its answer (connection lost)"
      : "closed the connection before it answered",
  );
}

/** Nobody waits longer for a server that asks for it; a number without end would end in a time that no clock shows. */
const LONGEST_RETRY_AFTER_MS = 24 * 3_600_000;

/** Seconds, a date, or `retry-after-ms`, in milliseconds from now, at most a day. Source: RFC 9110 §10.2.3. */
function readRetryAfter(headers: Headers, nowMs: number): number | undefined {
  const within = (ms: number): number => Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, Math.round(ms)));
  const precise = Number(headers["retry-after-ms"] ?? Number.NaN);
  if (Number.isFinite(precise) && precise >= 0) return within(precise);
  const value = headers["retry-after"];
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return within(seconds * 1_000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : within(date - nowMs);
}

function readErrorBody(body: string): WireError {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null) return {};
    const inner = "error" in value ? value.error : value;
    if (typeof inner === "string") return { message: inner };
    if (typeof inner !== "object" || inner === null) return {};
    const detail = "detail" in inner && !("message" in inner) ? inner.detail : undefined;
    return detail === undefined ? inner : { message: detail };
  } catch {
    // A page of HTML says nothing that a person could use.
    return body.trimStart().startsWith("<") ? {} : { message: body };
  }
}

function quoted(context: FailureContext, message: string): string {
  const hidden = context.secrets.reduce((told, secret) => told.replaceAll(secret, "[redacted]"), message);
  const line = safeText(redactText(hidden)).replace(/\s+/g, " ").trim();
  if (line === "") return "";
  return `, it said: "${line.length > MAX_QUOTE ? `${line.slice(0, MAX_QUOTE)}…` : line}"`;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}
