/** The way out: replies that wait for delivery, and the platforms they go to. */
import type { EffectTrouble } from "./effect.ts";
import type { AcceptResult, InboundMessage, ReplyAddress } from "./inbox.ts";
import type { CallOptions, Page, PageQuery, WaitingCount } from "./runtime.ts";
import type { Write } from "./store.ts";

/**
 * `pending` waits for its time, `sending` is claimed or, on a blind channel, was begun; the rest are ends. `unknown`: a
 * blind send began and nobody knows whether it arrived.
 */
export type OutboxState = "pending" | "sending" | "delivered" | "unknown" | "dead";

export interface OutboxRecord {
  /** Also the idempotency key towards the platform. */
  readonly id: string;
  readonly spaceId: string;
  readonly turnId: string;
  readonly sessionId: string;
  readonly address: ReplyAddress;
  readonly text: string;
  readonly state: OutboxState;
  /** A blind send has begun, and nobody has said since that it did not arrive; a settle to `retry` clears it. */
  readonly begun: boolean;
  readonly attempt: number;
  readonly epoch: number;
  readonly owner: string | undefined;
  readonly dueAt: number;
  readonly platformId: string | undefined;
  readonly error: string | undefined;
  readonly createdAt: number;
  readonly endedAt: number | undefined;
  /** The last attempts that failed, oldest first, ten at most. */
  readonly errors: readonly EffectTrouble[];
}

export type DeliveryOutcome =
  | { readonly kind: "delivered"; readonly platformId?: string }
  | { readonly kind: "retry"; readonly dueAt: number; readonly error: string }
  | { readonly kind: "unknown"; readonly error: string }
  | { readonly kind: "dead"; readonly error: string };

export interface NewOutbox {
  readonly id: string;
  readonly spaceId: string;
  readonly turnId: string;
  readonly sessionId: string;
  readonly address: ReplyAddress;
  readonly text: string;
  readonly createdAt: number;
}

export interface OutboxStore {
  /** The same id twice is one row. */
  put(row: NewOutbox): Write;
  /**
   * Claims due rows of a channel, and those whose owner's lease has ended. Rows of one target keep their order: only its
   * oldest open row is given. None of a space whose outbox is held (`HoldStore`).
   */
  claim(query: {
    readonly owner: string;
    readonly leaseMs: number;
    readonly limit: number;
    readonly channel: string;
  }): Write<readonly OutboxRecord[]>;
  /** Guard `store.conflict`. Says that a blind send begins now. */
  begin(row: { readonly id: string; readonly epoch: number }): Write;
  /** Guard `store.conflict`. */
  settle(row: { readonly id: string; readonly epoch: number }, outcome: DeliveryOutcome, at: number): Write;
  /** Ends open rows that were made before `before` as `dead`, with `reason`; only those of a held space. */
  discard(query: {
    readonly spaceId: string;
    readonly before: number;
    readonly reason: string;
    readonly at: number;
  }): Write<{ readonly count: number }>;
  ofTurn(turnId: string, options: CallOptions): Promise<readonly OutboxRecord[]>;
  list(
    query: PageQuery & { readonly spaceId: string; readonly states: readonly OutboxState[] },
    options: CallOptions,
  ): Promise<Page<OutboxRecord>>;
  /** All that waits, however many there are. */
  waiting(
    spaceId: string,
    options: CallOptions,
  ): Promise<Readonly<Record<"pending" | "sending", WaitingCount>>>;
  /**
   * Of each channel with open rows, when a claim would give the next one; 0 for rows whose owner's lease has ended. Rows of
   * held spaces are left out.
   */
  nextDue(options: CallOptions): Promise<readonly { readonly channel: string; readonly dueAt: number }[]>;
}

/** What a channel is asked to send. */
export interface OutboundMessage {
  /** Idempotency key; the same for every attempt. */
  readonly key: string;
  readonly target: string;
  readonly text: string;
  /** The turn that it is the reply of; absent for what no turn said. */
  readonly origin?: { readonly spaceId: string; readonly sessionId: string; readonly turnId: string };
}

/**
 * A chat platform. `keyed`: the platform dedupes by our key. `verifiable`: `find` tells whether a key arrived. `blind`:
 * neither. Source: design §5, Delivery.
 */
export interface Channel {
  readonly id: string;
  readonly delivery: "keyed" | "verifiable" | "blind";
  /**
   * Sends once. Resolves with the platform's id where it has one. Rejects with `channel.rate_limited` (retryable, with
   * `retryAfterMs`), `channel.unavailable` (retryable), `channel.rejected` (final). After an abort nobody knows whether
   * it arrived.
   */
  send(message: OutboundMessage, options: CallOptions): Promise<{ readonly platformId?: string }>;
}

/** Of a verifiable channel: the platform's id of what arrived with this key, undefined when nothing did. */
export interface VerifiableChannel extends Channel {
  readonly delivery: "verifiable";
  find(key: string, options: CallOptions): Promise<{ readonly platformId: string } | undefined>;
}

/**
 * A channel that brings messages. `accept` resolves when the message is kept; only then may the platform be told so. Replies
 * go to `replyTo.target`, or where none is given to the peer. One that ends or rejects before its signal aborts is begun again
 * after a pause.
 */
export interface ReceivingChannel extends Channel {
  /** Runs until the signal aborts. */
  receive(
    accept: (message: Omit<InboundMessage, "agentId" | "channel">) => Promise<AcceptResult>,
    options: CallOptions,
  ): Promise<void>;
}
