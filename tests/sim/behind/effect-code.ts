// Handlers of the simulated effects: what each does is in its plan.
import type { Effect, EffectHandler, NewEffect, Write } from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import type { SimulatedProcess, World } from "../../../testing/src/simulator/index.ts";
import { type EffectKind, type PlannedEffect, RETRIES } from "./plan.ts";
import type { Seen } from "./seen.ts";

export const BATCH_MAX = 4;
/** Above this many due ones the lane `heavy` sheds. */
export const SHED_ABOVE = 2;
const KNOWN = 1;
const UNKNOWN = 2;

export interface EffectCodeDeps {
  readonly world: World;
  readonly process: SimulatedProcess;
  readonly seen: Seen;
  /** A row of its own each time, so that handling it twice would show. */
  readonly noted: (text: string) => Write;
  /** Some may be left out under load; asking for that costs each process a look every second. */
  readonly sheds: boolean;
}

/** What a handled effect leaves behind. */
export function effectNote(id: string): string {
  return `effect ${id}`;
}

export function effectOf(planned: PlannedEffect, at: number): NewEffect {
  const { id, kind, lane, key, priority, delayMs } = planned;
  return {
    ...{ id, spaceId: DEFAULT_SPACE_ID, kind, lane, priority, turnId: "no-turn", sessionId: "no-session" },
    ...{ v: kind === "sim.unknown" ? UNKNOWN : KNOWN, payload: { ...planned }, createdAt: at },
    ...(key === undefined ? {} : { key }),
    ...(delayMs === 0 ? {} : { dueAt: at + delayMs }),
  };
}

export function effectHandlers(deps: EffectCodeDeps): readonly EffectHandler[] {
  const { world, process, seen, noted, sheds } = deps;
  const handle = async (effects: readonly Effect[], signal: AbortSignal): Promise<readonly Write[]> => {
    const plans = effects.map(({ payload }) => payload as unknown as PlannedEffect);
    const handlings = effects.map(({ id: effectId }) => ({
      ...{ effectId, process: process.name, fromMs: world.nowMs, untilMs: undefined as number | undefined },
    }));
    seen.handlings.push(...handlings);
    try {
      await process.pause(Math.max(...plans.map(({ takesMs }) => takesMs)), "effect", signal);
      if (effects.some(({ attempt }, at) => attempt <= (plans[at]?.kills ?? 0))) return await die(process);
      if (effects.some((effect, at) => fails(effect, plans[at]))) throw new Error("The handler failed.");
      return plans.map(({ id }) => noted(effectNote(id)));
    } finally {
      for (const one of handlings) one.untilMs = world.nowMs;
    }
  };
  const of = (kind: EffectKind, more: Partial<EffectHandler> = {}): EffectHandler => ({
    ...{ kind, versions: [KNOWN], retry: RETRIES[kind] },
    handle: (effect, { signal }) => handle([effect], signal),
    ...more,
  });
  return [
    of("sim.one"),
    of("sim.bad"),
    of("sim.unknown"),
    of("sim.shed", { mayShed: sheds }),
    of("sim.batch", { batch: { max: BATCH_MAX, handle: (effects, { signal }) => handle(effects, signal) } }),
  ];
}

function fails({ kind, attempt }: Effect, plan: PlannedEffect | undefined): boolean {
  return kind === "sim.bad" || attempt <= (plan?.fails ?? 0);
}

/** Takes the process down, and never comes back. */
function die(process: SimulatedProcess): Promise<never> {
  process.crash();
  return new Promise(() => {});
}
