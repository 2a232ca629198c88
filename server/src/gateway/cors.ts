import type { Headed } from "./call.ts";
import { headerOf } from "./call.ts";
import { type Reply, SECURITY_HEADERS } from "./reply.ts";

/**
 * Which other web pages may read our answers. They show a key like everybody; cookies are never allowed across origins,
 * so `*` is never said and `access-control-allow-credentials` neither. Source: fetch.spec.whatwg.org, CORS protocol.
 */
export interface Cors {
  /** Headers for whatever is answered to a page of an allowed origin; undefined for everybody else. */
  headersFor(call: Headed): Readonly<Record<string, string>> | undefined;
  /** The answer to a preflight; undefined where the page may not ask. */
  preflight(call: Headed): Reply | undefined;
}

const EXPOSED =
  "x-troupe-turn, x-troupe-session, x-request-id, location, retry-after, ratelimit, ratelimit-policy";
const METHODS = "GET, POST, PUT, PATCH, DELETE";
const PREFLIGHT_FOR_SECONDS = "600";
/** Names of headers alone; what a page asks for beside them is not echoed. */
const HEADER_NAMES = /^[\w-]+(?:\s*,\s*[\w-]+){0,49}$/;
const DEFAULT_HEADERS = "authorization, content-type";

export function createCors(allowed: readonly string[]): Cors {
  const origins = new Set(allowed.map(plainOrigin));
  const headersFor: Cors["headersFor"] = (call) => {
    if (origins.size === 0) return undefined;
    const origin = headerOf(call, "origin");
    if (origin === undefined || !origins.has(plainOrigin(origin))) return undefined;
    return {
      "access-control-allow-origin": origin,
      "access-control-expose-headers": EXPOSED,
      "cross-origin-resource-policy": "cross-origin",
      vary: "Origin",
    };
  };
  return {
    headersFor,
    preflight(call) {
      const headers = headersFor(call);
      if (headers === undefined || headerOf(call, "access-control-request-method") === undefined)
        return undefined;
      const asked = headerOf(call, "access-control-request-headers") ?? DEFAULT_HEADERS;
      return {
        status: 204,
        headers: {
          ...SECURITY_HEADERS,
          ...headers,
          "access-control-allow-methods": METHODS,
          "access-control-allow-headers": HEADER_NAMES.test(asked) ? asked : DEFAULT_HEADERS,
          "access-control-max-age": PREFLIGHT_FOR_SECONDS,
        },
        body: "",
      };
    },
  };
}

function plainOrigin(origin: string): string {
  return origin.toLowerCase().replace(/\/$/, "");
}
