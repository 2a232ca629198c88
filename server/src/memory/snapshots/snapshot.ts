import { createHash } from "node:crypto";
import {
  type CallOptions,
  type DocumentStore,
  type KnowledgeDocument,
  MEMORY_KINDS,
  type MemoryRecord,
  type MemoryStore,
} from "@troupe/contracts";
import type { FileText } from "../workspace/index.ts";

export const SNAPSHOT_FORMAT = "troupe-memory";
/** 2 added the files of the agent's own; 1 says nothing of them. */
export const SNAPSHOT_VERSION = 2;
const PAGE = 200;

/** The lines of a snapshot: what it is, its records and documents, and what proves that it is whole. */
export type SnapshotLine =
  | {
      readonly format: typeof SNAPSHOT_FORMAT;
      readonly v: number;
      readonly agentId: string;
      /** UTC milliseconds. */
      readonly at: number;
    }
  | { readonly memory: MemoryRecord }
  | { readonly document: KnowledgeDocument; readonly chunkIds: readonly string[] }
  | { readonly file: string; readonly text: string }
  | { readonly end: { readonly lines: number; readonly sha256: string } };

export interface SnapshotSource {
  /** The agent's own files, whole. */
  readonly files: (agentId: string) => Promise<readonly FileText[]>;
  readonly memories: Pick<MemoryStore, "list">;
  readonly documents: Pick<DocumentStore, "list" | "chunkIds">;
}

/** What an agent keeps in mind, open and closed, what it was given to read, and its own files; a line each, ended by a newline. */
export async function* snapshotLines(
  source: SnapshotSource,
  of: { readonly spaceId: string; readonly agentId: string; readonly at: number },
  options: CallOptions,
): AsyncGenerator<string> {
  const hash = createHash("sha256");
  let lines = 0;
  const line = (value: SnapshotLine): string => {
    const text = `${JSON.stringify(value)}\n`;
    hash.update(text);
    lines++;
    return text;
  };
  const { agentId, at } = of;
  yield line({ format: SNAPSHOT_FORMAT, v: SNAPSHOT_VERSION, agentId, at });
  for await (const memory of recordsOf(source, of, options)) yield line({ memory });
  for await (const document of documentsOf(source, of, options))
    yield line({ document, chunkIds: await chunkIdsOf(source, document, options) });
  for (const { file, text } of await source.files(agentId)) yield line({ file, text });
  yield `${JSON.stringify({ end: { lines, sha256: hash.digest("hex") } })}\n`;
}

/** Of the agent itself, however they ended; the newest first. */
export async function* recordsOf(
  { memories }: Pick<SnapshotSource, "memories">,
  { spaceId, agentId }: { readonly spaceId: string; readonly agentId: string },
  options: CallOptions,
): AsyncGenerator<MemoryRecord> {
  const query = {
    spaceId,
    agentId,
    readers: undefined,
    kinds: MEMORY_KINDS,
    state: "all",
    limit: PAGE,
  } as const;
  let cursor: string | undefined;
  do {
    const page = await memories.list({ ...query, ...(cursor === undefined ? {} : { cursor }) }, options);
    // Those of the space are seen by every agent, and are in the snapshot of the one that made them.
    yield* page.items.filter((record) => record.agentId === agentId);
    cursor = page.next;
  } while (cursor !== undefined);
}

export async function* documentsOf(
  { documents }: Pick<SnapshotSource, "documents">,
  { spaceId, agentId }: { readonly spaceId: string; readonly agentId: string },
  options: CallOptions,
): AsyncGenerator<KnowledgeDocument> {
  let cursor: string | undefined;
  do {
    const query = { spaceId, agentId, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const page = await documents.list(query, options);
    yield* page.items;
    cursor = page.next;
  } while (cursor !== undefined);
}

export async function chunkIdsOf(
  { documents }: Pick<SnapshotSource, "documents">,
  { spaceId, id }: KnowledgeDocument,
  options: CallOptions,
): Promise<readonly string[]> {
  const all: string[] = [];
  for (;;) {
    const some = await documents.chunkIds({ spaceId, id, after: all.length }, options);
    all.push(...some);
    if (some.length === 0) return all;
  }
}
