import type { Clock } from "@troupe/contracts";

/** The machine's time. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    schedule(delayMs, run) {
      const timer = setTimeout(run, delayMs);
      return { [Symbol.dispose]: () => clearTimeout(timer) };
    },
  };
}
