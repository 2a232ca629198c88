import type { Agent, CallOptions, ClaimedTurn, Handoff } from "@troupe/contracts";
import { isKnownToAll } from "../kit/index.ts";
import type { AgentDeps } from "./deps.ts";
import type { GatheredContribution } from "./values.ts";

const HAND_BACK = "hand_back";

/** How the turn's agent came to a conversation that is another's; undefined where it is its own. */
export async function handoffTo(
  deps: Pick<AgentDeps, "sessions">,
  { turn, session }: ClaimedTurn,
  options: CallOptions,
): Promise<Handoff | undefined> {
  if (turn.agentId === session.agentId) return undefined;
  return deps.sessions.handoff({ sessionId: session.id, to: turn.agentId }, options);
}

/** What the agent is told of it, before each message: what was said earlier is not in its history. */
export function briefOf(
  { agents, toolbox }: Pick<AgentDeps, "agents" | "toolbox">,
  { from, note, context, audience }: Handoff,
  { turn, session }: ClaimedTurn,
  agent: Agent,
): GatheredContribution {
  const name = agents.get(turn.spaceId, from)?.spec.name ?? from;
  // Not every blueprint has the tool; a person gives the conversation back all the same.
  const mayReturn = toolbox.select(agent, turn.trigger).specs.some((spec) => spec.name === HAND_BACK);
  const how = mayReturn ? `; ${HAND_BACK} returns it` : "";
  const head = `The agent ${name} (${from}) handed this conversation to you. You answer the person now${how}.`;
  // Somebody who reads the answer may have come since: what was handed over is not known to them.
  const said = isKnownToAll(audience, session.audience)
    ? [`${name} says of it: ${note}`, ...(context === "" ? [] : ["Earlier:", context])]
    : [];
  return { moduleId: "handoff", text: [head, ...said].join("\n") };
}
