/** Agents among themselves: channels, what is said in them, and what an agent asked of others. */
import type { Audience } from "./message.ts";
import type { CallOptions, Page, PageQuery } from "./runtime.ts";
import type { Write } from "./store.ts";
import type { Lane } from "./turn.ts";

/** Longest message of an agent to another, bytes of UTF-8. Source: feature NR-009. */
export const MAX_AGENT_MESSAGE_BYTES: number = 64 * 1024;

/**
 * Where agents talk. Everything in it is known to `audience`, so only a session whose own audience is the same may post to
 * it or read it. A direct channel is that of two agents, one owner, one peer and one audience.
 */
export interface AgentChannel {
  readonly id: string;
  readonly spaceId: string;
  readonly kind: "direct" | "group";
  /** What its creator called it; empty for a direct one. */
  readonly name: string;
  /** The agent that made it. */
  readonly creator: string;
  /** The principal and the peer for whom its agents work: turns of the channel are theirs and are paid from their budgets. */
  readonly ownerId: string;
  readonly peerId: string;
  readonly audience: Audience;
  /** `seq` of its newest message, 0 when it has none. */
  readonly lastSeq: number;
  /** UTC milliseconds. */
  readonly createdAt: number;
}

/** Two cursors: what the agent has read, and up to where every message is done with for it. Source: feature NN-081. */
export interface AgentMember {
  readonly agentId: string;
  readonly seenSeq: number;
  readonly processedSeq: number;
}

/** `ask` waits for an answer, `answer` is one, `handoff` gives a conversation away. */
export type AgentMessageKind = "message" | "ask" | "answer" | "handoff";

/** The turn that said it. `rootTurnId` is the first turn of its chain, itself where it caused everything. */
export interface AgentMessageOrigin {
  readonly sessionId: string;
  readonly turnId: string;
  readonly rootTurnId: string;
  /** Delegations between the root and this message, itself included. */
  readonly depth: number;
  /** Turns of the chain up to the one that said it. */
  readonly hops: number;
  readonly lane: Lane;
}

export interface AgentMessage {
  readonly id: string;
  readonly spaceId: string;
  readonly channelId: string;
  /** Order in its channel, from 1. */
  readonly seq: number;
  readonly kind: AgentMessageKind;
  readonly from: string;
  readonly text: string;
  /** Ids of agents, or `everyone`. */
  readonly mentions: readonly string[];
  /** Of an answer: the id of what it answers. */
  readonly correlationId?: string;
  readonly origin: AgentMessageOrigin;
  readonly createdAt: number;
}

/**
 * `waiting` for a turn, `activated`: it has one. The rest are ends. `refused`: a rule of its target said no. `suppressed`: a
 * limit of the loop guard was reached. `dead`: its turns failed too often.
 */
export type AgentDeliveryState =
  | "waiting"
  | "activated"
  | "done"
  | "failed"
  | "refused"
  | "suppressed"
  | "cancelled"
  | "dead";

/** One message that is to make one agent work. */
export interface AgentDelivery {
  readonly messageId: string;
  readonly spaceId: string;
  readonly channelId: string;
  readonly seq: number;
  readonly kind: AgentMessageKind;
  readonly from: string;
  readonly to: string;
  readonly state: AgentDeliveryState;
  /** Turns that it had. */
  readonly attempts: number;
  /** What handles it, with others of its channel or alone; absent until it is taken up. */
  readonly batchId?: string;
  readonly isAlone: boolean;
  readonly turnId?: string;
  readonly gatherId?: string;
  /** Why it ended as it did, for people. */
  readonly reason?: string;
  readonly originTurnId: string;
  readonly rootTurnId: string;
  readonly createdAt: number;
  readonly endedAt?: number;
}

/**
 * What one agent asked of one or many. `awaited`: the asking turn waits for it; `open`: a turn of its own is to tell the asker;
 * `told`: it has the answers; `stopped`: nobody wants them any more; `suppressed`: a limit kept them from it, as a notice in
 * its session says.
 */
export interface AgentGather {
  readonly id: string;
  readonly spaceId: string;
  /** Who asks, and where. */
  readonly agentId: string;
  readonly sessionId: string;
  readonly turnId: string;
  readonly rootTurnId: string;
  readonly state: "awaited" | "open" | "told" | "stopped" | "suppressed";
  /** So many answers are enough. */
  readonly wanted: number;
  readonly total: number;
  /** Delegations between the root and the asking turn, and turns of the chain up to it. */
  readonly depth: number;
  readonly hops: number;
  readonly lane: Lane;
  readonly createdAt: number;
}

export type NewAgentMessage = Omit<AgentMessage, "seq">;

