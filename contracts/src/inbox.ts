/** The way in: what faces hand over, what gates decide, who runs turns. */
import type { WhileBusy } from "./agent.ts";
import type { ErrorCode } from "./errors.ts";
import type { Audience, Author, Message, MessagePart } from "./message.ts";
import type { CallOptions, Principal } from "./runtime.ts";
import type { RemovedSession, Write } from "./store.ts";
import type {
  AfterEnd,
  DirectCall,
  Lane,
  Trigger,
  Turn,
  TurnCause,
  TurnListener,
  TurnPayload,
  TurnState,
} from "./turn.ts";

/** A message as a face or channel hands it over. */
export interface InboundMessage {
  readonly agentId: string;
  /** `api`, `terminal`, or a channel's id. */
  readonly channel: string;
  /** Conversation on that channel; undefined makes a stateless call with a session of its own. */
  readonly sessionKey: string | undefined;
  readonly peerId: string;
  /** Everyone who reads the conversation. A group's members, or the peer alone. */
  readonly audience: Audience;
  /** Who wrote it, where a channel says so: its own id of them, and the name that it shows. Kept where several people read. */
  readonly author?: Author;
  /** Text and files. Of a file only the blob's id is believed: whether it is there, and its size, is asked of the store. */
  readonly parts: readonly MessagePart[];
  readonly trigger: Trigger;
  readonly lane: Lane;
  /** The platform's id of this message, or a client's idempotency key: the same one is accepted once. */
  readonly platformId?: string;
  /** Hash of the whole request, to join a client's retry that carries no key, or refuse a key reused for another. */
  readonly requestHash?: string;
  /** With `requestHash`: this request says it is a retry, so join a turn of the last ten minutes that has the hash. */
  readonly isRetry?: boolean;
  readonly direct?: DirectCall;
  /** Of a message that no person sent. */
  readonly cause?: TurnCause;
  readonly afterEnd?: AfterEnd;
  readonly given?: TurnPayload["given"];
  readonly instructions?: string;
  readonly maySayNothing?: boolean;
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
  readonly client?: TurnPayload["client"];
  /** Merge messages that follow within so many milliseconds into one turn. 0 for API faces. */
  readonly debounceMs: number;
  /** Overrides the agent's setting. */
  readonly whileBusy?: WhileBusy;
  /** Where the reply goes when the sender does not wait for it: a row for the relay. */
  readonly replyTo?: ReplyAddress;
  /** UTC milliseconds at which the platform or face received it. */
  readonly receivedAt: number;
  /** Join the accepting commit: where one of them does not hold, nothing is kept and accepting rejects with its code. */
  readonly guards?: readonly Write<unknown>[];
  /** Attached to the turn's feed before anything can happen in it. */
  readonly watch?: TurnListener;
}

/** Where a push channel delivers to. */
export interface ReplyAddress {
  readonly channel: string;
  /** Chat, room or mailbox on the platform. */
  readonly target: string;
}

export type AcceptResult =
  | {
      readonly kind: "accepted";
      readonly turnId: string;
      readonly messageId: string;
      readonly sessionId: string;
      readonly seq: number;
      readonly position: "running" | "queued" | "merged" | "steered";
    }
  /** Known already: the turn it belongs to, whatever became of it. `watch` was attached when it still runs. */
  | {
      readonly kind: "duplicate";
      readonly turnId: string;
      readonly sessionId: string;
      readonly state: TurnState;
    }
  | {
      readonly kind: "refused";
      readonly code: ErrorCode;
      /** One sentence for people. */
      readonly message: string;
      readonly retryAfterMs?: number;
    };

/** The one way in, for every face and channel. Source: design §5. */
export interface Inbox {
  /**
   * Runs the gates, then commits message, custody row, turn and reserved cost in one transaction, then lets the turn
   * begin. Resolving with `accepted` means: it is durable. A refusal keeps no message; rejections are store errors, with
   * nothing kept. Repeating with the same `platformId` gives `duplicate`.
   */
  accept(message: InboundMessage, principal: Principal, options: CallOptions): Promise<AcceptResult>;
}

export type Verdict =
  | { readonly kind: "allow" }
  | {
      readonly kind: "deny";
      readonly code: ErrorCode;
      readonly reason: string;
      readonly retryAfterMs?: number;
    }
  /** Goes on with a changed message (quiet hours rewrite it, for one). */
  | { readonly kind: "modify"; readonly message: InboundMessage; readonly reason: string }
  /** Kept, not started before `untilMs` (UTC milliseconds). */
  | { readonly kind: "defer"; readonly untilMs: number; readonly reason: string };

