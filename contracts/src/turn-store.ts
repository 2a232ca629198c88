/** Custody: what is kept of messages and turns on their way, and who may change it. */
import type { ClaimedTurn, ReplyAddress } from "./inbox.ts";
import type { Message, MessageOutcome } from "./message.ts";
import type { CallOptions, Page, PageQuery, Principal } from "./runtime.ts";
import type { Write } from "./store.ts";
import type {
  InboundState,
  Lane,
  TraceEntry,
  Trigger,
  Turn,
  TurnError,
  TurnPayload,
  TurnState,
  TurnStep,
  Usage,
} from "./turn.ts";

/** One row per inbound message. */
export interface InboundRecord {
  readonly id: string;
  readonly spaceId: string;
  readonly sessionId: string;
  readonly turnId: string;
  readonly channel: string;
  readonly platformId: string | undefined;
  readonly requestHash: string | undefined;
  readonly principalId: string;
  readonly principalKind: Principal["kind"];
  readonly replyTo: ReplyAddress | undefined;
  readonly state: InboundState;
  readonly reason: string | undefined;
  readonly receivedAt: number;
  readonly acceptedAt: number;
  readonly endedAt: number | undefined;
}

export interface InboxStore {
  /** Guard `store.duplicate`: the space, channel, principal and platform id are known already. */
  accept(record: Omit<InboundRecord, "state" | "reason" | "endedAt">): Write;
  /** Ends all rows of a turn: the first gets `state`, the others `merged` when `state` is `replied`, else `state` too. */
  end(
    turnId: string,
    state: Exclude<InboundState, "accepted" | "merged">,
    at: number,
    reason?: string,
  ): Write;
  /** Keeps that a message was refused, without its text. */
  refuse(record: Omit<InboundRecord, "state" | "endedAt" | "turnId">): Write;
  find(
    by: { readonly spaceId: string; readonly principalId: string } & (
      | { readonly channel: string; readonly platformId: string }
      | { readonly requestHash: string; readonly since: number }
    ),
    options: CallOptions,
  ): Promise<InboundRecord | undefined>;
  ofTurn(turnId: string, options: CallOptions): Promise<readonly InboundRecord[]>;
  /** How many rows are in each state, and since when the oldest `accepted` one waits. */
  counts(
    spaceId: string,
    options: CallOptions,
  ): Promise<{
    readonly states: Readonly<Partial<Record<InboundState, number>>>;
    readonly oldestAcceptedAt: number | undefined;
  }>;
}

export interface NewTurn {
  readonly id: string;
  readonly spaceId: string;
  readonly agentId: string;
  readonly sessionId: string;
  readonly trigger: Trigger;
  readonly lane: Lane;
  readonly payload: TurnPayload;
  readonly dueAt: number;
  readonly deadlineAt: number;
  readonly reservedMicroUsd: number;
  readonly createdAt: number;
  /** Process that may run it at once; undefined keeps it queued. Its `turnSeq` is the session's last seq in this commit. */
  readonly owner: string | undefined;
}

export interface FinishedTurn {
  readonly id: string;
  readonly epoch: number;
  readonly inboundCount: number;
  readonly state: Exclude<TurnState, "queued" | "running">;
  readonly agentRevision: number;
  readonly costMicroUsd: number;
  readonly usage: Usage;
  readonly error: TurnError | undefined;
  readonly trace: readonly TraceEntry[];
  readonly at: number;
}

export interface TurnQuery extends PageQuery {
  readonly spaceId: string;
  readonly ownerId?: string;
  readonly sessionId?: string;
  /** Those that this turn asked for. */
  readonly parentTurnId?: string;
  /** Those of the chain that this turn began, itself left out. */
  readonly rootTurnId?: string;
  readonly states?: readonly TurnState[];
}

/** What the store knows and no doorbell may have told of. */
export interface TurnOutlook {
  /** A claim would give something: a queued turn is due, or the owner of a running one has lost its lease. */
  readonly isDue: boolean;
  /** As `nextDue`. */
  readonly nextDueAt: number | undefined;
  /** Turns that run for `owner` and that somebody wants to stop. */
  readonly cancelled: readonly string[];
}

/**
 * Turns and their custody. A claim raises `epoch` and `attempt`; `finish`, `journal` and `join` carry the epoch and are
 * refused with `store.conflict` once it is old, so a process that slept past its lease changes nothing.
 */
