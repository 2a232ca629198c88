import type { Clock } from "@troupe/contracts";
import { within } from "../kit/index.ts";

/** Work that was begun and has not ended; somebody always waits for it, so that nothing floats. */
export interface InFlight {
  readonly size: number;
  /** Holds `work`, which handles its own failures, until it settles; then calls `onEnd`. */
  add(work: Promise<void>, onEnd: () => void): void;
  /** Resolves with true when nothing is under way any more, with false after `withinMs` milliseconds. */
  drain(withinMs: number): Promise<boolean>;
}

export function createInFlight(clock: Clock): InFlight {
  const running = new Set<Promise<void>>();
  return {
    get size() {
      return running.size;
    },
    add(work, onEnd) {
      const held = work.finally(() => {
        running.delete(held);
        onEnd();
      });
      running.add(held);
    },
    async drain(withinMs) {
      return running.size === 0 || (await within(clock, Promise.allSettled([...running]), withinMs));
    },
  };
}
