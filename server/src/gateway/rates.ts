import type { Principal } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { Counter, Metrics, RateLimit } from "../kit/index.ts";
import { networkOf } from "./network.ts";

/** How often an address and a key may ask. The limit of a peer is a gate at the way in, for every face and channel. */
export interface Rates {
  /** Before it is known who asks. Throws `rate.limited`. Gives headers that say how much is left, where there is a limit. */
  ofAddress(address: string): RateHeaders;
  ofKey(principal: Principal): RateHeaders;
}

/** Source: draft-ietf-httpapi-ratelimit-headers-10. */
export type RateHeaders = Readonly<Record<string, string>>;

const NO_HEADERS: RateHeaders = {};
const WINDOW_SECONDS = 60;

export function createRates(
  limits: { readonly address: RateLimit; readonly key: RateLimit } | undefined,
  metrics: Metrics,
): Rates {
  if (limits === undefined) return { ofAddress: () => NO_HEADERS, ofKey: () => NO_HEADERS };
  const refused = metrics.counter("http_requests_limited_total", "Requests over a limit, by which.");
  return {
    ofAddress: (address) => take(limits.address, "address", networkOf(address), refused),
    ofKey: ({ id }) => take(limits.key, "key", id, refused),
  };
}

function take(limit: RateLimit, scope: "address" | "key", key: string, refused: Counter): RateHeaders {
  const perMinute = limit.perMinute();
  if (perMinute <= 0) return NO_HEADERS;
  const waitMs = limit.take(key);
  if (waitMs === 0) return headersOf(scope, perMinute, limit.left(key));
  refused.add(1, { scope });
  const whose = scope === "key" ? "This key" : "This address";
  const seconds = Math.ceil(waitMs / 1_000);
  throw new RateError(
    `${whose} has asked more than ${perMinute} times in a minute. Try again in ${seconds} s, or raise limits.${scope}PerMinute.`,
    { waitMs, headers: headersOf(scope, perMinute, { tokens: 0, fullInMs: waitMs }) },
  );
}

/** A refusal that says how much may be asked. */
export class RateError extends TroupeError {
  readonly headers: RateHeaders;

  constructor(
    message: string,
    { waitMs, headers }: { readonly waitMs: number; readonly headers: RateHeaders },
  ) {
    super(message, { code: "rate.limited", retryable: true, retryAfterMs: waitMs });
    this.headers = headers;
  }
}

function headersOf(
  scope: string,
  perMinute: number,
  { tokens, fullInMs }: ReturnType<RateLimit["left"]>,
): RateHeaders {
  return {
    "ratelimit-policy": `"${scope}";q=${perMinute};w=${WINDOW_SECONDS}`,
    ratelimit: `"${scope}";r=${tokens};t=${Math.ceil(fullInMs / 1_000)}`,
  };
}
