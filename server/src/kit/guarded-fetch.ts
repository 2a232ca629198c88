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

const MAX_REDIRECTS = 5;
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
  let url = publicUrl(address, isOwn);
  try {
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await ask(url, { lookup, headers, signal });
      // Whatever it is answered with, the connection ends here: a body that nobody reads would hold it.
      using _ = { [Symbol.dispose]: () => void response.destroy() };
      const { statusCode: status = 0, headers: told } = response;
      if (!REDIRECTS.has(status) || told.location === undefined) {
        if (status < 200 || status > 299) throw refusal(url, `answered with status ${status}`);
        const bytes = await readBody(url, response, { maxBytes: options.maxBytes, signal });
        return { url: url.href, bytes, ...typeOf(told["content-type"] ?? "") };
      }
      url = publicUrl(new URL(told.location, url).href, isOwn);
    }
    throw refusal(url, `leads on more than ${MAX_REDIRECTS} times`);
  } catch (error) {
    throw options.signal.aborted ? options.signal.reason : troubleOf(url, error, signal.aborted);
  }
}

/** One connection for one answer: nothing is kept open, and no address is used that was not looked at. */
async function ask(
  url: URL,
  options: Pick<RequestOptions, "lookup" | "signal"> & { readonly headers: Record<string, string> },
): Promise<IncomingMessage> {
  const { request } = await (url.protocol === "https:" ? import("node:https") : import("node:http"));
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request(url, { ...options, agent: false }, resolve)
    .on("error", reject)
    .end();
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

function publicUrl(address: string, isOwn: (host: string) => boolean): URL {
  const url = URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new TroupeError(`"${address.slice(0, 200)}" is no address that begins with http:// or https://.`, {
      code: "request.invalid",
    });
  }
  if (url.username !== "" || url.password !== "")
    throw refusal(url, "has a name and password in it, which Troupe does not keep");
  url.hash = "";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0 && !isPublicAddress(host) && !isOwn(host)) throw isPrivate(url);
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
  url: URL,
  response: IncomingMessage,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const packing = response.headers["content-encoding"]?.toLowerCase() ?? "identity";
  if (packing !== "identity" && packing !== "gzip")
    throw refusal(url, `is packed as "${packing.slice(0, 40)}"`);
  const pieces: Uint8Array[] = [];
  let length = 0;
  const collect = async (body: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const piece of body) {
      length += piece.length;
      if (length > maxBytes) throw refusal(url, `is longer than ${maxBytes} bytes`);
      pieces.push(piece);
    }
  };
  if (packing === "gzip") await pipeline(response, createGunzip(), collect, { signal });
  else await pipeline(response, collect, { signal });
  return Buffer.concat(pieces);
}

function troubleOf(url: URL, error: unknown, isLate: boolean): unknown {
  if (TroupeError.is(error)) return error;
  if (isLate) return refusal(url, "did not answer in time", error);
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof PrivateAddress) return isPrivate(url);
  return refusal(url, "does not answer", error);
}

function isPrivate(url: URL): TroupeError {
  return refusal(
    url,
    "is in a private network, which no page may lead to. An operator may name its host in knowledge.privateHosts of troupe.yaml",
  );
}

/** Without query and path: they may hold what no log may show. */
function refusal(url: URL, what: string, cause?: unknown): TroupeError {
  return new TroupeError(`The page at ${url.origin} ${what}.`, { code: "request.invalid", cause });
}
