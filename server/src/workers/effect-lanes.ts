import type { Clock, Effect, EffectHandler, Lane } from "@troupe/contracts";
import { DEFAULT_LANES, LANES, type LaneLimits } from "../kit/index.ts";
import { createInFlight, type InFlight } from "./in-flight.ts";

/** What is otherwise than usual. */
export type LaneChoice = Partial<Readonly<Record<Lane, Partial<LaneLimits>>>>;

export interface LaneState extends LaneLimits {
  readonly lane: Lane;
  readonly inFlight: InFlight;
}

/** Those that this process works in. */
export function createLanes(clock: Clock, limits: LaneChoice): readonly LaneState[] {
  return LANES.map((lane) => ({
    ...{ lane, ...DEFAULT_LANES[lane], ...limits[lane] },
    inFlight: createInFlight(clock),
  })).filter(({ parallel }) => parallel > 0);
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
