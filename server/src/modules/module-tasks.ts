import type { Clock, EffectStore, ModuleInstanceStore, ModuleTasks } from "@troupe/contracts";
import { endedEffects } from "../kit/index.ts";

/** Builds the port by which tools and handlers of modules end tasks: see there for what it promises. */
export function createModuleTasks({
  moduleInstances,
  effects,
  clock,
}: {
  readonly moduleInstances: Pick<ModuleInstanceStore, "archive">;
  readonly effects: Pick<EffectStore, "put">;
  readonly clock: Clock;
}): ModuleTasks {
  return {
    end(instance, { outcome, reason, turnId }) {
      const at = clock.now();
      const { id, spaceId, sessionId } = instance;
      return [
        moduleInstances.archive({ id, outcome, reason, at }),
        ...endedEffects(instance, outcome, { spaceId, sessionId, turnId, at }).map((one) => effects.put(one)),
      ];
    },
  };
}
