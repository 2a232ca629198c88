import type { Agent, AgentSpec } from "./agent.ts";
import type { MemoryEmotion } from "./memory.ts";
import type { Audience, Author, Message, MessageOutcome, MessagePart, MessageRole } from "./message.ts";
import type { CallOptions, Page, PageQuery } from "./runtime.ts";
import type { Compaction, Handoff, NewStoryline, Session, SessionSummary, Storyline } from "./session.ts";
import type { SourceReference } from "./turn.ts";

declare const resultOf: unique symbol;

/**
 * One piece of a transaction, built by a store and understood by the `UnitOfWork` of the same adapter alone. Building
 * one does nothing. A write may be a guard: when it does not apply, the whole commit is refused with the error code
 * that its builder names.
 */
export interface Write<out Result = void> {
  readonly [resultOf]?: Result;
  /** Subjects of the bus: once it is kept something of theirs may be due, and whoever commits it rings them. */
  readonly rings?: readonly string[];
}

/** Results of a commit's writes. */
export interface Committed {
  read<Result>(write: Write<Result>): Result;
}

/**
 * The only way to change what is kept. There is no interactive transaction: reads happen before, guards hold what must
 * still be true. Source: design §6.
 */
export interface UnitOfWork {
  /**
   * Applies all writes in order, or none, and resolves once they are durable (fsync). Rejects with the code of the first
   * guard that did not hold (`store.conflict`, `store.duplicate`, `budget.exceeded`), or with `store.full`, `store.busy`,
   * `store.readonly`, `store.corrupt`, `store.closed`, `store.failed`; then nothing of it is kept. An abort before the
   * hand-over rejects with the signal's reason; after it the promise still tells what really happened.
   */
  commit(writes: readonly Write<unknown>[], options: CallOptions): Promise<Committed>;
  /** Writes that nobody waits for: they ride with the next commit, 25 ms later at most. A failure is logged, not told. */
  ride(writes: readonly Write<unknown>[]): void;
  /** Resolves when everything handed over so far, riders included, is durable or has failed. */
  flush(options: CallOptions): Promise<void>;
}

// ── sessions, messages, storylines ──────────────────────────────────────────────────────────────────────────────

export interface SessionTouch {
  readonly id: string;
  readonly spaceId: string;
  readonly agentId: string;
  readonly channel: string;
  readonly key: string;
  readonly peerId: string;
  readonly ownerId: string;
  readonly audience: Audience;
  readonly stateless: boolean;
  /** UTC milliseconds. */
  readonly at: number;
  /** How many sequence numbers to take. */
  readonly count: number;
  /** Guard `store.conflict`: a session that is there is handed to another agent; empty: to one at all. Absent: whoever it is. */
  readonly handedTo?: string | undefined;
}

export interface NewMessage {
  readonly id: string;
  readonly spaceId: string;
  readonly sessionId: string;
  readonly turnId: string;
  /** `"same"`: this message opens its turn, so its own seq is the turn's. */
  readonly turnSeq: number | "same";
  readonly role: MessageRole;
  readonly parts: readonly MessagePart[];
  readonly audience: Audience;
  readonly outcome: MessageOutcome;
  readonly createdAt: number;
  readonly author?: Author;
  /** Its seq is the session's last one, after the `touch` of the same commit, minus this. */
  readonly fromLast: number;
}

export interface SessionQuery extends PageQuery {
  readonly spaceId: string;
  /** Only sessions of this owner; an operator leaves it out. */
  readonly ownerId?: string;
  readonly agentId?: string;
  readonly includeStateless?: boolean;
}

