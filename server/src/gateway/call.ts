import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import type { Principal } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { Context } from "hono";
import { FieldError } from "./reply.ts";

/** In process there is no connection, so nothing is bound. */
export interface FaceEnv {
  Bindings: Partial<HttpBindings>;
}

/** A request on its way to a route. */
export interface PublicCall {
  readonly context: Context<FaceEnv>;
  /** The node objects, for reading and writing without web streams; undefined in process. */
  readonly node: HttpBindings | undefined;
}

export interface Call extends PublicCall {
  readonly principal: Principal;
}

export function nodeOf(context: Context<FaceEnv>): HttpBindings | undefined {
  const { incoming, outgoing } = context.env ?? {};
  return incoming === undefined || outgoing === undefined ? undefined : { incoming, outgoing };
}

/** What has headers: a request on its way to a route, or one that becomes a WebSocket and has no context. */
export interface Headed {
  readonly context?: Context<FaceEnv>;
  readonly node: Pick<HttpBindings, "incoming"> | undefined;
}

export function headerOf(call: Headed, name: string): string | undefined {
  if (call.node === undefined) return call.context?.req.header(name);
  const value = call.node.incoming.headers[name];
  return typeof value === "string" ? value : value?.[0];
}

/**
 * The body as text. Rejects with `request.too_large` as soon as that is certain, without reading on, and with
 * `request.invalid` when it is not JSON by its type or not UTF-8.
 */
export async function readBody(call: PublicCall, limitBytes: number): Promise<string> {
  const type = headerOf(call, "content-type");
  if (type !== undefined && !/^application\/(?:[\w.-]+\+)?json\b/i.test(type)) {
    throw new TroupeError(
      `The body is "${type.slice(0, 80)}"; send JSON, with content-type: application/json.`,
      {
        code: "request.invalid",
      },
    );
  }
  const bytes =
    call.node === undefined
      ? Buffer.from(await call.context.req.raw.arrayBuffer())
      : await readIncoming(call.node.incoming, limitBytes);
  if (bytes.length > limitBytes) throw tooLarge(limitBytes);
  if (!isUtf8(bytes)) throw new TroupeError("The body is not valid UTF-8.", { code: "request.invalid" });
  return bytes.toString("utf8");
}

/** Far more than people nest; writing a value out again takes the stack, once a level. */
const MOST_DEPTH = 128;

/** Rejects what is not JSON, and what is nested deeper than it could be written out again, with `request.invalid`. */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : "";
    throw new TroupeError(`The body is not JSON: ${detail.slice(0, 160)}`, {
      code: "request.invalid",
      cause,
    });
  }
  if (!isDeeper(text, value)) return value;
  throw new TroupeError(`The body is nested deeper than ${MOST_DEPTH} levels.`, { code: "request.invalid" });
}

/** Each level has a bracket: where there are few, as in most messages, nothing is walked through. */
function isDeeper(text: string, value: unknown): boolean {
  let left = MOST_DEPTH;
  for (const open of ["{", "["]) {
    for (let at = text.indexOf(open); at >= 0 && left >= 0; at = text.indexOf(open, at + 1)) left -= 1;
  }
  return left < 0 && hasLevels(value, MOST_DEPTH + 1);
}

function hasLevels(value: unknown, levels: number): boolean {
  if (levels === 0) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some((inner) => hasLevels(inner, levels - 1));
}

function readIncoming(incoming: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(incoming.headers["content-length"] ?? 0) > limitBytes) return reject(tooLarge(limitBytes));
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = (): void => {
      incoming.off("data", onData);
      incoming.off("end", onEnd);
      incoming.off("close", onCut);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= limitBytes) return;
      stop();
      incoming.pause();
      reject(tooLarge(limitBytes));
    };
    const onEnd = (): void => {
      stop();
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size));
    };
    const onCut = (): void => {
      stop();
      reject(
        new TroupeError("The connection ended before the whole request was there.", {
          code: "request.invalid",
        }),
      );
    };
    incoming.on("data", onData);
    incoming.on("end", onEnd);
    incoming.on("close", onCut);
    // It broke while the key was looked up.
    if (incoming.destroyed) onCut();
  });
}

function tooLarge(limitBytes: number): TroupeError {
  return new TroupeError(`The body is larger than ${limitBytes} bytes.`, { code: "request.too_large" });
}

/** Calls back once when the client goes away before its answer is complete. */
export function onDisconnect(call: PublicCall, gone: () => void): Disposable {
  if (call.node === undefined) {
    const { signal } = call.context.req.raw;
    signal.addEventListener("abort", gone, { once: true });
    if (signal.aborted) queueMicrotask(gone);
    return { [Symbol.dispose]: () => signal.removeEventListener("abort", gone) };
  }
  const { outgoing } = call.node;
  const closed = (): void => {
    if (!outgoing.writableFinished) gone();
  };
  outgoing.once("close", closed);
  if (outgoing.destroyed) queueMicrotask(closed);
  return { [Symbol.dispose]: () => outgoing.off("close", closed) };
}

const LONGEST_NAME = 200;

/** A header that names something (a session, an idempotency key), checked for length. */
export function nameHeader(call: PublicCall, name: string): string | undefined {
  const value = headerOf(call, name)?.trim();
  if (value === undefined || value === "") return undefined;
  if (value.length > LONGEST_NAME) {
    throw new FieldError(name, `The header ${name} is longer than ${LONGEST_NAME} characters.`);
  }
  return value;
}

/** `cursor` and `limit` of a list. */
export function pageOf(call: PublicCall): { readonly cursor?: string; readonly limit?: number } {
  const cursor = call.context.req.query("cursor");
  const limit = call.context.req.query("limit");
  if (limit !== undefined && !/^(?:[1-9]\d?|1\d\d|200)$/.test(limit)) {
    throw new FieldError(
      "limit",
      `limit is "${limit.slice(0, 20)}"; it must be a whole number from 1 to 200.`,
    );
  }
  return {
    ...(cursor === undefined || cursor === "" ? {} : { cursor }),
    ...(limit === undefined ? {} : { limit: Number(limit) }),
  };
}
