import type { AgentDelivery, Write } from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import type { HandlerDeps } from "./deps.ts";
import { NEVER } from "./notice.ts";
import { tellEffect } from "./post.ts";
import { isOpen, progressOf } from "./progress.ts";

/** Messages between agents by how they ended; one whose worker died just then is counted once more. */
export function count({ metrics }: Pick<HandlerDeps, "metrics">, state: AgentDelivery["state"]): void {
  metrics.counter("agent_messages_total", "Messages between agents by what became of them").add(1, { state });
}

/**
 * Of these deliveries some have ended, and that is kept: wakes whoever waits in its turn, and gives the writes that tell an
 * asker whose last answer this was. Reads after the commit, so that of two that end at once the later one sees both. Asked
 * again it gives the same, for whoever died between that commit and its own end.
 */
export async function settled(
  deps: HandlerDeps,
  deliveries: readonly AgentDelivery[],
): Promise<readonly Write<unknown>[]> {
  const writes: Write<unknown>[] = [];
  const ended = deliveries.filter((one) => !isOpen(one));
  for (const gatherId of new Set(ended.flatMap((one) => one.gatherId ?? []))) {
    const kind = SUBJECTS.agentAnswered;
    const at = deps.clock.now();
    deps.bus.publish(kind, { id: deps.ids.next(), kind, v: 1, at, payload: { gatherId } });
    const progress = await progressOf(deps, gatherId, NEVER);
    if (progress?.isComplete === true)
      writes.push(deps.effects.put(tellEffect(progress.gather, "complete", at)));
  }
  return writes;
}