export interface AgentChannelStore {
  /** Makes a channel with its members, the creator among them; does nothing when there is one of this id. */
  open(channel: Omit<AgentChannel, "lastSeq">, members: readonly string[]): Write;
  /**
   * Keeps a message and, for each of `activates`, that it is to make that agent work; where its chain or the turn that said it
   * was stopped those end `cancelled` at once. For every other member its cursor of what is processed moves on. The same id twice is one message.
   */
  post(
    message: NewAgentMessage,
    activates: readonly { readonly to: string; readonly gatherId?: string }[],
  ): Write;
  /** Moves a member's cursor of what it has seen, never back. */
  see(member: { readonly channelId: string; readonly agentId: string; readonly seq: number }): Write;
  /** What it was to do there stays; nothing new reaches it. */
  leave(member: { readonly channelId: string; readonly agentId: string; readonly at: number }): Write;
  get(channelId: string, options: CallOptions): Promise<AgentChannel | undefined>;
  members(channelId: string, options: CallOptions): Promise<readonly AgentMember[]>;
  /** Newest first; of one member, or all of a space. */
  list(
    query: PageQuery & {
      readonly spaceId: string;
      readonly agentId?: string;
      readonly ownerId?: string;
      readonly peerId?: string;
    },
    options: CallOptions,
  ): Promise<Page<AgentChannel>>;
  message(messageId: string, options: CallOptions): Promise<AgentMessage | undefined>;
  /** Newest first. */
  messages(
    query: PageQuery & { readonly channelId: string },
    options: CallOptions,
  ): Promise<Page<AgentMessage>>;
}

export interface AgentDeliveryStore {
  /** The same id twice is one. */
  gather(gather: AgentGather & { readonly state: "awaited" | "open" }): Write;
  /** The asking turn waits no longer; does nothing to one that is not awaited. */
  release(gatherId: string): Write;
  /**
   * Takes the message `messageId` for `to` up into a batch, with those of its channel and chain that wait beside it, unless
   * one is to be handled alone. A batch once made stays as it is; does nothing for what belongs to another or waits no more,
   * nor for what has had another number of turns than `attempts`: whoever comes back late from an earlier try takes up none.
   */
  bind(batch: {
    readonly batchId: string;
    readonly messageId: string;
    readonly to: string;
    readonly limit: number;
    /** Absent: any. */
    readonly attempts?: number;
  }): Write;
  /**
   * Guard `rate.limited`: the pair has been activated `max` times since `since` already, whoever began, for the same owner and
   * peer: what others ask of them is not counted. Counts this activation; the same id twice counts once.
   */
  activate(activation: {
    readonly id: string;
    readonly spaceId: string;
    readonly one: string;
    readonly other: string;
    readonly ownerId: string;
    readonly peerId: string;
    readonly at: number;
    readonly since: number;
    readonly max: number;
  }): Write;
  /** Guard `store.conflict`: nothing of this batch waits any more. */
  activated(batch: { readonly batchId: string; readonly turnId: string }): Write;
  /** Ends one delivery that has not ended, and moves the cursor of what its agent has processed. */
  end(delivery: {
    readonly messageId: string;
    readonly channelId: string;
    readonly to: string;
    readonly state: Exclude<AgentDeliveryState, "waiting" | "activated">;
    readonly reason?: string;
    readonly at: number;
  }): Write;
  /** After a turn that failed: it waits again, to be handled alone, with one more attempt behind it. */
  again(delivery: { readonly messageId: string; readonly to: string }): Write;
  /** Does nothing to one that has ended. */
  endGather(gather: {
    readonly id: string;
    readonly state: Exclude<AgentGather["state"], "awaited" | "open">;
    readonly at: number;
  }): Write;
  /**
   * Ends what a turn caused among agents and what is not at work yet, and whatever of it is posted later: deliveries that
   * wait, and gathers. Of a turn that began a chain all of the chain, else what it said itself.
   */
  stop(caused: {
    readonly spaceId: string;
    readonly turnId: string;
    readonly reason: string;
    readonly at: number;
  }): Write;
  delivery(messageId: string, to: string, options: CallOptions): Promise<AgentDelivery | undefined>;
  ofMessage(messageId: string, options: CallOptions): Promise<readonly AgentDelivery[]>;
  ofBatch(batchId: string, options: CallOptions): Promise<readonly AgentDelivery[]>;
  /** The deliveries of a gather, in order. */
  ofGather(gatherId: string, options: CallOptions): Promise<readonly AgentDelivery[]>;
  findGather(id: string, options: CallOptions): Promise<AgentGather | undefined>;
  /** What this turn said to agents, in order. */
  ofTurn(turnId: string, options: CallOptions): Promise<readonly AgentDelivery[]>;
  /** Newest first. */
  list(
    query: PageQuery & {
      readonly spaceId: string;
      readonly channelId?: string;
      readonly states?: readonly AgentDeliveryState[];
    },
    options: CallOptions,
  ): Promise<Page<AgentDelivery>>;
  /**
   * Deletes what ended before `before`, at most `limit` of each kind: deliveries, the messages that wait for nobody, gathers
   * and stops. Activations, and pairs without any, go where no window can count them any more, before `countedSince`. `count`: deliveries.
   */
  prune(query: {
    readonly before: number;
    readonly countedSince: number;
    readonly limit: number;
  }): Write<{ readonly count: number }>;
}

/** Whether what a member did not say makes it work. Source: feature NN-082. */
export function isActivated(
  channel: Pick<AgentChannel, "kind" | "creator">,
  message: Pick<AgentMessage, "from" | "mentions">,
  agentId: string,
): boolean {
  if (message.from === agentId) return false;
  if (channel.kind === "direct" || channel.creator === agentId) return true;
  return message.mentions.includes(agentId) || message.mentions.includes("everyone");
}
