import type { CallOptions } from "./runtime.ts";

/** What the bus carries. `kind` and `v` say how to read `payload`; an unknown pair is ignored with a count. */
export interface Envelope {
  readonly id: string;
  readonly kind: string;
  readonly v: number;
  /** UTC milliseconds. */
  readonly at: number;
  readonly payload: Readonly<Record<string, unknown>>;
  /** W3C trace context of the sender. */
  readonly traceparent?: string;
}

export type EnvelopeHandler = (envelope: Envelope, subject: string) => void;

/**
 * Doorbell and pipe: at most once, no redelivery, no promise. Whatever must not be lost is a row in the store; losing
 * every envelope delays work and loses none. Source: design §2 rule 1.
 */
export interface MessageBus {
  /** Never waits for receivers and never throws; a dropped envelope is counted. */
  publish(subject: string, envelope: Envelope): void;
  /**
   * Subjects are words joined by dots; in `pattern`, `*` is one word and a final `>` one or more. With `group`, one
   * member of the group gets each envelope, without it everybody does. Each subscriber has 256 places; a slow one loses
   * the oldest, is warned of in the log, counted, and stays subscribed.
   */
  subscribe(pattern: string, handler: EnvelopeHandler, options?: { readonly group?: string }): Disposable;
  /** Rejects with `bus.no_responder` when nobody listens or answers within `timeoutMs`. */
  request(
    subject: string,
    envelope: Envelope,
    options: CallOptions & { readonly timeoutMs: number },
  ): Promise<Envelope>;
  /**
   * Backpressure for whoever produces a stream: resolves at once while the bus keeps up, later when much is under way,
   * after half a second at most. Never needed before a doorbell. Source: feature NR-005.
   */
  room(options: CallOptions): Promise<void>;
  /** Answers requests on a subject; a throwing responder leaves the asker to its timeout. */
  respond(subject: string, answer: (envelope: Envelope) => Promise<Envelope>): Disposable;
}

/** Every subject in one place. */
export const SUBJECTS = {
  /** Somebody wants a running turn to stop: payload `{ turnId, reason }`. */
  turnCancel: "turn.cancel",
  /**
   * A turn was kept and waits: payload `{ sessionId, lane, dueAt }`. Asked rather than told, so that one process takes it
   * (`{ isTaken }`); with `whenFull: false` one without room leaves it to another. With a process's id behind it, that one
   * is asked.
   */
  turnDue: "turn.due",
  /** A turn waits for whoever runs its session, or ran it last: payload `{ sessionId, lane, dueAt, from }`. */
  turnWaiting: "turn.waiting",
  /** A message joined a running turn: payload `{ turnId }`. */
  turnSteered: "turn.steered",
  /** Every process is asked how it is: payload `{ to }`, the one that asks. */
  processAsked: "process.asked",
  /** With the asking process's id behind it: the answer, payload `{ facts }`. */
  processSaid: "process.said",
  /** The agents in the store changed: payload `{ from }`, a process. */
  configChanged: "config.changed",
  /**
   * A message was kept in a session, and a turn with it, or what a turn came to: payload `{ sessionId, turnId }`, and `by`
   * the process that ran it.
   */
  sessionChanged: "session.changed",
  /** Who is one person with whom changes now: payload `{}`. */
  personsChanged: "persons.changed",
  /** A memory was, or may have been, closed or deleted: payload `{}`. */
  memoryClosed: "memory.closed",
  /** Turns belong to other storylines than they did: payload `{}`. */
  storylinesChanged: "storylines.changed",
  /** A reply waits for the relay. */
  outboxDue: "outbox.due",
  /** A job was, or may have been, made or changed: payload `{}`. */
  jobDue: "job.due",
  /** Post-turn work waits: payload `{ lane }`, or `{}` where it may be of any. */
  effectDue: "effect.due",
  /** A flow may go on: payload `{}`; or is to be cancelled: `{ cancelled }`, its id, for whoever runs a step of it. */
  flowDue: "flow.due",
  /**
   * Something happened that a flow may wait for: payload `{ topic, correlationId, payload, flowId, eventId }`, where the last
   * is by default the envelope's id. Published, it may be lost; asked, the answer `{ kind, flowId }` says that it is kept, and
   * `{ kind: "refused", code, reason }` why not.
   */
  flowResume: "flow.resume",
  /** One of those that an agent asked has answered, or never will: payload `{ gatherId }`. */
  agentAnswered: "agent.answered",
  /** With the turn's id behind it: live events, payload `{ from, events }`. */
  turnLive: "turn.live",
  /** Somebody watches a turn from here on and wants to know what was said: payload `{ turnId, to }`, `to` a process. */
  turnWatched: "turn.watched",
  /** With the asking process's id behind it: the answer, payload `{ turnId, events }`. */
  turnSaid: "turn.said",
  /** This process reached the bus again, so doorbells may have been missed: heard by its own subscribers alone, payload `{}`. */
  busBack: "bus.back",
  /** A session was deleted, so nobody keeps what it knew of it: payload `{ sessionId }`. */
  sessionRemoved: "session.removed",
  /** Something came into somebody's inbox, or was read or removed there: payload `{ ownerId }`. */
  inboxChanged: "inbox.changed",
} as const;
