import type {
  AgentChannel,
  AgentMessageKind,
  AgentMessageOrigin,
  NewEffect,
  ToolContext,
  Write,
} from "@troupe/contracts";
import { derivedId } from "../kit/index.ts";
import type { DelegationDeps } from "./deps.ts";

/** Where conversations of agents with one another are held. */
export const AGENTS_CHANNEL = "agents";
/** What a message to an agent waits for: a worker that gives it a turn. */
export const DELIVER_EFFECT = "agent.deliver";
/** A turn that an agent's message began has ended. */
export const ANSWERED_EFFECT = "agent.answered";
/** Answers that an agent waits for may be there. */
export const TELL_EFFECT = "agent.tell";
export const EFFECT_VERSION = 1;

/** The direct channel of two agents, for one owner, peer and audience; the same for both, whoever writes first. */
export function directChannel(
  agentId: string,
  other: string,
  context: Pick<ToolContext, "spaceId" | "ownerId" | "peerId" | "audience" | "now">,
): Omit<AgentChannel, "lastSeq"> {
  const { spaceId, ownerId, peerId, audience, now } = context;
  const pair = [agentId, other].toSorted();
  return {
    id: derivedId("agent-channel", spaceId, ownerId, peerId, JSON.stringify(audience), ...pair),
    ...{ spaceId, kind: "direct", name: "", creator: agentId, ownerId, peerId, audience, createdAt: now },
  };
}

/** The writes that keep one message and the work of giving it to those whom it activates. */
export function postWrites(
  { agentChannels, effects }: Pick<DelegationDeps, "agentChannels" | "effects">,
  message: {
    readonly id: string;
    readonly channel: Pick<AgentChannel, "id" | "spaceId">;
    readonly kind: AgentMessageKind;
    readonly from: string;
    readonly text: string;
    readonly mentions?: readonly string[];
    readonly correlationId?: string;
    readonly origin: AgentMessageOrigin;
    readonly at: number;
  },
  activates: readonly { readonly to: string; readonly gatherId?: string }[],
): readonly Write<unknown>[] {
  const { id, channel, kind, from, text, mentions = [], correlationId, origin, at } = message;
  return [
    agentChannels.post(
      {
        ...{ id, spaceId: channel.spaceId, channelId: channel.id, kind, from, text, mentions, origin },
        ...(correlationId === undefined ? {} : { correlationId }),
        createdAt: at,
      },
      activates,
    ),
    ...activates.map(({ to }) =>
      effects.put(deliverEffect(channel.spaceId, { messageId: id, to }, origin, at)),
    ),
  ];
}

/**
 * `again`: of a further try: its name, which tells it from the effects of earlier ones, not before when, and how many turns
 * the message has had; a try that names no number takes it up whatever it had.
 */
export function deliverEffect(
  spaceId: string,
  { messageId, to }: { readonly messageId: string; readonly to: string },
  { turnId, sessionId }: Pick<AgentMessageOrigin, "turnId" | "sessionId">,
  at: number,
  again: { readonly name: string; readonly dueAt: number; readonly attempts?: number } = {
    name: "0",
    dueAt: at,
    attempts: 0,
  },
): NewEffect {
  const { name, dueAt, attempts } = again;
  return {
    id: derivedId(DELIVER_EFFECT, messageId, to, name),
    ...{ spaceId, kind: DELIVER_EFFECT, v: EFFECT_VERSION, lane: "realtime", turnId, sessionId },
    payload: { messageId, to, ...(attempts === undefined ? {} : { round: attempts }) },
    ...{ createdAt: at, dueAt },
  };
}

export function tellEffect(
  gather: {
    readonly id: string;
    readonly spaceId: string;
    readonly turnId: string;
    readonly sessionId: string;
  },
  why: string,
  at: number,
  dueAt: number = at,
): NewEffect {
  const { id: gatherId, spaceId, turnId, sessionId } = gather;
  return {
    id: derivedId(TELL_EFFECT, gatherId, why),
    ...{ spaceId, kind: TELL_EFFECT, v: EFFECT_VERSION, lane: "realtime", turnId, sessionId },
    payload: { gatherId },
    ...{ createdAt: at, dueAt },
  };
}
