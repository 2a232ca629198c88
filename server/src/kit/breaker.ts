import type { Clock } from "@troupe/contracts";

/** `closed`: asked as usual. `open`: left alone. `half-open`: one call tries whether it works again. */
export type BreakerState = "closed" | "open" | "half-open";

/** Stands before something that may be out of order, so that nobody waits for it again and again. */
export interface Breaker {
  /**
   * 0: go ahead, and tell how it went. Else milliseconds until somebody may. `isLastHope`: nothing else could be asked, so that
   * one call may try before its time.
   */
  enter(isLastHope?: boolean): number;
  succeeded(): void;
  /** `openMs`: it is clear already that further calls fail; it opens at once, for so long. */
  failed(openMs?: number): void;
  /** The call said nothing about it: it was aborted, or the request itself was at fault. */
  leave(): void;
  readonly state: BreakerState;
  /** In a row. */
  readonly failures: number;
  /** Milliseconds until it is tried again; 0 while it is closed. */
  readonly openForMs: number;
}

/** Calls that come while one is trying. */
const PROBE_WAIT_MS = 1_000;

/**
 * Opens after `threshold` failures in a row; then, after `openMs`, one call may try, and how that goes decides: each time it
 * fails, twice as long is waited, up to `maxOpenMs`. Our own rather than a library's, because those read the machine's clock.
 * Source: feature NR-016.
 */
export function createBreaker(options: {
  readonly clock: Clock;
  readonly threshold: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
}): Breaker {
  const { clock, threshold, openMs, maxOpenMs } = options;
  let failures = 0;
  let nextOpenMs = openMs;
  /** On the monotonic scale; undefined while closed. */
  let openUntilMs: number | undefined;
  let isProbing = false;
  const restMs = (): number =>
    openUntilMs === undefined ? 0 : Math.max(0, Math.ceil(openUntilMs - clock.monotonicMs()));
  return {
    enter(isLastHope = false) {
      if (openUntilMs === undefined) return 0;
      // A timer of so many milliseconds fires up to one too early: whoever waited as long as he was told is let in.
      if (openUntilMs - clock.monotonicMs() >= 1 && !isLastHope) return restMs();
      if (isProbing) return PROBE_WAIT_MS;
      isProbing = true;
      return 0;
    },
    succeeded() {
      failures = 0;
      nextOpenMs = openMs;
      openUntilMs = undefined;
      isProbing = false;
    },
    failed(forMs) {
      failures += 1;
      const isClear = forMs !== undefined;
      if (isClear || isProbing || failures >= threshold) {
        // Late failures of calls that began before it opened are none of the one that tries.
        if (isProbing && !isClear) nextOpenMs = Math.min(maxOpenMs, nextOpenMs * 2);
        openUntilMs = clock.monotonicMs() + (forMs ?? nextOpenMs);
      }
      isProbing = false;
    },
    leave() {
      isProbing = false;
    },
    get state() {
      if (openUntilMs === undefined) return "closed";
      return restMs() > 0 ? "open" : "half-open";
    },
    get failures() {
      return failures;
    },
    get openForMs() {
      return restMs();
    },
  };
}
