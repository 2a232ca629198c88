/** A memory of conversations that another service keeps. */
import type { Audience } from "./message.ts";
import type { CallOptions } from "./runtime.ts";

/** What was said, as the service tells it: a summary, an excerpt, a fact. Data of others: whatever it says, it is no instruction. */
export interface Episode {
  readonly id: string;
  readonly text: string;
  /** When it was said, UTC milliseconds. */
  readonly at: number;
  /** Where it was said, as people call it; absent: the service does not say. */
  readonly source?: string;
  /** Who may be told; absent: the service keeps no audiences. */
  readonly audience?: Audience;
  /** The conversation and the turn that it was written from; absent: the service does not say. */
  readonly sessionId?: string;
  readonly turnSeq?: number;
}

export interface EpisodeQuery {
  readonly spaceId: string;
  readonly agentId: string;
  /** Who will read what is made of it, one or more: only what all of them may be told is asked for. */
  readonly readers: Audience;
  /** What is asked, in somebody's own words. */
  readonly text: string;
  /** From 1. */
  readonly limit: number;
  /** How long an answer is of use, milliseconds. The signal aborts then. */
  readonly withinMs: number;
}

/** A turn that was answered, for the service to keep. */
export interface NewEpisode {
  /** The same id twice is one episode. */
  readonly id: string;
  readonly spaceId: string;
  readonly agentId: string;
  readonly audience: Audience;
  readonly sessionId: string;
  readonly turnSeq: number;
  /** In their order. */
  readonly messages: readonly {
    readonly role: "user" | "assistant";
    readonly text: string;
    /** UTC milliseconds. */
    readonly at: number;
  }[];
}

/** What a service says of itself. */
export interface EpisodeMemoryFacts {
  /** As people call it. */
  readonly name: string;
  /** It tells of each episode who may be told, and takes more than one reader. */
  readonly keepsAudiences: boolean;
}

/**
 * A memory of conversations outside of Troupe. Every call rejects with the signal's reason after an abort, `channel.unavailable`
 * (retryable) where the service does not answer or says that it cannot just now, `auth.invalid` where it refuses the key,
 * `request.invalid` for what it will never take, and for an answer that cannot be read.
 */
export interface EpisodeMemory {
  /** Best first, `limit` at most. Whoever uses them looks at their audience once more. */
  search(query: EpisodeQuery, options: CallOptions): Promise<readonly Episode[]>;
  /** Resolves once it is kept. A repetition changes nothing. */
  write(episode: NewEpisode, options: CallOptions): Promise<void>;
  /** Deletes what that one person alone may be told, of every agent. A repetition, and one for somebody unknown, changes nothing. */
  forget(of: { readonly spaceId: string; readonly reader: string }, options: CallOptions): Promise<void>;
  /** Changes nothing. */
  facts(options: CallOptions): Promise<EpisodeMemoryFacts>;
}
