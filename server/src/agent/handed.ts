import type { CallOptions, ClaimedTurn, Handoff } from "@troupe/contracts";
import type { AgentDeps } from "./deps.ts";
import type { GatheredContribution } from "./values.ts";

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
  { agents }: Pick<AgentDeps, "agents">,
  { from, note, context, audience }: Handoff,
  { turn, session }: ClaimedTurn,
): GatheredContribution {
  const name = agents.get(turn.spaceId, from)?.spec.name ?? from;
  const head = `The agent ${name} (${from}) handed this conversation to you. You answer the person now; hand_back returns it.`;
  // Somebody who reads the answer may have come since: what was handed over is not known to them.
  const isKnown = session.audience.every((reader) => audience.includes(reader));
  const said = isKnown
    ? [`${name} says of it: ${note}`, ...(context === "" ? [] : ["Earlier:", context])]
    : [];
  return { moduleId: "handoff", text: [head, ...said].join("\n") };
}