export interface HistoryQuery {
  readonly sessionId: string;
  /** Only turns before this one. */
  readonly beforeTurnSeq: number;
  /** Newest messages first considered; at most so many, and at most so many bytes of parts. */
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** A copy of a session's beginning, as a session of its own with the same agent, channel, owner, peer and audience. */
export interface NewBranch {
  readonly id: string;
  readonly key: string;
  readonly parentId: string;
  /** Where it parts: everything up to this message, by `(turnSeq, seq)`. */
  readonly messageId: string;
  /** The message itself is copied too. */
  readonly isIncluded: boolean;
  readonly name: string | undefined;
  /** Id of the storyline that goes with the copy, if its parent has one. */
  readonly storylineId: string;
  /** UTC milliseconds. */
  readonly at: number;
}

/** What deleting a session took with it. */
export interface RemovedSession {
  readonly messages: number;
  readonly turns: number;
}

export interface SessionStore {
  /** Creates the session or resumes it, and takes sequence numbers. `lastSeq` is the last one taken. */
  touch(session: SessionTouch): Write<{ readonly lastSeq: number; readonly created: boolean }>;
  /**
   * Guard `store.conflict`: there is no such session. Takes sequence numbers and changes nothing else, so that what a newer
   * message said of the audience stays.
   */
  take(session: {
    readonly id: string;
    /** UTC milliseconds. */
    readonly at: number;
    readonly count: number;
  }): Write<{ readonly lastSeq: number }>;
  /** Keeps the message, and in the same commit which files it holds (`AttachmentStore`). */
  append(message: NewMessage): Write<{ readonly seq: number }>;
  /** Guard `store.conflict`: there is no such session. No summary changes a name; undefined gives it up. */
  rename(session: { readonly id: string; readonly name: string | undefined }): Write;
  /** Guard `store.conflict`: there is no such session. People's next turns are the other agent's; one before it is over. */
  handOff(handoff: Omit<Handoff, "endedAt">): Write;
  /** Gives the session back to its own agent; does nothing to one that is not handed to another. */
  handBack(session: { readonly id: string; readonly at: number }): Write;
  /** The newest handoff of a session to this agent, over or not. */
  handoff(
    of: { readonly sessionId: string; readonly to: string },
    options: CallOptions,
  ): Promise<Handoff | undefined>;
  /**
   * Guard `store.conflict`: there is no such session or message, or the id is taken. The copies keep `seq`, `turnSeq` and
   * `turnId`, have ids of their own, and are not found by search, which finds what they are copies of. The storyline goes
   * along with its summary where that knows nothing of what comes after.
   */
  branch(branch: NewBranch): Write<{ readonly lastSeq: number }>;
  /**
   * Guard `store.conflict`: there is no such session, a turn of it is queued or running, or a reply is on its way. Deletes
   * its messages, index entries, storyline, turns with their steps, inbound rows, replies and effects. What was spent
   * stays in the ledger, and what an agent was told to remember stays its memory.
   */
  remove(sessionId: string): Write<RemovedSession>;
  get(sessionId: string, options: CallOptions): Promise<Session | undefined>;
  /** Most recently used first. */
  list(query: SessionQuery, options: CallOptions): Promise<Page<SessionSummary>>;
  /** Messages in order of `seq`, for people. The cursor is the last `seq` seen; `newest` starts from the end. */
  messages(
    query: PageQuery & { readonly sessionId: string; readonly newest?: boolean },
    options: CallOptions,
  ): Promise<Page<Message>>;
  /** The messages that are referred to, of those whose audience contains all of `readers`; in no order. */
  find(
    query: {
      readonly spaceId: string;
      readonly readers: Audience;
      readonly references: readonly Extract<SourceReference, { kind: "message" }>[];
    },
    options: CallOptions,
  ): Promise<readonly Message[]>;
  /** Messages for a model, oldest first by `(turnSeq, seq)`, whole turns only, notices left out. */
  history(query: HistoryQuery, options: CallOptions): Promise<readonly Message[]>;
}

/** A turn as a storyline lists it. */
export interface StorylineTurn {
  readonly turnId: string;
  readonly sessionId: string;
  /** UTC milliseconds. */
  readonly at: number;
}

/** A turn that belongs elsewhere than where its session began. */
export interface PlacedInStoryline {
  readonly turnSeq: number;
  readonly storylineId: string;
  readonly title: string;
  /** Who may know that title. */
  readonly audience: Audience;
}

export interface StorylineStore {
  /** Makes a storyline; does nothing when its session has its first one, or when it is there already. */
  open(storyline: NewStoryline): Write;
  /**
   * Replaces title, summary and who may know them, unless a newer summary is there already. A name that a person gave stays only
   * while nobody may know it who could not before.
   */
  summarise(update: {
    readonly id: string;
    /** What the audiences of all that it was made from share. */
    readonly audience: Audience;
    readonly title: string;
    readonly summary: string;
    readonly summaryTurnSeq: number;
    readonly at: number;
  }): Write;
  /** It was talked of. */
  touch(update: { readonly id: string; readonly at: number }): Write;
  /** A person's name for it, which summaries leave alone. */
  rename(update: { readonly id: string; readonly name: string; readonly at: number }): Write;
  /** It is a part of another one from now on and is listed no more. Its turns go by `reassign`, in the same commit. */
  merge(update: { readonly id: string; readonly into: string; readonly at: number }): Write;
  /** Says that a turn belongs elsewhere than where its session began. The same turn again: the later one holds. */
  placeTurn(turn: {
    readonly turnId: string;
    readonly storylineId: string;
    readonly sessionId: string;
    readonly turnSeq: number;
    readonly sideIds: readonly string[];
    readonly at: number;
  }): Write;
  /** Turns of one storyline become those of another: all, one turn, or those of a session from one turn on. */
  reassign(change: {
    readonly from: string;
    readonly to: string;
    readonly turnId?: string | undefined;
    readonly fromTurn?: { readonly sessionId: string; readonly turnSeq: number } | undefined;
  }): Write;
  /** The one that the session began with. */
  ofSession(sessionId: string, options: CallOptions): Promise<Storyline | undefined>;
  get(id: string, options: CallOptions): Promise<Storyline | undefined>;
  /** Those that began with a peer and are not merged, newest first. */
  ofPeer(
    query: {
      readonly spaceId: string;
      readonly agentId: string;
      readonly peerId: string;
      readonly limit: number;
    },
    options: CallOptions,
  ): Promise<readonly Storyline[]>;
  /** Turns of a session from one on that belong elsewhere than where it began, in order: of many the newest 2,000. */
  placedIn(
    sessionId: string,
    fromTurnSeq: number,
    options: CallOptions,
  ): Promise<readonly PlacedInStoryline[]>;
  /** From now on a summary stands in prompts for the turns up to one. An older one than there is changes nothing. */
  compact(compaction: Compaction): Write;
  /** What stands in the prompts of a session for turns that they show no more. */
  compactions(sessionId: string, options: CallOptions): Promise<readonly Compaction[]>;
  /** Its latest turns, newest first, those of the session that began with it included. */
  turnsOf(id: string, limit: number, options: CallOptions): Promise<readonly StorylineTurn[]>;
  /** Those that are not merged, by when they were talked of, newest first. */
  list(
    query: PageQuery & {
      readonly spaceId: string;
      readonly agentId?: string | undefined;
      readonly peerId?: string | undefined;
    },
    options: CallOptions,
  ): Promise<Page<Storyline>>;
}

// ── keys, agents, search ────────────────────────────────────────────────────────────────────────────────

export interface KeyRecord {
  readonly id: string;
  readonly spaceId: string;
  readonly name: string;
  readonly kind: "operator" | "key";
  /** SHA-256 of the key, hex. The key itself has 256 random bits, so a slow hash would add nothing. */
  readonly hash: string;
  /** First characters, to recognise it by. */
  readonly hint: string;
  readonly createdAt: number;
  readonly revokedAt: number | undefined;
}

export interface KeyStore {
  put(key: KeyRecord): Write;
  /** Does nothing when it is revoked already. */
  revoke(id: string, at: number): Write;
  /** Undefined for unknown keys; a revoked one is returned with its `revokedAt`. */
  findByHash(hash: string, options: CallOptions): Promise<KeyRecord | undefined>;
  list(spaceId: string, options: CallOptions): Promise<readonly KeyRecord[]>;
}

export interface AgentStore {
  /** Stores the blueprint; a changed one gets the next revision, an unchanged one keeps its own. */
  put(spaceId: string, spec: AgentSpec, at: number): Write<{ readonly revision: number }>;
  /** Hides an agent whose file is gone; its sessions and turns stay. */
  retire(spaceId: string, agentId: string, at: number): Write;
  list(spaceId: string, options: CallOptions): Promise<readonly Agent[]>;
}

export interface SearchQuery {
  readonly spaceId: string;
  readonly agentId: string;
  /** Everyone who will read the answer; only records whose audience contains them all are found. */
  readonly readers: Audience;
  /** Plain words; the store normalises them as it does when indexing. */
  readonly words: readonly string[];
  /**
   * The question as it was asked; data, never a query language. With it answers are looked for: its form says what kind is
   * meant, and messages beside those that hold the words are found too. Without it, only what holds words.
   */
  readonly text?: string;
  /** When it was asked, UTC milliseconds; without it, times that are told from now mean nothing. */
  readonly askedAt?: number;
  /**
   * The vector of `text`: what is near it in meaning comes before what holds as much of its words. Called only where the text asks
   * for something and something may be found; must not reject, and resolves with undefined where there is none in time.
   */
  readonly meaning?: (options: CallOptions) => Promise<QuestionMeaning | undefined>;
  /** How the asker feels: memories that feel alike come a little earlier. Changes the order alone, never what is found. */
  readonly mood?: MemoryEmotion;
  readonly limit: number;
  /** Hits of a lower score are not given. Default 0. */
  readonly minScore?: number;
  /**
   * What the asker has before it already: messages of this session from this turn on are neither found nor counted. Where
   * a reader knows of nothing else, the answer is empty and costs no search.
   */
  readonly except?: { readonly sessionId: string; readonly fromTurnSeq: number };
}

/** Of a question, as an embedding model sees it. Vectors of other models, or of another length, count nothing beside it. */
export interface QuestionMeaning {
  /** `provider/model`. */
  readonly model: string;
  readonly vector: Float32Array;
}

export interface SearchHit {
  readonly kind: "message" | "memory";
  readonly id: string;
  readonly sessionId: string | undefined;
  readonly turnSeq: number | undefined;
  /** `document`: a memory that is a piece of a document; its first line says of which, and where in it. */
  readonly role: MessageRole | "memory" | "document";
  readonly text: string;
  /** Who knows it; every reader of the question is among them. */
  readonly audience: Audience;
  readonly createdAt: number;
  /**
   * 0..1: share of the asked words that it is about, weighted by rarity in what was found. Words of the messages around it
   * count less than its own. Hits come best first by this and by what the question's form, speakers, sessions and meaning add.
   */
  readonly score: number;
}

/** Full-text search over messages and memories; terms are scoped by audience, so filtering happens before ranking. */
export interface SearchStore {
  search(query: SearchQuery, options: CallOptions): Promise<readonly SearchHit[]>;
  /**
   * Indexes messages committed since the last call, at most `limit`, or makes a stretch anew of what an older version indexed; resolves
   * with how many, and with `limit` where there may be more. Idempotent.
   */
  indexNew(limit: number, options: CallOptions): Promise<number>;
  /**
   * Makes what was indexed anew from the records themselves, at most `limit` rows a call, while it serves: what is not yet made anew
   * is found as before. Goes on where an earlier call, also of another process, stopped. After the call that says there is no more the
   * next one begins at the beginning. What `indexNew` has not reached is left to it.
   */
  renew(
    limit: number,
    options: CallOptions,
  ): Promise<{ /** Records made anew. */ readonly passed: number; readonly isMore: boolean }>;
}
