import type { Agent, AgentSpec } from "./agent.ts";
import type { Audience, Message, MessageOutcome, MessagePart, MessageRole } from "./message.ts";
import type { CallOptions, Page, PageQuery } from "./runtime.ts";
import type { Session, SessionSummary, Storyline } from "./session.ts";

declare const resultOf: unique symbol;

/**
 * One piece of a transaction, built by a store and understood by the `UnitOfWork` of the same adapter alone. Building
 * one does nothing. A write may be a guard: when it does not apply, the whole commit is refused with the error code
 * that its builder names.
 */
export interface Write<out Result = void> {
  readonly [resultOf]?: Result;
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

export interface SessionStore {
  /** Creates the session or resumes it, and takes sequence numbers. `lastSeq` is the last one taken. */
  touch(session: SessionTouch): Write<{ readonly lastSeq: number; readonly created: boolean }>;
  append(message: NewMessage): Write<{ readonly seq: number }>;
  get(sessionId: string, options: CallOptions): Promise<Session | undefined>;
  /** Most recently used first. */
  list(query: SessionQuery, options: CallOptions): Promise<Page<SessionSummary>>;
  /** Messages in order of `seq`, for people. The cursor is the last `seq` seen; `newest` starts from the end. */
  messages(
    query: PageQuery & { readonly sessionId: string; readonly newest?: boolean },
    options: CallOptions,
  ): Promise<Page<Message>>;
  /** Messages for a model, oldest first by `(turnSeq, seq)`, whole turns only, notices left out. */
  history(query: HistoryQuery, options: CallOptions): Promise<readonly Message[]>;
}

export interface StorylineStore {
  /** Makes the storyline of a session; does nothing when there is one. */
  open(storyline: Omit<Storyline, "summary" | "summaryTurnSeq">): Write;
  /** Replaces title and summary unless a newer summary is there already. */
  summarise(update: {
    readonly id: string;
    readonly title: string;
    readonly summary: string;
    readonly summaryTurnSeq: number;
    readonly at: number;
  }): Write;
  ofSession(sessionId: string, options: CallOptions): Promise<Storyline | undefined>;
}

// ── keys, agents, budget, memory ────────────────────────────────────────────────────────────────────────────────

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

/** One call of a model, kept whatever its outcome. */
export interface ModelCallRecord {
  readonly id: string;
  readonly spaceId: string;
  readonly agentId: string;
  readonly sessionId: string;
  readonly turnId: string;
  /** `provider/model`. */
  readonly model: string;
  readonly purpose: "turn" | "summary";
  readonly outcome: "ok" | "error" | "aborted";
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly estimated: boolean;
  readonly costMicroUsd: number;
  readonly latencyMs: number;
  readonly at: number;
}

export interface LedgerEntry {
  readonly spaceId: string;
  /** UTC day, `2026-11-21`. */
  readonly day: string;
  readonly microUsd: number;
}

export interface BudgetState {
  readonly day: string;
  readonly spentMicroUsd: number;
  readonly reservedMicroUsd: number;
}

/** Money. Amounts are whole millionths of a US dollar. Source: design §2 rule 8. */
export interface Ledger {
  /** Guard `budget.exceeded`: spent + reserved + this would pass `limitMicroUsd` (undefined: no limit) of the day. */
  reserve(entry: LedgerEntry & { readonly limitMicroUsd: number | undefined }): Write;
  /** Turns a reservation of `reservedMicroUsd` into `microUsd` spent. Never refused: what was billed is told. */
  settle(entry: LedgerEntry & { readonly reservedMicroUsd: number }): Write;
  record(call: ModelCallRecord): Write;
  /** Frees what is reserved for no living turn or effect; asked for at start. */
  reconcile(spaceId: string): Write;
  budget(spaceId: string, day: string, options: CallOptions): Promise<BudgetState>;
  callsOfTurn(turnId: string, options: CallOptions): Promise<readonly ModelCallRecord[]>;
}

export interface MemoryRecord {
  readonly id: string;
  readonly spaceId: string;
  readonly agentId: string;
  readonly audience: Audience;
  readonly text: string;
  /** The turn that it comes from. */
  readonly turnId: string;
  readonly createdAt: number;
}

export interface MemoryStore {
  /** Keeps a memory and makes it searchable in the same commit. The same id twice is one memory. */
  put(memory: MemoryRecord): Write;
  /** Deletes it and its index entries. */
  forget(spaceId: string, id: string): Write;
  /** Those whose audience contains all of `readers`, newest first. */
  list(
    query: PageQuery & { readonly spaceId: string; readonly agentId: string; readonly readers: Audience },
    options: CallOptions,
  ): Promise<Page<MemoryRecord>>;
}

export interface SearchQuery {
  readonly spaceId: string;
  readonly agentId: string;
  /** Everyone who will read the answer; only records whose audience contains them all are found. */
  readonly readers: Audience;
  /** Plain words; the store normalises them as it does when indexing. */
  readonly words: readonly string[];
  readonly limit: number;
}

export interface SearchHit {
  readonly kind: "message" | "memory";
  readonly id: string;
  readonly sessionId: string | undefined;
  readonly turnSeq: number | undefined;
  readonly role: MessageRole | "memory";
  readonly text: string;
  readonly createdAt: number;
  /** 0..1, higher is closer: share of the asked words that it holds, weighted by rarity in what was found. */
  readonly score: number;
}

/** Full-text search over messages and memories; terms are scoped by audience, so filtering happens before ranking. */
export interface SearchStore {
  search(query: SearchQuery, options: CallOptions): Promise<readonly SearchHit[]>;
  /** Indexes messages committed since the last call, at most `limit`; resolves with how many. Idempotent. */
  indexNew(limit: number, options: CallOptions): Promise<number>;
}
