import type { Audience } from "./message.ts";

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
  /** The agent that answers people here in place of its own, until it is handed back. */
  readonly handedTo?: string;
}

/** A conversation given to another agent, with what that agent is told of it. Who answers changes; the conversation stays. */
export interface Handoff {
  readonly id: string;
  readonly spaceId: string;
  readonly sessionId: string;
  /** The agent that gave it, and the one that answers from then on. */
  readonly from: string;
  readonly to: string;
  /** The turn that gave it. The other agent sees turns that begin after this `turnSeq`, and of those before `context` alone. */
  readonly turnId: string;
  readonly turnSeq: number;
  /** What the giving agent says of it. */
  readonly note: string;
  /** The slice of the conversation that it chose; empty for none. */
  readonly context: string;
  /** Who knows what note and context hold. */
  readonly audience: readonly string[];
  /** UTC milliseconds. */
  readonly at: number;
  readonly endedAt?: number;
}

/** A session as lists show it. */
export interface SessionSummary extends Session {
  /** Its name, else the title of its storyline where all who read the session now may know it, else empty. */
  readonly title: string;
  readonly turns: number;
}

/** A subject that lives across sessions. Each session begins one, more may follow. */
export interface Storyline {
  readonly id: string;
  readonly spaceId: string;
  readonly agentId: string;
  /** Where it began. */
  readonly sessionId: string;
  readonly audience: readonly string[];
  /** What a person called it, else its own. */
  readonly title: string;
  /** What was said up to `summaryTurnSeq`, in a few sentences; empty until the first refresh. */
  readonly summary: string;
  /** Turns with a `turnSeq` up to this one are covered by the summary; 0 when there is none. */
  readonly summaryTurnSeq: number;
  readonly updatedAt: number;
  /** With whom it began; absent for one that an older version began while others were upgraded. */
  readonly peerId?: string;
  /** It is a part of that one by now. */
  readonly mergedInto?: string;
}

export interface NewStoryline extends Omit<Storyline, "summary" | "summaryTurnSeq" | "mergedInto"> {
  /** Its id again, for one that begins after its session's first. */
  readonly laterId?: string | undefined;
}

/** What prompts of a session show in place of a storyline's older turns. */
export interface Compaction {
  readonly sessionId: string;
  readonly storylineId: string;
  /** The last of those turns. */
  readonly uptoTurnSeq: number;
  readonly summary: string;
  /** Who may be told it: who knows all that it was made from. */
  readonly audience: Audience;
  /** UTC milliseconds. */
  readonly at: number;
}
