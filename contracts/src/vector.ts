import type { Audience } from "./message.ts";
import type { CallOptions } from "./runtime.ts";
import type { Write } from "./store.ts";

/** What a vector is of; the owner is found under its id in the store of its kind. */
export type VectorOwnerKind = "message" | "memory" | "storyline";

export interface VectorOwner {
  readonly spaceId: string;
  readonly ownerKind: VectorOwnerKind;
  readonly ownerId: string;
  /** Where a message stands; of no other kind. One without a place is not there. */
  readonly place?: MessagePlace | undefined;
}

export interface MessagePlace {
  readonly sessionId: string;
  readonly seq: number;
}

/** Vectors of two models, or of two lengths, are never compared. */
export interface VectorModel {
  /** `provider/model`, as the embedding router names it. */
  readonly model: string;
  /** How many numbers a vector has. */
  readonly dimensions: number;
}

export interface NewVector extends VectorOwner {
  readonly model: string;
  readonly vector: Float32Array;
  /** UTC milliseconds. */
  readonly createdAt: number;
}

/** A vector, with who may be told of its owner as the owner stands now. */
export interface StoredVector extends VectorOwner {
  /** Grows with each vector that is put and is never given twice, so it also says which of an owner's is meant. */
  readonly row: number;
  readonly agentId: string;
  readonly audience: Audience;
  readonly vector: Float32Array;
}

/** What is to be embedded. */
export interface DueVector extends VectorOwner {
  readonly text: string;
  /** The message just before it, where the same people know it, with its vector if it has one. */
  readonly before?: { readonly ownerId: string; readonly vector: Float32Array | undefined } | undefined;
}

/** Rows of owners, the first exclusive, among which nothing is due but what was told of. */
export interface DueSpan {
  readonly from: number;
  readonly upTo: number;
  /** Who stands at its end. When it stands there no more, rows may have been given again, and the span says nothing. */
  readonly lastId?: string | undefined;
}

/** Vectors of what can be recalled, one for each owner and model. Searching them is the index's affair, which is made from these. */
export interface VectorStore {
  /** In place of the owner's earlier one of that model. Keeps nothing for an owner that is not there, or a memory that is closed. */
  put(vector: NewVector): Write;
  /**
   * The same for a batch of one kind and model at the price of one, and that nothing else is due in the span that `missing` gave,
   * unless `renew` came in between. Repeating it is harmless.
   */
  fill(batch: {
    readonly spaceId: string;
    readonly ownerKind: "message" | "memory";
    readonly model: string;
    readonly vectors: readonly NewVector[];
    readonly span: DueSpan;
  }): Write;
  /** From now on what this model made before `at` is due again, and serves until it was made anew. */
  renew(query: { readonly spaceId: string; readonly model: string; readonly at: number }): Write;
  /** Those of all models. Deleting a session or erasing a memory does it too. */
  remove(owner: Omit<VectorOwner, "place">): Write;
  /** Deletes some vectors of other models than this one; how many. For when nobody will ask by those any more. */
  prune(query: { readonly spaceId: string; readonly keep: string; readonly limit: number }): Write<{
    readonly count: number;
  }>;
  /** In order of `row`. What is not of that model and length is passed over: a mismatch costs recall, never a turn. */
  after(
    query: VectorModel & { readonly afterRow: number; readonly limit: number },
    options: CallOptions,
  ): Promise<readonly StoredVector[]>;
  /** Those of the rows that are still there; in no order. */
  find(
    query: VectorModel & { readonly rows: readonly number[] },
    options: CallOptions,
  ): Promise<readonly StoredVector[]>;
  /**
   * Owners of a kind whose vector of that model is due, oldest first, with their texts: what was never embedded by it, and what
   * `renew` told of. A call looks at a bounded number of rows; `isMore` says that there are others.
   */
  missing(
    query: {
      readonly spaceId: string;
      readonly ownerKind: "message" | "memory";
      readonly model: string;
      readonly limit: number;
    },
    options: CallOptions,
  ): Promise<{ readonly items: readonly DueVector[]; readonly span: DueSpan; readonly isMore: boolean }>;
  /** How many there are of each model and length. */
  counts(
    spaceId: string,
    options: CallOptions,
  ): Promise<readonly (VectorModel & { readonly count: number })[]>;
}

/**
 * An index of vectors in the database itself, for all processes that share it; where it has none they search in memory. It is a copy
 * of what the vector store keeps, and goes with it: what is deleted there leaves it in the same commit. Every method makes
 * what it lacks first, once a process, and rejects with `store.failed` and what to do where that cannot be done. Nothing that is
 * kept depends on it.
 */
export interface VectorIndexStore {
  /**
   * Takes in some of what a model made since it was last called, oldest first: how many were looked at, and whether more is
   * due. Several processes may call it at once; repeating it is harmless, and what broke off goes on where it was.
   */
  take(
    query: { readonly model: string; readonly limit: number },
    options: CallOptions,
  ): Promise<{ readonly taken: number; readonly isMore: boolean }>;
  /**
   * Rows whose vectors point about where this one does, of those that every reader knows, nearest first. They are
   * candidates: what they are, and who may be told, is asked of the vector store.
   */
  nearest(
    query: VectorModel & {
      readonly spaceId: string;
      readonly agentId: string;
      readonly readers: Audience;
      readonly vector: Float32Array;
      readonly limit: number;
    },
    options: CallOptions,
  ): Promise<readonly number[]>;
  /** Takes rows out that the vector store does not tell of any more. */
  drop(query: VectorModel & { readonly rows: readonly number[] }, options: CallOptions): Promise<void>;
  /** From now on all that this model made is looked at again, and what has no vector any more is taken out. */
  renew(query: { readonly model: string }, options: CallOptions): Promise<void>;
  /** Deletes the indexes of other models, or all; makes nothing. */
  prune(query: { readonly keep: string | undefined }, options: CallOptions): Promise<void>;
}
