import type { Clock } from "@troupe/contracts";

/** The machine's time. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    // Node's timers are disposable by themselves.
    schedule: (delayMs, run) => setTimeout(run, delayMs),
  };
}
