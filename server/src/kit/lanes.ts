import type { Lane } from "@troupe/contracts";

/** Each lane, the most urgent first. */
export const LANES: readonly Lane[] = ["realtime", "background", "heavy"];

export function isLane(name: unknown): name is Lane {
  return LANES.some((lane) => lane === name);
}

/** What a lane may do at once in one process, and for how long. */
export interface LaneLimits {
  /** So many effects, or batches of them, run at once; 0: this process leaves the lane to others. */
  readonly parallel: number;
  /** A claim lasts so long without being prolonged. */
  readonly leaseMs: number;
  /** The longest that one attempt may take, of handlers that name no time of their own. */
  readonly timeoutMs: number;
  /** Where more are due, kinds that may be shed are. */
  readonly shedAbove: number;
}

const common = { leaseMs: 30_000, shedAbove: 10_000 };

export const DEFAULT_LANES: Readonly<Record<Lane, LaneLimits>> = {
  realtime: { ...common, parallel: 4, timeoutMs: 60_000 },
  background: { ...common, parallel: 4, timeoutMs: 120_000 },
  heavy: { ...common, parallel: 1, timeoutMs: 600_000 },
};