/** One rule at the way in. No answer means no: a gate that throws denies. Gates run in order and do no I/O of their own. */
export interface Gate {
  readonly id: string;
  check(message: InboundMessage, principal: Principal): Verdict;
}

/** A turn as claimed by this process, with what running it needs. */
export interface ClaimedTurn {
  readonly turn: Turn;
  /** Its messages in order of arrival. */
  readonly inbound: readonly Message[];
  /** Where its reply goes; undefined for faces that wait. */
  readonly replyTo: ReplyAddress | undefined;
  readonly principal: Principal;
  readonly session: {
    readonly id: string;
    readonly agentId: string;
    readonly channel: string;
    readonly key: string;
    readonly peerId: string;
    readonly ownerId: string;
    readonly audience: Audience;
    readonly stateless: boolean;
    readonly isNew: boolean;
  };
  /** Another process held it before; its journal is to be replayed. */
  readonly isTakeover: boolean;
}

/** A turn that is about to be kept, as far as it is known before that. */
export interface TurnPreview {
  readonly turnId: string;
  readonly spaceId: string;
  readonly agentId: string;
  readonly sessionId: string;
  readonly peerId: string;
  readonly audience: Audience;
  readonly trigger: Trigger;
  /** Its `seq` and `turnSeq` are 0: the accepting commit gives them. */
  readonly message: Message;
}

/**
 * A place in the lanes of this process, held from before the accepting commit. Exactly one of `start` and `release` is
 * called.
 */
export interface LaneTicket {
  /**
   * Begins what only reads, enrichment, while the accepting commit is on its way. At most once, and before the others;
   * when the commit fails, what it brought is thrown away.
   */
  prepare(preview: TurnPreview): void;
  start(claimed: ClaimedTurn): void;
  release(): void;
}

/** The turn that a session is in, as far as this process runs it. */
export interface RunningTurn {
  readonly turnId: string;
  readonly turnSeq: number;
  readonly epoch: number;
  /** Whom its answer is meant for: what it recalled is known to all of them. */
  readonly audience: Audience;
  /** Somebody waits for its answer: a message may interrupt it, and joins it not. */
  readonly isAwaited: boolean;
}

export type Admission =
  | { readonly kind: "run"; readonly ticket: LaneTicket }
  /** The session or lane is busy: keep it queued. `running` is the session's turn, to steer or interrupt, as far as this process knows it. */
  | { readonly kind: "queue"; readonly running: RunningTurn | undefined }
  | { readonly kind: "full"; readonly retryAfterMs: number };

/** Who runs turns, as the way in sees it. */
export interface TurnIntake {
  /** Synchronous, so that two messages of one session cannot both be told to run. */
  admit(sessionId: string, lane: Lane): Admission;
  /** A turn of this session was committed as queued; it is claimed when its time comes. */
  wake(sessionId: string, lane: Lane, dueAt: number): void;
  /** Hands a committed message to the running turn that it was joined to. */
  steer(turnId: string, message: Message): void;
  /**
   * The turn that a session is in, also where another process runs it: asked before a message steers or interrupts.
   * Absent where no other process runs turns.
   */
  running?(sessionId: string, options: CallOptions): Promise<RunningTurn | undefined>;
}

export interface TurnControl {
  /**
   * Cancels for everyone, from any client. A queued turn ends at once, a running one as soon as its loop notices. `ended`
   * when it had ended already. With `tree` everything that the turn caused stops too, on every process: turns, and what agents
   * were asked and have not begun. Throws `request.not_found`. Repeating is harmless.
   */
  cancel(
    turnId: string,
    by: { readonly reason: string; readonly tree?: boolean },
    options: CallOptions,
  ): Promise<{ readonly kind: "cancelled" | "requested" | "ended"; readonly state: TurnState }>;
}

export interface SessionRemoval extends RemovedSession {
  /** Turns that were stopped for it. */
  readonly cancelled: readonly string[];
}

/** What is done to whole sessions, and needs more than a write. */
export interface SessionControl {
  /**
   * Deletes a session for good, in every process. While a turn of it waits or runs it rejects with `request.conflict`;
   * with `cancel` those are stopped first and waited for, some seconds at most. Throws `request.not_found`; so does a
   * repetition.
   */
  remove(
    sessionId: string,
    how: { readonly cancel: boolean; readonly reason: string },
    options: CallOptions,
  ): Promise<SessionRemoval>;
}
