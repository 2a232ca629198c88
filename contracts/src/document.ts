/** What agents were given to read: files and pages. */
import type { Audience } from "./message.ts";
import type { CallOptions, Page, PageQuery } from "./runtime.ts";
import type { Write } from "./store.ts";

/** A file or page that an agent was given. What it says is kept in pieces, memories of the kind `document`. */
export interface KnowledgeDocument {
  readonly id: string;
  readonly spaceId: string;
  readonly agentId: string;
  /** Who may be told what it says. */
  readonly audience: Audience;
  /** Path of a file or address of a page, as it was given; an agent has one document of each. */
  readonly source: string;
  /** As people call it; citations begin with it. */
  readonly title: string;
  /** `text/markdown`; without parameters, in lower case. */
  readonly mediaType: string;
  /** SHA-256 of what was read, hex. */
  readonly contentHash: string;
  readonly sizeBytes: number;
  readonly chunkCount: number;
  /** From 1; the next one takes the place of this one's pieces. */
  readonly revision: number;
  /** UTC milliseconds. */
  readonly addedAt: number;
  readonly updatedAt: number;
}

/** Documents; their pieces are put and erased as memories, in the same commit. */
export interface DocumentStore {
  /**
   * Keeps a document and the ids of its pieces, in order, in place of its revision before. Guard `store.conflict`: there is
   * none before of revision 1, and of every other the one before is there.
   */
  put(document: KnowledgeDocument, chunkIds: readonly string[]): Write;
  /** Guard `store.conflict`: the document is there with this revision. Deletes it; its pieces are erased beside it. */
  remove(document: Pick<KnowledgeDocument, "spaceId" | "id" | "revision">): Write;
  get(spaceId: string, id: string, options: CallOptions): Promise<KnowledgeDocument | undefined>;
  /** Those of an agent that hold these very bytes; the newest first. */
  withContent(
    query: { readonly spaceId: string; readonly agentId: string; readonly contentHash: string },
    options: CallOptions,
  ): Promise<readonly KnowledgeDocument[]>;
  /** In order, 200 at most; the next page begins after so many. */
  chunkIds(
    query: { readonly spaceId: string; readonly id: string; readonly after?: number },
    options: CallOptions,
  ): Promise<readonly string[]>;
  /** The last changed first. */
  list(
    query: PageQuery & { readonly spaceId: string; readonly agentId?: string | undefined },
    options: CallOptions,
  ): Promise<Page<KnowledgeDocument>>;
}
