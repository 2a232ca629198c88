/** What was given up, wherever that happened: seen in one list, replayed and purged in one way. */
import type { EffectTrouble } from "./effect.ts";
import type { CallOptions, Page, PageQuery } from "./runtime.ts";
import type { Write } from "./store.ts";

/** An effect, a reply on its way to a channel, or a whole turn. */
export type DeadLetterSource = "effect" | "delivery" | "turn";

export interface DeadLetter {
  readonly source: DeadLetterSource;
  readonly id: string;
  /** That of the effect, `delivery.` and the channel, or `turn`. */
  readonly kind: string;
  /**
   * `dead`: given up. `parked`: an effect of a kind or version that this version does not know. `unknown`: a delivery that
   * began and may have arrived.
   */
  readonly state: "dead" | "parked" | "unknown";
  readonly turnId: string;
  readonly sessionId: string;
  /** Undefined once the turn is deleted. */
  readonly agentId: string | undefined;
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
   * gives none. `evenUnknown`: deliveries that may have arrived too, which may then arrive twice.
   */
  replay(
    source: "effect" | "delivery",
    choice: DeadLetterChoice & { readonly evenUnknown?: boolean },
  ): Write<readonly string[]>;
  /** Deletes effects and deliveries; turns stay in their conversation and leave the list. Gives the ids of those it found. */
  purge(source: DeadLetterSource, choice: DeadLetterChoice): Write<readonly string[]>;
}
