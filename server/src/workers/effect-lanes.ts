import type { Clock, Effect, EffectHandler, Lane } from "@troupe/contracts";
import { createInFlight, type InFlight } from "./in-flight.ts";

/** What a lane may do at once, and for how long. */
export interface LaneLimits {
  /** So many effects, or batches of them, run at once; 0: this process leaves the lane to others. */
  readonly parallel: number;
  /** A claim lasts so long without being prolonged. */
  readonly leaseMs: number;
  /** The longest that one attempt may take, of handlers that name no time of their own. Default: `leaseMs`. */
  readonly timeoutMs?: number;
  /** Where more are due, kinds that may be shed are. Default 10,000. */
  readonly shedAbove?: number;
}

const LEASE_MS = 30_000;

export const DEFAULT_LANES: Readonly<Record<Lane, LaneLimits>> = {
  realtime: { parallel: 4, leaseMs: LEASE_MS, timeoutMs: 60_000 },
  background: { parallel: 4, leaseMs: LEASE_MS, timeoutMs: 120_000 },
  heavy: { parallel: 1, leaseMs: LEASE_MS, timeoutMs: 600_000 },
};
export const LANES: readonly Lane[] = ["realtime", "background", "heavy"];

export interface LaneState extends LaneLimits {
  readonly lane: Lane;
  readonly inFlight: InFlight;
}

/** Those that this process works in. */
export function createLanes(clock: Clock, limits: Readonly<Record<Lane, LaneLimits>>): readonly LaneState[] {
  return LANES.map((lane) => ({ lane, ...limits[lane], inFlight: createInFlight(clock) })).filter(
    ({ parallel }) => parallel > 0,
  );
}

/** Effects that run together. */
export interface Unit {
  readonly effects: Effect[];
  /** So many more of its kind and version could join. */
  readonly room: number;
}

/**
 * Puts what was claimed together by kind and version, where its handler takes several at once. One that was tried before
 * runs by itself: what took down its batch, or its process, takes down nobody else again.
 */
export function unitsOf(
  effects: readonly Effect[],
  handlerOf: (effect: Effect) => EffectHandler | undefined,
): readonly Unit[] {
  const units: { readonly effects: Effect[]; room: number }[] = [];
  const open = new Map<string, { readonly effects: Effect[]; room: number }>();
  for (const effect of effects) {
    const max = effect.attempt > 1 ? 1 : (handlerOf(effect)?.batch?.max ?? 1);
    const name = `${effect.kind} ${effect.v}`;
    const joined = max > 1 ? open.get(name) : undefined;
    if (joined !== undefined && joined.room > 0) {
      joined.effects.push(effect);
      joined.room -= 1;
      continue;
    }
    const unit = { effects: [effect], room: max - 1 };
    units.push(unit);
    if (max > 1) open.set(name, unit);
  }
  return units;
}
