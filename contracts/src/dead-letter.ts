/** What was given up, wherever that happened: seen in one list, replayed and purged in one way. */
import type { EffectTrouble } from "./effect.ts";
import type { CallOptions, Page, PageQuery } from "./runtime.ts";
import type { Write } from "./store.ts";

/** An effect, a reply on its way to a channel, a message on its way to an agent, or a whole turn. */
export type DeadLetterSource = "effect" | "delivery" | "agent-message" | "turn";

export interface DeadLetter {
  readonly source: DeadLetterSource;
  /** Of an agent's message: its id, a colon and the agent that it was for. */
  readonly id: string;
  /** That of the effect, `delivery.` and the channel, `agent.message`, or `turn`. */
  readonly kind: string;
  /**
   * `dead`: given up. `parked`: an effect of a kind or version that this version does not know. `unknown`: a delivery that
   * began and may have arrived.
   */
  readonly state: "dead" | "parked" | "unknown";
  /** The turn it comes from; of an agent's message the last one that failed over it. */
  readonly turnId: string;
  /** Empty where nothing is known of the turn. */
  readonly sessionId: string;
  /** Undefined once the turn is deleted. Of an agent's message the one that it was for. */
  readonly agentId: string | undefined;
  /** Whom it was for: the chat of a delivery, the agent of an agent's message. */
  readonly to: string | undefined;
  readonly attempts: number;
  readonly error: string | undefined;
  readonly createdAt: number;
  /** UTC milliseconds. */
  readonly failedAt: number;
}

export interface DeadLetterDetail extends DeadLetter {
  readonly payload: Readonly<Record<string, unknown>>;
  /** The last attempts that failed, oldest first, ten at most. */
  readonly errors: readonly EffectTrouble[];
}

export interface DeadLetterQuery extends PageQuery {
  readonly spaceId: string;
  /** A kind, or a source for all of its kinds. */
  readonly kind?: string;
  readonly agentId?: string;
  readonly state?: DeadLetter["state"];
  /** Failed at this time or later, and before that one. UTC milliseconds. */
  readonly since?: number;
  readonly until?: number;
}

/** Which rows of one source. */
export interface DeadLetterChoice {
  readonly spaceId: string;
  readonly ids: readonly string[];
  /** UTC milliseconds. */
  readonly at: number;
}

export interface DeadLetterStore {
  /** Those that failed last come first. */
  list(query: DeadLetterQuery, options: CallOptions): Promise<Page<DeadLetter>>;
  get(spaceId: string, id: string, options: CallOptions): Promise<DeadLetterDetail | undefined>;
  /** All that there are, by kind. */
  counts(
    spaceId: string,
    options: CallOptions,
  ): Promise<readonly { readonly kind: string; readonly count: number; readonly oldestAt: number }[]>;
  /**
   * Makes them due at once, from their first attempt on; gives the ids of those that were dead letters still, so a repeat
   * gives none. `evenUnknown`: deliveries that may have arrived too, which may then arrive twice. An agent's message waits
   * then for the effect that delivers it: whoever replays it commits that beside.
   */
  replay(
    source: Exclude<DeadLetterSource, "turn">,
    choice: DeadLetterChoice & { readonly evenUnknown?: boolean },
  ): Write<readonly string[]>;
  /** Deletes effects and deliveries; turns and agents' messages stay where they were said and leave the list. Gives the ids it found. */
  purge(source: DeadLetterSource, choice: DeadLetterChoice): Write<readonly string[]>;
}
