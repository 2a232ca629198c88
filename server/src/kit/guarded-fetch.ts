import { lookup as systemLookup } from "node:dns";
import type { IncomingMessage, RequestOptions } from "node:http";
import { isIP, type LookupFunction } from "node:net";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { type CallOptions, TroupeError } from "@troupe/contracts";
import { isPublicAddress } from "./public-address.ts";

export interface GuardedFetchOptions extends CallOptions {
  /** Longest body, after unpacking. */
  readonly maxBytes: number;
  /** For all of it: redirects, headers and body. */
  readonly timeoutMs: number;
  /** Names and addresses of one's own network that may be asked all the same. Default: none. */
  readonly privateHosts?: readonly string[];
  /** Sent with `accept`. Default: anything. */
  readonly accept?: string;
  /** Default: the system's. */
  readonly lookup?: LookupFunction;
}

export interface FetchedPage {
  /** Where the answer came from, after redirects. */
  readonly url: string;
  readonly bytes: Uint8Array;
  /** Without parameters, in lower case; empty where the server says none. */
  readonly mediaType: string;
  readonly charset: string | undefined;
}

/** How what is asked is called, and which setting opens one's own network for it. */
interface Words {
  readonly what: string;
  readonly refused: string;
  readonly setting: string;
}

const PAGE: Words = {
  what: "The page",
  refused: "which no page may lead to",
  setting: "knowledge.privateHosts",
};
const MAX_REDIRECTS = 5;
const LONGEST_WAIT_MS = 24 * 3_600_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Fetches a page of the public internet. Every address that it connects to is looked at when it connects, so neither a name
 * that leads inside nor a redirect gets there. Rejects with `request.invalid` for an address that may not be asked and for
 * one that answers otherwise than with a page, and with the signal's reason.
 */
export async function guardedFetch(address: string, options: GuardedFetchOptions): Promise<FetchedPage> {
  const isOwn = (host: string): boolean => options.privateHosts?.includes(host.toLowerCase()) === true;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
  const lookup = guardedLookup(options.lookup ?? systemLookup, isOwn);
  const headers = { accept: options.accept ?? "*/*", "accept-encoding": "gzip", "user-agent": "Troupe" };
  let url = publicUrl(address, isOwn, PAGE);
  try {
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await ask(url, { method: "GET", lookup, headers, signal });
      // Whatever it is answered with, the connection ends here: a body that nobody reads would hold it.
      using _ = { [Symbol.dispose]: () => void response.destroy() };
      const { statusCode: status = 0, headers: told } = response;
      if (!REDIRECTS.has(status) || told.location === undefined) {
        if (status < 200 || status > 299) throw refusal(PAGE, url, `answered with status ${status}`);
        const bytes = await readBody(PAGE, url, response, { maxBytes: options.maxBytes, signal });
        return { url: url.href, bytes, ...typeOf(told["content-type"] ?? "") };
      }
      url = publicUrl(new URL(told.location, url).href, isOwn, PAGE);
    }
    throw refusal(PAGE, url, `leads on more than ${MAX_REDIRECTS} times`);
  } catch (error) {
    throw options.signal.aborted ? options.signal.reason : troubleOf(PAGE, url, error, signal.aborted);
  }
}

export interface GuardedCallOptions
  extends Words,
    Omit<GuardedFetchOptions, "accept">,
    Required<Pick<RequestOptions, "method">> {
  readonly headers: Readonly<Record<string, string>>;
  /** JSON; absent: none. */
  readonly body?: string;
}

export interface GuardedAnswer {
  /** Whatever the server says; a redirect is one too, and is not followed. */
  readonly status: number;
  readonly bytes: Uint8Array;
  /** Milliseconds that the server asks to wait, whole and at most a day: whatever it says becomes a time in the store. */
  readonly retryAfterMs: number | undefined;
}

/**
 * One call of a service by HTTP and JSON, guarded as `guardedFetch` is. Rejects with `request.invalid` for an address that may not be
 * asked, `channel.unavailable` (retryable) where nothing answers in time, and with the signal's reason.
 */
