import type { ErrorCode } from "@troupe/contracts";
import type { SimulatedProcess } from "./process.ts";
import type { World } from "./world.ts";

/** What may go wrong in one schedule, and how often. Probabilities are per occasion. */
export interface FaultPlan {
  /** Crashes and stops: about one in so many operations; undefined never. */
  readonly strikeEvery: number | undefined;
  /** Of the strikes, so many stop a process instead of ending it. */
  readonly stopShare: number;
  /** Of the others, so many ask a process to end instead. */
  readonly leaveShare: number;
  /** Milliseconds that a stopped process stands still. */
  readonly stopMs: readonly [number, number];
  readonly maxStrikes: number;
  /** Operations that take long. */
  readonly slowShare: number;
  readonly slowMs: number;
  /** Envelopes on the bus. */
  readonly dropShare: number;
  readonly duplicateShare: number;
  /** Sends to a platform that go wrong in some way. */
  readonly mishapShare: number;
  /** Reads that fail, and commits that the store refuses for a while. */
  readonly refuseShare: number;
  readonly refuseMs: number;
}

export const NO_FAULTS: FaultPlan = {
  strikeEvery: undefined,
  stopShare: 0,
  leaveShare: 0,
  stopMs: [0, 0],
  maxStrikes: 0,
  slowShare: 0,
  slowMs: 0,
  dropShare: 0,
  duplicateShare: 0,
  mishapShare: 0,
  refuseShare: 0,
  refuseMs: 0,
};

export interface Strike {
  /** Before or after the operation took effect. */
  readonly when: "before" | "after";
  readonly strike: () => void;
}

/** Decides what goes wrong, and when it is over. */
export interface Faults {
  readonly plan: FaultPlan;
  /** Whether a process is struck at this operation. */
  next(process: SimulatedProcess, label: string): Strike | undefined;
  delayMs(): number;
  isLostWithItsSender(): boolean;
  /** Decides once for one envelope, send and so on. */
  happens(share: number): boolean;
  /** Code that the store refuses a commit with now. */
  storeRefusal(): ErrorCode | undefined;
  /** From here on nothing new goes wrong. */
  end(): void;
  readonly strikes: number;
}

export function createFaults(world: World, plan: FaultPlan): Faults {
  const random = world.random.fork("faults");
  let isOver = false;
  let strikes = 0;
  let refusedUntilMs = 0;
  const every = plan.strikeEvery;
  const gap = (): number => (every === undefined ? Number.POSITIVE_INFINITY : random.int(1, every * 2));
  let left = gap();

  const strikeOn = (process: SimulatedProcess): Strike => {
    strikes += 1;
    left = strikes < plan.maxStrikes ? gap() : Number.POSITIVE_INFINITY;
    const isStop = random.chance(plan.stopShare);
    const isLeave = random.chance(plan.leaveShare);
    const forMs = random.int(...plan.stopMs);
    return {
      when: random.chance(0.5) ? "before" : "after",
      strike() {
        if (isStop) process.stop(forMs);
        else if (isLeave) process.leave();
        else process.crash();
      },
    };
  };

  return {
    plan,
    next(process) {
      if (isOver) return undefined;
      left -= 1;
      return left > 0 ? undefined : strikeOn(process);
    },
    delayMs() {
      const roll = random.next();
      if (!isOver && roll < plan.slowShare) return random.next() * plan.slowMs;
      return roll < 0.7 ? random.next() : random.next() * 15;
    },
    isLostWithItsSender: () => random.chance(0.5),
    happens: (share) => !isOver && random.chance(share),
    storeRefusal() {
      if (isOver) return undefined;
      if (world.nowMs < refusedUntilMs) return random.chance(0.8) ? "store.full" : undefined;
      if (!random.chance(plan.refuseShare)) return undefined;
      refusedUntilMs = world.nowMs + random.next() * plan.refuseMs;
      return random.chance(0.5) ? "store.busy" : "store.full";
    },
    end() {
      isOver = true;
    },
    get strikes() {
      return strikes;
    },
  };
}
