import { createHash } from "node:crypto";
import {
  type CallOptions,
  type DocumentStore,
  type KnowledgeDocument,
  MEMORY_KINDS,
  type MemoryRecord,
  type MemoryStore,
  TroupeError,
  type Write,
} from "@troupe/contracts";
import { type FileText, isFileText } from "../workspace/index.ts";
import { chunkIdsOf, documentsOf, recordsOf, SNAPSHOT_FORMAT, SNAPSHOT_VERSION } from "./snapshot.ts";

const FIRST_WITH_FILES = 2;
/** The plan of a restore is made in memory. */
const MOST_RECORDS = 50_000;

/** A snapshot that was read and is whole. */
export interface Snapshot {
  readonly agentId: string;
  /** UTC milliseconds. */
  readonly at: number;
  readonly memories: readonly MemoryRecord[];
  readonly documents: readonly {
    readonly document: KnowledgeDocument;
    readonly chunkIds: readonly string[];
  }[];
  /** Undefined in one of an earlier version: it says nothing of them. */
  readonly files: readonly FileText[] | undefined;
  /** Lines that it is made of, first and last included. */
  readonly lines: number;
}

/** What a restore changes; ids. */
export interface RestorePlan {
  /** There was none, or it was erased. */
  readonly added: readonly string[];
  /** It is otherwise by now. */
  readonly changed: readonly string[];
  /** Came since: it is deleted. */
  readonly removed: readonly string[];
  readonly writes: readonly Write<unknown>[];
}

/** Reads a snapshot. Throws `request.invalid` for what is none, is of a newer Troupe, or is not as it was written. */
export function readSnapshot(text: string): Snapshot {
  const lines = text.split("\n").filter((line) => line !== "");
  const last = lines.pop();
  const [head, ...rest] = lines.map(parsed);
  if (head?.format !== SNAPSHOT_FORMAT) throw invalid("is no snapshot of an agent's memory");
  if (typeof head.v !== "number" || head.v > SNAPSHOT_VERSION) throw invalid("was written by a newer Troupe");
  const end = parsed(last ?? "").end as { readonly lines?: unknown; readonly sha256?: unknown } | undefined;
  const hash = createHash("sha256");
  for (const line of lines) hash.update(`${line}\n`);
  if (end?.lines !== lines.length || end.sha256 !== hash.digest("hex"))
    throw invalid("is not whole, or was changed since it was written");
  if (rest.length > MOST_RECORDS) throw invalid(`has more than ${MOST_RECORDS} records`);
  const memories = rest.flatMap(({ memory }) => (memory === undefined ? [] : [memory as MemoryRecord]));
  const documents = rest.flatMap((line) =>
    line.document === undefined ? [] : [line as unknown as Snapshot["documents"][number]],
  );
  const isReadable = memories.every(
    ({ id, text: words, kind, audience }) =>
      typeof id === "string" &&
      typeof words === "string" &&
      MEMORY_KINDS.includes(kind) &&
      Array.isArray(audience),
  );
  const files = rest.flatMap(({ file, text: words }) => (file === undefined ? [] : [{ file, text: words }]));
  if (!isReadable || !documents.every(isDocument) || !files.every(isFileText))
    throw invalid("holds records that cannot be read");
  return {
    ...{ agentId: String(head.agentId), at: Number(head.at), memories, documents },
    files: head.v < FIRST_WITH_FILES ? undefined : (files as readonly FileText[]),
    lines: lines.length + 1,
  };
}

function isDocument({ document, chunkIds }: Snapshot["documents"][number]): boolean {
  return typeof document?.id === "string" && typeof document.title === "string" && Array.isArray(chunkIds);
}

function parsed(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Told below, whatever it is.
  }
  throw invalid("is no snapshot of an agent's memory");
}

function invalid(what: string): TroupeError {
  return new TroupeError(`The file ${what}. Give one that ./troupe memory snapshot wrote.`, {
    code: "request.invalid",
  });
}

/**
 * What makes the agent's memory what the snapshot says. Kept in stretches, in this order, it may break off between any two of
 * them: the next plan holds what is left. How often records were used since is no difference. A second restore of one
 * snapshot changes nothing.
 */
export async function planRestore(
  stores: {
    readonly memories: Pick<MemoryStore, "list" | "restore" | "erase">;
    readonly documents: Pick<DocumentStore, "list" | "chunkIds" | "put" | "remove">;
  },
  spaceId: string,
  { agentId, memories, documents }: Pick<Snapshot, "agentId" | "memories" | "documents">,
  options: CallOptions,
): Promise<RestorePlan> {
  const of = { spaceId, agentId };
  const now = new Map<string, MemoryRecord>();
  for await (const record of recordsOf(stores, of, options)) now.set(record.id, record);
  const wanted = new Map(memories.map((memory) => [memory.id, { ...memory, spaceId, agentId }]));
  const [added, changed, removed]: [string[], string[], string[]] = [[], [], []];
  const writes: Write<unknown>[] = [];
  for (const [id, memory] of wanted) {
    const there = now.get(id);
    if (there !== undefined && essence(there) === essence(memory)) continue;
    (there === undefined ? added : changed).push(id);
    writes.push(stores.memories.restore(memory));
  }
  for (const id of now.keys()) {
    if (wanted.has(id)) continue;
    removed.push(id);
    writes.push(stores.memories.erase(spaceId, id));
  }
  writes.push(...(await documentWrites(stores, of, documents, options)));
  return { added, changed, removed, writes };
}

function essence({ uses: _, lastUsedAt: __, ...record }: MemoryRecord): string {
  const entries = Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(entries);
}

async function documentWrites(
  stores: { readonly documents: Pick<DocumentStore, "list" | "chunkIds" | "put" | "remove"> },
  of: { readonly spaceId: string; readonly agentId: string },
  documents: Snapshot["documents"],
  options: CallOptions,
): Promise<readonly Write<unknown>[]> {
  const now = new Map<string, KnowledgeDocument>();
  for await (const document of documentsOf(stores, of, options)) now.set(document.id, document);
  const writes: Write<unknown>[] = [];
  for (const { document, chunkIds } of documents) {
    const there = now.get(document.id);
    now.delete(document.id);
    if (there?.contentHash === document.contentHash) {
      const ids = await chunkIdsOf(stores, there, options);
      if (JSON.stringify(ids) === JSON.stringify(chunkIds)) continue;
    }
    const revision = (there?.revision ?? 0) + 1;
    writes.push(stores.documents.put({ ...document, ...of, revision }, chunkIds));
  }
  writes.push(...[...now.values()].map((document) => stores.documents.remove(document)));
  return writes;
}
