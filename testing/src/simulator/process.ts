import type { Clock } from "@troupe/contracts";
import type { Faults } from "./faults.ts";
import type { Place, World } from "./world.ts";

export interface PerformOptions {
  /** Aborted before it begins, it does not begin. */
  readonly signal?: AbortSignal;
  /** An abort rejects at once with the signal's reason, whatever becomes of the work. */
  readonly isAbandonedOnAbort?: boolean;
  /** Works of one queue take effect in the order in which they were asked for. */
  readonly queue?: string;
  /** Longest time until it takes effect, milliseconds. */
  readonly withinMs?: number;
}

/**
 * A process of the simulated world. What it asks of the outside takes effect there some time later, and the answer
 * comes back some time after that; in between the process may crash, which nothing of it survives, or be stopped, which
 * holds back all that reaches it.
 */
export interface SimulatedProcess extends Place {
  readonly state: "running" | "stopped" | "crashed";
  readonly clock: Clock;
  /** Asks the outside for `effect`. Never settles in a process that has crashed. */
  perform<Result>(
    label: string,
    effect: () => Result | Promise<Result>,
    options?: PerformOptions,
  ): Promise<Result>;
  /** Waits; rejects with the signal's reason when it aborts. */
  pause(ms: number, label: string, signal: AbortSignal): Promise<void>;
  crash(): void;
  /** Somebody asks it to end; what it does then is its own business, until it calls `crash`. */
  leave(): void;
  /** Everything that reaches it is held back for `forMs` milliseconds. */
  stop(forMs: number): void;
  /** Its wall clock is put forward, or back where `byMs` is negative. Its monotonic clock goes on as it did. */
  shiftClock(byMs: number): void;
}

export interface ProcessOptions {
  readonly world: World;
  readonly faults: Faults;
  readonly name: string;
  /** How far its wall clock is off, milliseconds. */
  readonly skewMs?: number;
  readonly onCrash?: () => void;
  readonly onLeave?: () => void;
}

export function createSimulatedProcess(options: ProcessOptions): SimulatedProcess {
  const { world, faults, name } = options;
  const queues = new Map<string, number>();
  let skewMs = options.skewMs ?? 0;
  let held: (() => void)[] = [];
  let state: SimulatedProcess["state"] = "running";

  const receive = (happen: () => void): void => {
    if (state === "running") happen();
    else if (state === "stopped") held.push(happen);
  };
  const resume = (): void => {
    if (state !== "stopped") return;
    state = "running";
    world.log(name, "continues");
    const waiting = held;
    held = [];
    // One event each, so that promises settle between them as they would have.
    for (const happen of waiting) world.after(0, self, "held", happen);
  };
  const self: SimulatedProcess = {
    name,
    receive,
    get state() {
      return state;
    },
    clock: {
      now: () => world.utcMs + skewMs,
      monotonicMs: () => world.nowMs,
      schedule: (delayMs, run) => world.after(delayMs, self, "timer", run),
    },
    perform: (label, effect, asked = {}) => perform({ world, faults, self, queues }, label, effect, asked),
    pause: (ms, label, signal) => pause(world, self, ms, label, signal),
    crash() {
      if (state === "crashed") return;
      state = "crashed";
      held = [];
      world.log(name, "crashes");
      options.onCrash?.();
    },
    leave() {
      if (state === "crashed") return;
      world.log(name, "is asked to end");
      world.after(0, self, "leave", () => options.onLeave?.());
    },
    stop(forMs) {
      if (state !== "running") return;
      state = "stopped";
      world.log(name, "is stopped", `for ${Math.round(forMs)} ms`);
      world.after(forMs, undefined, "continue", resume);
    },
    shiftClock(byMs) {
      skewMs += byMs;
      world.log(name, "has its clock moved", `by ${Math.round(byMs)} ms`);
    },
  };
  return self;
}

interface Performing {
  readonly world: World;
  readonly faults: Faults;
  readonly self: SimulatedProcess;
  readonly queues: Map<string, number>;
}

function perform<Result>(
  { world, faults, self, queues }: Performing,
  label: string,
  effect: () => Result | Promise<Result>,
  { signal, isAbandonedOnAbort = false, queue, withinMs = Number.POSITIVE_INFINITY }: PerformOptions,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const abandon = (): void => reject(signal?.reason);
    if (isAbandonedOnAbort) signal?.addEventListener("abort", abandon, { once: true });
    const backMs = faults.delayMs();
    const answer = (settle: () => void): void => {
      const tell = (): void => {
        if (isAbandonedOnAbort) signal?.removeEventListener("abort", abandon);
        settle();
      };
      // Most answers come at once; a separate event for each would only cost time.
      if (backMs < 1) self.receive(tell);
      else world.after(backMs, self, label, tell);
    };
    const takeEffect = (): void => {
      const fault = self.state === "running" ? faults.next(self, label) : undefined;
      if (fault?.when === "before") fault.strike();
      // What a crashed process had sent may still arrive, and late.
      if (self.state === "crashed" && faults.isLostWithItsSender()) {
        world.log(self.name, "lost", label);
        return;
      }
      const settle = settlementOf(effect, { resolve, reject });
      // Before the answer, so that the answer finds a process that is gone or stands still.
      if (fault?.when === "after") fault.strike();
      if (settle instanceof Promise) world.hold(settle).then(answer, reject);
      else answer(settle);
    };
    let delayMs = Math.min(faults.delayMs(), withinMs);
    if (queue !== undefined) {
      const atMs = Math.max(world.nowMs + delayMs, queues.get(queue) ?? 0);
      queues.set(queue, atMs);
      delayMs = atMs - world.nowMs;
    }
    world.after(delayMs, undefined, label, takeEffect);
  });
}

/** Lets the effect happen; what it came to is told by calling the result. */
function settlementOf<Result>(
  effect: () => Result | Promise<Result>,
  { resolve, reject }: { resolve(result: Result): void; reject(error: unknown): void },
): (() => void) | Promise<() => void> {
  try {
    const made = effect();
    if (!(made instanceof Promise)) return () => resolve(made);
    return made.then(
      (result) => () => resolve(result),
      (error: unknown) => () => reject(error),
    );
  } catch (error) {
    return () => reject(error);
  }
}

function pause(
  world: World,
  self: SimulatedProcess,
  ms: number,
  label: string,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      timer[Symbol.dispose]();
      reject(signal.reason);
    };
    const timer = world.after(ms, self, label, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
