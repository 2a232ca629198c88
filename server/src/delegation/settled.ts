import type { AgentDelivery, Write } from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import type { HandlerDeps } from "./deps.ts";
import { NEVER } from "./notice.ts";
import { tellEffect } from "./post.ts";
import { progressOf } from "./progress.ts";

/**
 * Deliveries have ended, and that is kept: wakes whoever waits in its turn, and gives the writes that tell an asker whose
 * last answer this was. Reads after the commit, so that of two that end at once the later one sees both.
 */
export async function settled(
  deps: HandlerDeps,
  deliveries: readonly AgentDelivery[],
): Promise<readonly Write<unknown>[]> {
  const writes: Write<unknown>[] = [];
  for (const gatherId of new Set(deliveries.flatMap((one) => one.gatherId ?? []))) {
    const kind = SUBJECTS.agentAnswered;
    const at = deps.clock.now();
    deps.bus.publish(kind, { id: deps.ids.next(), kind, v: 1, at, payload: { gatherId } });
    const progress = await progressOf(deps, gatherId, NEVER);
    if (progress?.isComplete === true)
      writes.push(deps.effects.put(tellEffect(progress.gather, "complete", at)));
  }
  return writes;
}
