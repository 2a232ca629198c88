/** Forgetting a person for good. */
import type { CallOptions } from "./runtime.ts";
import type { Write } from "./store.ts";

/** Whom alone it concerns: an id as audiences hold it. */
export interface ErasedPeer {
  readonly spaceId: string;
  readonly peerId: string;
}

/** How many rows of each kind were deleted. */
export interface ErasedRows {
  readonly memories: number;
  readonly documents: number;
  readonly storylines: number;
  readonly jobs: number;
  readonly agentMessages: number;
}

/** `clean`: the store's files hold nothing of what was deleted before. `left`: they may; why, in a sentence. */
export type Scrubbed = { readonly kind: "clean" } | { readonly kind: "left"; readonly reason: string };

/**
 * Deletes what one peer alone knows, and how their channel shows them. What was said in groups is known to others and stays; who of
 * them wrote it is deleted.
 */
export interface ErasureStore {
  /** Conversations that nobody else reads, of all agents, at most 200; each is deleted by `SessionStore.remove`. */
  sessionIds(of: ErasedPeer, options: CallOptions): Promise<readonly string[]>;
  /** Files that messages of these conversations hold, each once, at most 10,000. */
  blobIds(of: ErasedPeer, options: CallOptions): Promise<readonly string[]>;
  /** What there is to delete. */
  counts(of: ErasedPeer, options: CallOptions): Promise<ErasedRows & { readonly sessions: number }>;
  /**
   * Deletes what else this peer alone knows, with index entries and vectors: memories, open and closed, documents, storylines,
   * jobs with their runs, what agents said among themselves for it, what waits in its inbox, flows of its conversations that
   * have ended. Comes after its conversations.
   */
  remove(of: ErasedPeer): Write<ErasedRows>;
  /**
   * Writes the store's files anew, so that no page of them holds what was deleted. Commits wait meanwhile. Rejects with the
   * signal's reason before it begins, and with the store's error codes.
   */
  scrub(options: CallOptions): Promise<Scrubbed>;
}
