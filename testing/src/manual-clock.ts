import type { Clock } from "@troupe/contracts";

/** A clock that stands still until told otherwise. */
export interface ManualClock extends Clock {
  /**
   * Lets `ms` milliseconds pass: runs each timer at its time, in order, and lets promises and immediates settle before,
   * between and after.
   */
  advance(ms: number): Promise<void>;
  /** Lets `ms` milliseconds pass at a stroke, as when the whole process is stopped: timers that were due run late. */
  sleep(ms: number): void;
  /** Moves the wall clock alone, as a correction of the machine's time does; nothing that is scheduled notices. */
  shiftWallClock(ms: number): void;
  /** Lets promises and immediates settle without time passing. */
  settle(): Promise<void>;
  /** How many timers wait. */
  readonly timers: number;
}

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Rounds of the event loop that count as settled: more than any chain of immediates in a test's reach. */
const SETTLE_ROUNDS = 12;

export function createManualClock(startMs: number = Date.UTC(2026, 10, 20, 12, 0, 0)): ManualClock {
  let elapsedMs = 0;
  let wallShiftMs = 0;
  let order = 0;
  const waiting = new Set<Timer>();

  const settle = async (): Promise<void> => {
    for (let i = 0; i < SETTLE_ROUNDS; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
  };
  const nextBy = (untilMs: number): Timer | undefined => {
    let best: Timer | undefined;
    for (const timer of waiting) {
      if (timer.atMs > untilMs) continue;
      const isEarlier = best === undefined || timer.atMs < best.atMs;
      if (isEarlier || (timer.atMs === best?.atMs && timer.order < best.order)) best = timer;
    }
    return best;
  };

  return {
    now: () => startMs + elapsedMs + wallShiftMs,
    monotonicMs: () => elapsedMs,
    schedule(delayMs, run) {
      const timer: Timer = { atMs: elapsedMs + Math.max(0, delayMs), order: order++, run };
      waiting.add(timer);
      return { [Symbol.dispose]: () => void waiting.delete(timer) };
    },
    async advance(ms) {
      const untilMs = elapsedMs + ms;
      await settle();
      for (let timer = nextBy(untilMs); timer !== undefined; timer = nextBy(untilMs)) {
        waiting.delete(timer);
        elapsedMs = Math.max(elapsedMs, timer.atMs);
        timer.run();
        await settle();
      }
      elapsedMs = Math.max(elapsedMs, untilMs);
    },
    sleep(ms) {
      elapsedMs += ms;
    },
    shiftWallClock(ms) {
      wallShiftMs += ms;
    },
    settle,
    get timers() {
      return waiting.size;
    },
  };
}
