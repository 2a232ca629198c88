import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { ErrorCode } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { redactText } from "../kit/index.ts";
import { ERROR_STATUS, openAiType, titleOf } from "./error-status.ts";

/** A whole answer. Kept plain, so that it goes to the node response without a web object in between. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The same with a body that is no text. */
export interface BytesReply extends Omit<Reply, "body"> {
  readonly body: Uint8Array;
}

/** A `Response` is passed on as it is: a stream, or the mark that the handler writes by itself. */
export type Answer = Reply | BytesReply | Response;

/** Which shape errors take: RFC 9457 problem details, or OpenAI's `error` object. */
export type Dialect = "problem" | "openai";

export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

const JSON_HEADERS = { "content-type": "application/json; charset=utf-8", ...SECURITY_HEADERS };
const PROBLEM_HEADERS = { "content-type": "application/problem+json", ...SECURITY_HEADERS };

export function jsonReply(
  value: unknown,
  options: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Reply {
  const headers = options.headers === undefined ? JSON_HEADERS : { ...JSON_HEADERS, ...options.headers };
  return { status: options.status ?? 200, headers, body: JSON.stringify(value) };
}

export function emptyReply(status: number): Reply {
  return { status, headers: SECURITY_HEADERS, body: "" };
}

/** A failed check of one named field of a request. */
export class FieldError extends TroupeError {
  /** Path of the field, as a client would write it: `messages[2].content`. */
  readonly field: string;

  constructor(field: string, message: string) {
    super(message, { code: "request.invalid" });
    this.field = field;
  }
}

/** What an error answer tells. */
export interface Failure {
  readonly code: ErrorCode;
  /** Where HTTP says it more exactly than the code's own status. */
  readonly status?: number;
  /** One sentence for people. */
  readonly message: string;
  readonly field?: string;
  readonly turnId?: string;
  readonly sessionId?: string;
  readonly retryAfterMs?: number;
  /** Where the same request got: a repetition would only be told the same. */
  readonly isFinal?: boolean;
}

/** What may be told of an error; undefined for one that nobody planned for. */
export function failureOf(error: unknown): Failure | undefined {
  if (!TroupeError.is(error)) return undefined;
  return {
    code: error.code,
    message: redactText(error.message),
    ...(error instanceof FieldError ? { field: error.field } : {}),
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  };
}

/** For an error that nobody planned for: it is logged, and the client learns nothing of it. */
export const UNPLANNED: Failure = {
  code: "internal",
  message: "Something went wrong inside. The log tells more.",
};

export function failureReply(failure: Failure, dialect: Dialect): Reply {
  const { status = ERROR_STATUS[failure.code] } = failure;
  const headers: Record<string, string> = {
    ...(dialect === "openai" ? JSON_HEADERS : PROBLEM_HEADERS),
    ...retryHeaders(failure, status),
  };
  if (status === 401) headers["www-authenticate"] = 'Bearer realm="troupe"';
  if (failure.turnId !== undefined) headers["x-troupe-turn"] = failure.turnId;
  if (failure.sessionId !== undefined) headers["x-troupe-session"] = failure.sessionId;
  const body = dialect === "openai" ? openAiError(failure) : problemText(failure, status);
  return { status, headers, body };
}

/** `{"error":{…}}` as OpenAI's clients read it, with our code. */
export function openAiError(failure: Failure): string {
  return JSON.stringify({
    error: {
      message: failure.message,
      type: openAiType(failure.code),
      code: failure.code,
      param: failure.field ?? null,
      ...(failure.turnId === undefined ? {} : { turn_id: failure.turnId }),
    },
  });
}

/** RFC 9457 problem details. `type` names the code where our error reference explains it. */
function problemText(failure: Failure, status: number): string {
  return JSON.stringify({
    type: `urn:troupe:error:${failure.code}`,
    title: titleOf(status),
    status,
    detail: failure.message,
    code: failure.code,
    ...(failure.turnId === undefined
      ? {}
      : { instance: `/api/turns/${failure.turnId}`, turnId: failure.turnId }),
    ...(failure.field === undefined ? {} : { field: failure.field }),
  });
}

/** `retry-after-ms` and `x-should-retry` are what OpenAI's clients look at first. Source: openai npm client, `shouldRetry`. */
function retryHeaders(failure: Failure, status: number): Readonly<Record<string, string>> {
  if (failure.isFinal === true || status === 409) return { "x-should-retry": "false" };
  const waitMs = failure.retryAfterMs ?? (failure.code === "not_ready" ? 1_000 : undefined);
  if (waitMs === undefined) return {};
  return {
    "retry-after": String(Math.max(1, Math.ceil(waitMs / 1_000))),
    "retry-after-ms": String(Math.ceil(waitMs)),
  };
}

/** Writes an answer to the node response where there is one, and makes a web response where there is none. */
export function deliver(answer: Answer, node: HttpBindings | undefined): Response {
  if (answer instanceof Response) return answer;
  if (node === undefined) {
    return new Response(answer.body.length === 0 ? null : (answer.body as string), {
      status: answer.status,
      headers: answer.headers,
    });
  }
  const { outgoing } = node;
  if (outgoing.headersSent || outgoing.destroyed) return RESPONSE_ALREADY_SENT;
  outgoing.writeHead(answer.status, {
    ...answer.headers,
    "content-length": Buffer.byteLength(answer.body),
  });
  outgoing.end(answer.body);
  return RESPONSE_ALREADY_SENT;
}

/** Writes an answer where there is no node response: to a connection that never became a request. It ends with it. */
export function deliverRaw(socket: Duplex, { status, headers, body }: Reply): void {
  if (!socket.writable) return void socket.destroy();
  const all = { ...headers, "content-length": String(Buffer.byteLength(body)), connection: "close" };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`);
}
