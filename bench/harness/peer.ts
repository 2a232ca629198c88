/** Something that runs a turn: Troupe, or what a person would write instead. */
export interface Peer {
  /**
   * One turn of a conversation that the peer keeps; resolves with the whole reply. `onFirstToken` is called with the
   * first piece of the reply, and may be called again.
   */
  turn(conversation: string, text: string, onFirstToken: () => void): Promise<string>;
  /** The processes whose time and memory count, where the peer is a server; else it is the process that runs it. */
  pids?(): readonly number[];
  close?(): Promise<void> | void;
}

export const PEER_NAMES = ["ai", "ai-sqlite", "ai-http", "troupe"] as const;

export type PeerName = (typeof PEER_NAMES)[number];

/** Turns to run. */
export interface Work {
  readonly kind: "plain" | "tool";
  /** Conversations that run at one time. */
  readonly concurrency: number;
  /** Ends at whichever comes first; turns that have begun are finished. */
  readonly maxTurns: number;
  readonly maxMs: number;
  /** Turns after which a new conversation begins. */
  readonly turnsPerConversation: number;
  /** The one conversation to begin or go on with, instead of new ones. */
  readonly conversation?: string;
}

/** Times are of CLOCK_MONOTONIC. */
export interface TurnTimes {
  readonly startedMs: number;
  readonly firstTokenMs: number;
  readonly endedMs: number;
}

export interface WorkResult {
  readonly turns: readonly TurnTimes[];
  readonly wallMs: number;
  /** Turns whose reply was not the one expected, or that failed. */
  readonly bad: number;
  /** The first few of them. */
  readonly faults: readonly string[];
}

export type PeerCommand = { readonly kind: "work"; readonly work: Work } | { readonly kind: "pids" };
