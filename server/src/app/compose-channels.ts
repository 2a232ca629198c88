import type { Agent, Channel, Inbox, ReceivingChannel } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { createProfileBook } from "../memory/index.ts";
import { createReceivers, type Receivers } from "../workers/index.ts";
import type { Foundation } from "./compose.ts";
import { SPACE } from "./compose-turns.ts";

/** Which agent answers on a channel, by the channel's id. A channel that is not named has the only agent there is. */
export type ChannelAgents = Readonly<Record<string, string>>;

/** Joins the channels that bring messages to the way in. Throws `config.invalid` for one without an agent of its own. */
export function composeReceivers(
  foundation: Foundation,
  parts: {
    readonly inbox: Inbox;
    readonly channels: readonly Channel[];
    readonly named: ChannelAgents | undefined;
    readonly agents: readonly Agent[];
  },
): Receivers {
  const ids = parts.agents.map((agent) => agent.spec.id);
  const channels = parts.channels
    .filter(isReceiving)
    .map((channel) => ({ channel, agentId: agentOf(channel.id, parts.named ?? {}, ids) }));
  const profiles = createProfileBook({ ...foundation, ...foundation.stores, spaceId: SPACE });
  const onAuthor = profiles.heard;
  return createReceivers({ ...foundation, channels, inbox: parts.inbox, onAuthor, spaceId: SPACE });
}

function isReceiving(channel: Channel): channel is ReceivingChannel {
  return "receive" in channel && typeof channel.receive === "function";
}

function agentOf(channelId: string, named: ChannelAgents, ids: readonly string[]): string {
  const [only, ...others] = ids;
  const agentId = Object.hasOwn(named, channelId) ? named[channelId] : others.length === 0 ? only : undefined;
  if (agentId !== undefined && ids.includes(agentId)) return agentId;
  const known = `Name one of: ${ids.join(", ")}.`;
  throw new TroupeError(
    agentId === undefined
      ? `The channel "${channelId}" brings messages, and nothing says which agent answers them. ${known}`
      : `The channel "${channelId}" is given to the agent "${agentId}", which does not exist. ${known}`,
    { code: "config.invalid" },
  );
}
