import type { Clock } from "@troupe/contracts";

export interface RateLimit {
  /** Takes one token of `key`; 0 when there was one, else milliseconds until there is. */
  take(key: string): number;
  /** Returns a token that turned out not to be due. Nothing happens to a bucket that is full. */
  giveBack(key: string): void;
  /** Whole tokens that `key` has now, and milliseconds until it has all of them. */
  left(key: string): { readonly tokens: number; readonly fullInMs: number };
  /** As configured now; 0 and below: no limit. */
  perMinute(): number;
}

interface Bucket {
  /** Time, on the monotonic scale, at which the bucket is full again. */
  fullAtMs: number;
}

/**
 * Generic cell rate: one number a key, no timers. A full bucket holds a minute's worth, and keys whose bucket is full
 * again are forgotten, so memory is bounded by who came in the last minute. Our own rather than a library's, because
 * the libraries answer with promises and read the machine's clock, and this runs before each accept.
 * Source: the algorithm of ITU-T I.371, annex A.
 */
export function createRateLimit(options: {
  readonly clock: Clock;
  readonly perMinute: () => number;
  readonly maxKeys?: number;
}): RateLimit {
  const { clock, perMinute, maxKeys = 50_000 } = options;
  const buckets = new Map<string, Bucket>();

  const forgetFull = (now: number): void => {
    for (const [key, bucket] of buckets) if (bucket.fullAtMs <= now) buckets.delete(key);
    // Everybody writes at once: forgetting the oldest errs on their side.
    for (const key of buckets.keys()) {
      if (buckets.size < maxKeys) break;
      buckets.delete(key);
    }
  };

  return {
    take(key) {
      const rate = perMinute();
      if (rate <= 0) return 0;
      const now = clock.monotonicMs();
      const costMs = 60_000 / rate;
      const bucket = buckets.get(key);
      const from = Math.max(now, bucket?.fullAtMs ?? now);
      const waitMs = from + costMs - now - 60_000;
      // A hair of tolerance: a bucket of exactly N must give N.
      if (waitMs > 0.001) return Math.ceil(waitMs);
      if (bucket !== undefined) bucket.fullAtMs = from + costMs;
      else {
        if (buckets.size >= maxKeys) forgetFull(now);
        buckets.set(key, { fullAtMs: from + costMs });
      }
      return 0;
    },
    left(key) {
      const rate = perMinute();
      const fullInMs = Math.max(0, (buckets.get(key)?.fullAtMs ?? 0) - clock.monotonicMs());
      return { tokens: Math.max(0, Math.floor((60_000 - fullInMs) / (60_000 / rate) + 0.001)), fullInMs };
    },
    perMinute,
    giveBack(key) {
      const bucket = buckets.get(key);
      if (bucket !== undefined) bucket.fullAtMs -= 60_000 / perMinute();
    },
  };
}
