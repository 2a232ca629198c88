import type { AgentChannelStore, CallOptions, EffectStore, Write } from "@troupe/contracts";
import { deliverEffect } from "./post.ts";

/**
 * The effects that deliver messages anew which their store lets wait again; they are committed together with that. Those of
 * messages that are gone are left out. An effect that finds nothing waiting does nothing.
 */
export async function redeliveries(
  {
    agentChannels,
    effects,
  }: {
    readonly agentChannels: Pick<AgentChannelStore, "message">;
    readonly effects: Pick<EffectStore, "put">;
  },
  deliveries: readonly { readonly messageId: string; readonly to: string }[],
  /** UTC milliseconds. */
  at: number,
  options: CallOptions,
): Promise<readonly Write<unknown>[]> {
  const writes: Write<unknown>[] = [];
  for (const delivery of deliveries) {
    const message = await agentChannels.message(delivery.messageId, options);
    if (message === undefined) continue;
    // Its time tells this round from those of its turns, and from an earlier replay.
    const again = { name: `replay ${at}`, dueAt: at };
    writes.push(effects.put(deliverEffect(message.spaceId, delivery, message.origin, at, again)));
  }
  return writes;
}
