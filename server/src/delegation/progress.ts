import type { AgentDelivery, AgentGather, AgentMessage, CallOptions } from "@troupe/contracts";
import { derivedId } from "../kit/index.ts";
import type { DelegationDeps } from "./deps.ts";

/** One of those asked: what it answered, or why it did not. */
export interface Part {
  readonly delivery: AgentDelivery;
  readonly answer?: AgentMessage;
}

export interface Progress {
  readonly gather: AgentGather;
  readonly parts: readonly Part[];
  /** Enough have answered, or no further answer can come. */
  readonly isComplete: boolean;
}

/** The answer to a message has an id that follows from it, so that it is kept once. */
export function answerId(messageId: string, from: string): string {
  return derivedId("agent-answer", messageId, from);
}

export async function progressOf(
  { agentDeliveries, agentChannels }: Pick<DelegationDeps, "agentDeliveries" | "agentChannels">,
  gatherId: string,
  options: CallOptions,
): Promise<Progress | undefined> {
  // The gather first: what ends a delivery after this is told of once more.
  const gather = await agentDeliveries.findGather(gatherId, options);
  if (gather === undefined) return undefined;
  const deliveries = await agentDeliveries.ofGather(gatherId, options);
  const answered = deliveries.filter(({ state }) => state === "done").length;
  const open = deliveries.filter(isOpen).length;
  const isComplete = deliveries.length >= gather.total && (answered >= gather.wanted || open === 0);
  const parts = await Promise.all(
    deliveries.map(async (delivery): Promise<Part> => {
      if (delivery.state !== "done") return { delivery };
      const answer = await agentChannels.message(answerId(delivery.messageId, delivery.to), options);
      return answer === undefined ? { delivery } : { delivery, answer };
    }),
  );
  return { gather, parts, isComplete };
}

export function isOpen({ state }: Pick<AgentDelivery, "state">): boolean {
  return state === "waiting" || state === "activated";
}