export async function guardedCall(address: string, options: GuardedCallOptions): Promise<GuardedAnswer> {
  const { method, body, privateHosts, maxBytes, timeoutMs } = options;
  const isOwn = (host: string): boolean => privateHosts?.includes(host.toLowerCase()) === true;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)]);
  const lookup = guardedLookup(options.lookup ?? systemLookup, isOwn);
  const common = { accept: "application/json", "accept-encoding": "gzip", "user-agent": "Troupe" };
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const headers = { ...common, ...type, ...options.headers };
  const url = publicUrl(address, isOwn, options);
  try {
    const response = await ask(url, { method, lookup, headers, signal }, body);
    using _ = { [Symbol.dispose]: () => void response.destroy() };
    const bytes = await readBody(options, url, response, { maxBytes, signal });
    const seconds = Number(response.headers["retry-after"] ?? Number.NaN);
    const retryAfterMs = seconds >= 0 ? Math.min(Math.ceil(seconds * 1_000), LONGEST_WAIT_MS) : undefined;
    return { status: response.statusCode ?? 0, bytes, retryAfterMs };
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    const trouble = troubleOf(options, url, error, signal.aborted);
    if (error === trouble || isPrivacy(error)) throw trouble;
    const { message } = trouble as Error;
    throw new TroupeError(message, { code: "channel.unavailable", retryable: true, cause: error });
  }
}

/** One connection for one answer: nothing is kept open, and no address is used that was not looked at. */
async function ask(
  url: URL,
  options: Pick<RequestOptions, "lookup" | "signal" | "method"> & {
    readonly headers: Record<string, string>;
  },
  body?: string,
): Promise<IncomingMessage> {
  const { request } = await (url.protocol === "https:" ? import("node:https") : import("node:http"));
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request(url, { ...options, agent: false }, resolve)
    .on("error", reject)
    .end(body);
  return promise;
}

/** `text/html; charset=utf-8` in its parts. */
function typeOf(header: string): Pick<FetchedPage, "mediaType" | "charset"> {
  const [type = "", ...parameters] = header.split(";");
  const charset = parameters
    .map((one) => /^\s*charset\s*=\s*"?([\w-]+)"?\s*$/i.exec(one)?.[1])
    .find((one) => one !== undefined);
  return { mediaType: type.trim().toLowerCase(), charset };
}

function publicUrl(address: string, isOwn: (host: string) => boolean, words: Words): URL {
  const url = URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new TroupeError(`"${address.slice(0, 200)}" is no address that begins with http:// or https://.`, {
      code: "request.invalid",
    });
  }
  if (url.username !== "" || url.password !== "")
    throw refusal(words, url, "has a name and password in it, which Troupe does not keep");
  url.hash = "";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0 && !isPublicAddress(host) && !isOwn(host)) throw isPrivate(words, url);
  return url;
}

/** Connecting asks this for the addresses of a name, and gets those alone that may be asked. */
function guardedLookup(lookup: LookupFunction, isOwn: (host: string) => boolean): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, "");
      const all = typeof found === "string" ? [{ address: found, family: isIP(found) }] : found;
      const allowed = isOwn(host) ? all : all.filter(({ address }) => isPublicAddress(address));
      const [first] = allowed;
      if (first === undefined) return callback(new PrivateAddress(), "");
      if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

class PrivateAddress extends Error {}

async function readBody(
  words: Words,
  url: URL,
  response: IncomingMessage,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const packing = response.headers["content-encoding"]?.toLowerCase() ?? "identity";
  if (packing !== "identity" && packing !== "gzip")
    throw refusal(words, url, `is packed as "${packing.slice(0, 40)}"`);
  const pieces: Uint8Array[] = [];
  let length = 0;
  const collect = async (body: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const piece of body) {
      length += piece.length;
      if (length > maxBytes) throw refusal(words, url, `is longer than ${maxBytes} bytes`);
      pieces.push(piece);
    }
  };
  if (packing === "gzip") await pipeline(response, createGunzip(), collect, { signal });
  else await pipeline(response, collect, { signal });
  return Buffer.concat(pieces);
}

function troubleOf(words: Words, url: URL, error: unknown, isLate: boolean): unknown {
  if (TroupeError.is(error)) return error;
  if (isLate) return refusal(words, url, "did not answer in time", error);
  if (isPrivacy(error)) return isPrivate(words, url);
  return refusal(words, url, "does not answer", error);
}

function isPrivacy(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof PrivateAddress) return true;
  return false;
}

function isPrivate(words: Words, url: URL): TroupeError {
  return refusal(
    words,
    url,
    `is in a private network, ${words.refused}. An operator may name its host in ${words.setting} of troupe.yaml`,
  );
}

/** Without query and path: they may hold what no log may show. */
function refusal({ what }: Words, url: URL, problem: string, cause?: unknown): TroupeError {
  return new TroupeError(`${what} at ${url.origin} ${problem}.`, { code: "request.invalid", cause });
}
