import type { FilePart } from "./message.ts";
import type { CallOptions, Page, PageQuery } from "./runtime.ts";

/** A blob as the store knows it: bytes without a name or kind. */
export interface BlobStat {
  readonly spaceId: string;
  /** SHA-256 of the bytes, 64 hex digits. */
  readonly id: string;
  readonly sizeBytes: number;
  /** UTC milliseconds at which it was put or renewed last. */
  readonly renewedAt: number;
}

/** Bytes at once, or as they come. */
export type BlobContent = Uint8Array | AsyncIterable<Uint8Array>;

/**
 * Bytes of images and other files, by space and content: the same bytes are kept once in a space, and another space does
 * not see them. Who may read a blob is asked of the messages that hold it (`AttachmentStore`), not here.
 */
export interface BlobStore {
  /**
   * Keeps bytes and resolves once they are durable (fsync). The same bytes again renew what is there. Rejects with
   * `request.too_large` past `maxBytes`, with `store.full` or `store.failed` when they cannot be kept; then, and after an
   * abort (which rejects with the signal's reason), nothing is left behind.
   */
  put(
    blob: { readonly spaceId: string; readonly content: BlobContent; readonly maxBytes: number },
    options: CallOptions,
  ): Promise<BlobStat>;
  /**
   * The whole of it; undefined when there is none. Rejects with `request.too_large` when it has more than `maxBytes`, and
   * with `store.corrupt` when the bytes are not those that were put.
   */
  get(
    blob: { readonly spaceId: string; readonly id: string; readonly maxBytes: number },
    options: CallOptions,
  ): Promise<Uint8Array | undefined>;
  /** What is known of it; undefined when there is none. */
  stat(
    blob: { readonly spaceId: string; readonly id: string },
    options: CallOptions,
  ): Promise<BlobStat | undefined>;
  /** As `stat`, and from now on it counts as newly put, so that nobody takes it for left over. */
  renew(
    blob: { readonly spaceId: string; readonly id: string },
    options: CallOptions,
  ): Promise<BlobStat | undefined>;
  /** Deletes it; with `unlessRenewedSince` (UTC milliseconds) only when nobody put or renewed it later. Repeating does nothing. */
  delete(
    blob: { readonly spaceId: string; readonly id: string; readonly unlessRenewedSince?: number },
    options: CallOptions,
  ): Promise<void>;
  /** Every blob of a space in order of id, with what breaks off writers left behind cleared away. */
  list(query: PageQuery & { readonly spaceId: string }, options: CallOptions): Promise<Page<BlobStat>>;
}

/** A file as a message holds it. */
export interface Attachment extends FilePart {
  readonly spaceId: string;
  readonly sessionId: string;
  readonly messageId: string;
}

/** Which messages hold which blobs. Written by `SessionStore.append`, in the commit of the message. */
export interface AttachmentStore {
  /** The blob as the newest message holds it whose session belongs to `ownerId`; an operator leaves that out. */
  find(
    query: { readonly spaceId: string; readonly blobId: string; readonly ownerId?: string },
    options: CallOptions,
  ): Promise<Attachment | undefined>;
  /** Those of `blobIds` (at most 200) that a message holds. */
  held(
    query: { readonly spaceId: string; readonly blobIds: readonly string[] },
    options: CallOptions,
  ): Promise<readonly string[]>;
}

/** Most files of one message. */
export const MAX_FILES_PER_MESSAGE = 10;