export interface TurnStore {
  /** Opens a turn, `running` for `owner` when nothing of its session is queued or running, else `queued`. */
  open(turn: NewTurn): Write<{ readonly state: "queued" | "running"; readonly epoch: number }>;
  /** Guard `store.conflict`: one more inbound message joins a turn that is still in `state` (and has `epoch`, when running). */
  join(turn: {
    readonly id: string;
    readonly state: "queued" | "running";
    readonly epoch?: number;
    readonly dueAt?: number;
  }): Write;
  /**
   * Claims turns for `owner`: queued ones that are due and first in a session where none runs, and running ones whose
   * owner's lease has ended. Realtime before background before heavy, oldest first.
   */
  claim(query: {
    readonly owner: string;
    readonly limit: number;
    readonly lane?: Lane;
    readonly sessionId?: string;
  }): Write<readonly ClaimedTurn[]>;
  /**
   * Claims a running turn anew for the owner that holds it, when it has still this epoch: what was known of it may be old.
   * Undefined when it has ended or is another's by now.
   */
  reclaim(turn: {
    readonly id: string;
    readonly epoch: number;
    readonly owner: string;
  }): Write<ClaimedTurn | undefined>;
  /** Guard `store.conflict`. The turn knows what the same commit reserves for it, so that its end frees all of it. */
  reserve(turn: { readonly id: string; readonly epoch: number }, microUsd: number): Write;
  /** Guard `store.conflict`. Adds a step to the journal; the same `(turn, n, kind)` again replaces nothing. */
  journal(turn: { readonly id: string; readonly epoch: number }, step: TurnStep): Write;
  /** Guard `store.conflict`: epoch is old, the turn has ended, or a message joined that `inboundCount` does not know. */
  finish(turn: FinishedTurn): Write;
  /** Tokens and cost of the turn become the sums of its recorded calls, whatever state it is in. */
  recount(turnId: string): Write;
  /** Marks the messages of a turn with how it ended. */
  markMessages(turnId: string, outcome: MessageOutcome): Write;
  /** Guard `store.conflict`: ends a turn that is still queued as `cancelled`. Its rows end in the same commit, by the caller. */
  cancelQueued(turnId: string, at: number): Write;
  /** Marks a running turn, so that whoever takes it over ends it; does nothing to others. `state` is undefined for an unknown turn. */
  requestCancel(turnId: string): Write<{ readonly state: TurnState | undefined }>;
  /** Adds lines to the record of a turn that has ended (delivery, effects) or runs. */
  note(turnId: string, entries: readonly TraceEntry[]): Write;
  get(turnId: string, options: CallOptions): Promise<Turn | undefined>;
  steps(turnId: string, options: CallOptions): Promise<readonly TurnStep[]>;
  /** Messages that arrived for a turn, in order. */
  inbound(turnId: string, options: CallOptions): Promise<readonly Message[]>;
  list(query: TurnQuery, options: CallOptions): Promise<Page<Turn>>;
  /** Earliest `dueAt` of a queued turn that could start, for the one timer of the process. */
  nextDue(options: CallOptions): Promise<number | undefined>;
  /** How many turns wait to be run, over all processes; counts no further than `limit`. */
  countQueued(limit: number, options: CallOptions): Promise<number>;
  /** What a sweep looks for, in one read. */
  outlook(owner: string, options: CallOptions): Promise<TurnOutlook>;
}

/** Processes and their leases, by the database's clock. One row and one renewal a process, whatever it holds. */
export interface Leases {
  register(process: {
    readonly id: string;
    readonly pid: number;
    readonly role: string;
    readonly leaseMs: number;
  }): Write;
  /** Guard `store.conflict`: the row is gone. */
  renew(processId: string, leaseMs: number): Write;
  /** Ends the lease now, so that others take over at once. */
  end(processId: string): Write;
  /** Ends every other lease: only for a store whose lock proves that no other process lives. */
  endOthers(processId: string): Write;
  /**
   * Ends what processes without a lease hold of replies and effects, and forgets those that died more than `keepMs`
   * milliseconds ago: for a store that several processes share. Their turns are claimable as it is.
   */
  endDead(keepMs: number): Write;
  /** Every process that is known, the one whose lease lasts longest first. */
  list(options: CallOptions): Promise<readonly ProcessRecord[]>;
}

export interface ProcessRecord {
  readonly id: string;
  readonly pid: number;
  readonly role: string;
  /** By the database's clock, as is `isAlive`. */
  readonly leaseUntil: number;
  /** Its lease has not ended. */
  readonly isAlive: boolean;
}
