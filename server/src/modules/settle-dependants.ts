import type {
  CallOptions,
  Clock,
  DependencyStatus,
  Effect,
  EffectHandler,
  EffectStore,
  ModuleInstanceStore,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import {
  activeEffects,
  endedEffects,
  type InstanceChange,
  SETTLE_EFFECT,
  SETTLE_VERSION,
  settleEffect,
} from "../kit/index.ts";

/** As many as the store gives at once. */
const PAGE = 100;

export interface SettlerDeps {
  readonly moduleInstances: Pick<
    ModuleInstanceStore,
    "get" | "dependencies" | "dependants" | "activate" | "archive"
  >;
  readonly effects: Pick<EffectStore, "put">;
  readonly clock: Clock;
}

/**
 * Looks at an instance again. Of one that has ended, those that wait for it become active where all is done that they wait
 * for, and fail where they say so; each that fails is looked at in its turn. A blocked one is looked at itself: what it
 * waits for may have ended while it was being added. Repeats change nothing. No sweep is needed: an effect of this kind is
 * in every commit that ends an instance or adds one that waits for an older one, so it cannot be missing.
 */
export function createDependantsHandler(deps: SettlerDeps): EffectHandler {
  return {
    kind: SETTLE_EFFECT,
    versions: [SETTLE_VERSION],
    async handle(effect, options) {
      const { instanceId, after } = payloadOf(effect);
      const instance = await deps.moduleInstances.get(instanceId, options);
      if (instance?.state === "blocked") return settle(deps, instanceId, effect, options);
      if (instance?.state !== "archived") return [];
      const query = after === undefined ? { id: instanceId } : { id: instanceId, after };
      const dependants = await deps.moduleInstances.dependants(query, options);
      const settled = await Promise.all(dependants.map((id) => settle(deps, id, effect, options)));
      const last = dependants.at(-1);
      if (dependants.length < PAGE || last === undefined) return settled.flat();
      const next = settleEffect(instanceId, "ended", changeOf(effect, effect, deps.clock.now()), last);
      return [...settled.flat(), deps.effects.put(next)];
    },
  };
}

async function settle(
  { moduleInstances, effects, clock }: SettlerDeps,
  id: string,
  effect: Effect,
  options: CallOptions,
): Promise<readonly Write<unknown>[]> {
  const [instance, waits] = await Promise.all([
    moduleInstances.get(id, options),
    moduleInstances.dependencies(id, options),
  ]);
  if (instance?.state !== "blocked") return [];
  const at = clock.now();
  const change = changeOf(effect, instance, at);
  const broken = waits.find((one) => one.ifFails === "fail" && hasFailed(one));
  if (broken !== undefined) {
    const reason = `It depends on ${broken.id}, which ${howItEnded(broken)}.`;
    return [
      moduleInstances.archive({ id, outcome: "failed", reason, at }),
      ...endedEffects(instance, "failed", change).map((one) => effects.put(one)),
    ];
  }
  if (waits.some(({ outcome }) => outcome !== "done")) return [];
  return [
    moduleInstances.activate(id, at),
    ...activeEffects(instance, change).map((one) => effects.put(one)),
  ];
}

/** One that is gone, with its session, comes to no good end any more. */
function hasFailed({ state, outcome }: DependencyStatus): boolean {
  return state === undefined || (state === "archived" && outcome !== "done");
}

function howItEnded({ outcome }: DependencyStatus): string {
  if (outcome === undefined) return "is gone with its session";
  return outcome === "failed" ? "failed" : "was removed";
}

function changeOf(
  { spaceId, turnId }: Effect,
  { sessionId }: { readonly sessionId: string },
  at: number,
): InstanceChange {
  return { spaceId, turnId, sessionId, at };
}

function payloadOf({ id, payload }: Effect): { readonly instanceId: string; readonly after?: string } {
  const { instanceId, after } = payload;
  if (typeof instanceId === "string" && (after === undefined || typeof after === "string"))
    return { instanceId, ...(after === undefined ? {} : { after }) };
  throw new TroupeError(`The effect ${id} has no readable payload of ${SETTLE_EFFECT}.`, {
    code: "request.invalid",
  });
}
