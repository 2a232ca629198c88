/** One conversation of an agent with a peer or a group on a channel. */
export interface Session {
  readonly id: string;
  readonly spaceId: string;
  readonly agentId: string;
  readonly channel: string;
  /** What the face or platform calls this conversation. Unique with space, agent, channel, owner and peer. */
  readonly key: string;
  /** Who the conversation is with. */
  readonly peerId: string;
  /** Id of the principal whose session this is; another key cannot see it. */
  readonly ownerId: string;
  readonly audience: readonly string[];
  /** Holds one call that brought its own history; not listed unless asked for. */
  readonly stateless: boolean;
  readonly lastSeq: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** What a person called it. Absent: it goes by the title of its storyline, which summaries renew. */
  readonly name?: string;
  /** The message at which it was branched from another session. Either may be gone by now. */
  readonly parent?: { readonly sessionId: string; readonly messageId: string };
}

/** A session as lists show it. */
export interface SessionSummary extends Session {
  /** Its name, else its storyline's title, else empty. */
  readonly title: string;
  readonly turns: number;
}

/** A subject that lives across sessions. In this version each session has exactly one. */
export interface Storyline {
  readonly id: string;
  readonly spaceId: string;
  readonly agentId: string;
  readonly sessionId: string;
  readonly audience: readonly string[];
  readonly title: string;
  /** What was said up to `summaryTurnSeq`, in a few sentences; empty until the first refresh. */
  readonly summary: string;
  /** Turns with a `turnSeq` up to this one are covered by the summary; 0 when there is none. */
  readonly summaryTurnSeq: number;
  readonly updatedAt: number;
}
