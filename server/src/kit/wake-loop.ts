import type { Clock, Logger } from "@troupe/contracts";

/** One thing of the process that is done in rounds: when woken, when its time comes, and never twice at once. */
export interface WakeLoop {
  /** Runs the first round. An abort of `signal` ends the loop as `stop` does. */
  start(signal: AbortSignal): void;
  /** Runs a round now, or once more after the one that is running. Calls in between are one. */
  wake(): void;
  /** Runs a round in `delayMs` milliseconds at the latest. */
  wakeIn(delayMs: number): void;
  /** No further rounds. Resolves when the one under way has ended, or after `withinMs` milliseconds. */
  stop(withinMs: number): Promise<void>;
}

export interface WakeLoopOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Resolves with the milliseconds until the next round, or undefined to wait for a wake. */
  readonly round: (signal: AbortSignal) => Promise<number | undefined>;
  /** Pause after a round that failed; wakes in between wait too, so that a broken store is not hammered. */
  readonly retryMs: number;
}

export function createWakeLoop({ name, clock, logger, round, retryMs }: WakeLoopOptions): WakeLoop {
  let life: AbortController | undefined;
  let timer: Disposable | undefined;
  let timerAtMs = Number.POSITIVE_INFINITY;
  let current: Promise<void> | undefined;
  let again = false;
  let failing = false;

  const disarm = (): void => {
    timer?.[Symbol.dispose]();
    timer = undefined;
    timerAtMs = Number.POSITIVE_INFINITY;
  };
  const arm = (delayMs: number): void => {
    if (life === undefined || life.signal.aborted) return;
    const atMs = clock.monotonicMs() + delayMs;
    if (timerAtMs <= atMs) return;
    disarm();
    timerAtMs = atMs;
    timer = clock.schedule(Math.max(0, delayMs), () => {
      disarm();
      failing = false;
      wake();
    });
  };
  const run = async (signal: AbortSignal): Promise<void> => {
    let nextMs: number | undefined;
    do {
      again = false;
      try {
        nextMs = await round(signal);
      } catch (error) {
        if (signal.aborted) return;
        logger.error("loop.failed", { loop: name, error });
        disarm();
        failing = true;
        nextMs = retryMs;
      }
    } while (again && !failing && !signal.aborted);
    current = undefined;
    if (nextMs !== undefined) arm(nextMs);
  };
  const wake = (): void => {
    if (life === undefined || life.signal.aborted || failing) return;
    if (current === undefined) current = run(life.signal);
    else again = true;
  };

  return {
    start(signal) {
      if (life !== undefined) return;
      life = new AbortController();
      const end = (): void => {
        disarm();
        life?.abort(signal.reason);
      };
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true });
      wake();
    },
    wake,
    wakeIn(delayMs) {
      if (!failing) arm(delayMs);
    },
    async stop(withinMs) {
      disarm();
      life?.abort(new Error(`${name} stops`));
      if (current !== undefined) await within(clock, current, withinMs);
    },
  };
}

/** Waits for `promise` at most `ms` milliseconds; resolves with whether it settled, whatever its outcome. */
export function within(clock: Clock, promise: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.schedule(ms, () => resolve(false));
    const settled = (): void => {
      timer[Symbol.dispose]();
      resolve(true);
    };
    promise.then(settled, settled);
  });
}
