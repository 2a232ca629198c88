import type { AgentMessageOrigin, CallOptions, ToolContext, Turn } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { DelegationDeps } from "./deps.ts";

export interface Standing {
  readonly turn: Turn;
  /** Delegations that the turn stands in; 0 for one that a person began. */
  readonly depth: number;
  /** Another agent waits for what this turn answers. */
  readonly isAsked: boolean;
  readonly origin: AgentMessageOrigin;
}

/** Where a turn stands in its chain, read from what is kept. */
export async function standingOf(
  deps: Pick<DelegationDeps, "turns" | "agentChannels" | "agentDeliveries">,
  context: Pick<ToolContext, "turnId" | "sessionId">,
  options: CallOptions,
): Promise<Standing> {
  const turn = await deps.turns.get(context.turnId, options);
  if (turn === undefined)
    throw new TroupeError(`There is no turn ${context.turnId}.`, { code: "request.not_found" });
  const { cause } = turn.payload;
  const depth = await depthOf(deps, cause?.of, options);
  return {
    turn,
    depth,
    isAsked: cause?.from?.kind === "ask",
    origin: {
      sessionId: context.sessionId,
      turnId: turn.id,
      rootTurnId: cause?.rootTurnId ?? turn.id,
      depth: depth + 1,
      hops: cause?.depth ?? 0,
      lane: turn.lane,
    },
  };
}

/**
 * Agents above this turn that were asked by its own agent and wait for what comes of it. Their conversation with this agent
 * is taken up by that, so whoever asked them back would wait in vain.
 */
export async function waitingAbove(
  { turns }: Pick<DelegationDeps, "turns">,
  turn: Turn,
  options: CallOptions,
): Promise<ReadonlySet<string>> {
  const agents = new Set<string>();
  let below = turn;
  for (let hops = turn.payload.cause?.depth ?? 0; hops > 0; hops--) {
    const { from, parentTurnId } = below.payload.cause ?? {};
    if (from?.kind !== "ask" || parentTurnId === undefined) break;
    const above = await turns.get(parentTurnId, options);
    if (above?.state !== "running") break;
    const asker = above.payload.cause?.from;
    if (asker?.kind === "ask" && asker.agentId === turn.agentId) agents.add(above.agentId);
    below = above;
  }
  return agents;
}

async function depthOf(
  deps: Pick<DelegationDeps, "agentChannels" | "agentDeliveries">,
  of: { readonly kind: string; readonly id: string } | undefined,
  options: CallOptions,
): Promise<number> {
  if (of?.kind !== "agent-message") return 0;
  const message = await deps.agentChannels.message(of.id, options);
  if (message !== undefined) return message.origin.depth;
  return (await deps.agentDeliveries.findGather(of.id, options))?.depth ?? 0;
}
