import type { MemoryClosing, MemoryKind, MemoryRecord } from "@troupe/contracts";
import type { FileText } from "../workspace/index.ts";
import type { Snapshot } from "./restore.ts";

/** A record that is not the same in both. */
export interface DifferentMemory {
  readonly id: string;
  readonly kind: MemoryKind;
  readonly text: string;
  readonly audience: readonly string[];
  /** Of a closed one: why it counts no longer. */
  readonly reason?: MemoryClosing;
  /** Of a changed one: what of it, by the names of its fields. */
  readonly fields?: readonly MemoryField[];
  readonly before?: MemoryRecord;
  readonly after?: MemoryRecord;
}

/** What of a record may change. How often it was used is no change. */
export type MemoryField = Exclude<keyof MemoryRecord, "id" | "spaceId" | "agentId" | "uses" | "lastUsedAt">;

const FIELDS: readonly MemoryField[] = [
  ...(["text", "kind", "audience", "scope", "slot", "validFrom", "validTo", "salience", "emotion"] as const),
  ...(["attributes", "sources", "proofCount", "promotedAt", "closed", "turnId", "recordedAt"] as const),
];

/** What is otherwise in the later of two snapshots of one agent. */
export interface SnapshotDifference {
  readonly agentId: string;
  /** When the earlier and the later were taken, UTC milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly memories: {
    readonly added: readonly DifferentMemory[];
    readonly closed: readonly DifferentMemory[];
    /** Closed in the earlier one. */
    readonly reopened: readonly DifferentMemory[];
    readonly changed: readonly DifferentMemory[];
    /** Deleted for good. */
    readonly removed: readonly DifferentMemory[];
  };
  /** By their titles. */
  readonly documents: Listed<string>;
  /** Absent where one of the two says nothing of files. */
  readonly files?: Listed<ChangedFile>;
}

interface Listed<Item> {
  readonly added: readonly Item[];
  readonly changed: readonly Item[];
  readonly removed: readonly Item[];
}

export interface ChangedFile {
  readonly file: string;
  readonly linesAdded: number;
  readonly linesRemoved: number;
}

/** What changed from one to the other. Pieces of documents are told by their document. */
export function differenceOf(earlier: Snapshot, later: Snapshot): SnapshotDifference {
  const files =
    earlier.files === undefined || later.files === undefined
      ? {}
      : { files: filesBetween(earlier.files, later.files) };
  return {
    ...{ agentId: later.agentId, from: earlier.at, to: later.at },
    memories: memoriesBetween(earlier.memories, later.memories),
    documents: documentsBetween(earlier.documents, later.documents),
    ...files,
  };
}

function memoriesBetween(
  before: readonly MemoryRecord[],
  after: readonly MemoryRecord[],
): SnapshotDifference["memories"] {
  const told = {
    added: [] as DifferentMemory[],
    closed: [] as DifferentMemory[],
    reopened: [] as DifferentMemory[],
    changed: [] as DifferentMemory[],
    removed: [] as DifferentMemory[],
  };
  const left = new Map(before.flatMap((one) => (one.kind === "document" ? [] : [[one.id, one] as const])));
  for (const record of after) {
    if (record.kind === "document") continue;
    const old = left.get(record.id);
    left.delete(record.id);
    if (old === undefined) told.added.push(shown(record));
    else if (old.closed === undefined && record.closed !== undefined) told.closed.push(shown(record));
    else if (old.closed !== undefined && record.closed === undefined) told.reopened.push(shown(record));
    else {
      const fields = FIELDS.filter((field) => !isSame(old[field], record[field]));
      if (fields.length > 0) told.changed.push({ ...shown(record), fields, before: old, after: record });
    }
  }
  for (const old of left.values()) told.removed.push(shown(old));
  return told;
}

function shown({ id, kind, text, audience, closed }: MemoryRecord): DifferentMemory {
  return { id, kind, text, audience, ...(closed === undefined ? {} : { reason: closed.reason }) };
}

function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(sorted(left)) === JSON.stringify(sorted(right));
}

/** In whatever order a store gave its members. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, sorted(inner)] as const);
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function documentsBetween(
  before: Snapshot["documents"],
  after: Snapshot["documents"],
): SnapshotDifference["documents"] {
  const old = new Map(before.map(({ document }) => [document.id, document]));
  const now = new Map(after.map(({ document }) => [document.id, document]));
  const titlesOf = (all: typeof old, isWanted: (id: string) => boolean): readonly string[] =>
    [...all].flatMap(([id, { title }]) => (isWanted(id) ? [title] : []));
  return {
    added: titlesOf(now, (id) => !old.has(id)),
    changed: titlesOf(now, (id) => old.has(id) && old.get(id)?.contentHash !== now.get(id)?.contentHash),
    removed: titlesOf(old, (id) => !now.has(id)),
  };
}

function filesBetween(before: readonly FileText[], after: readonly FileText[]): Listed<ChangedFile> {
  const old = new Map(before.map(({ file, text }) => [file, text]));
  const now = new Map(after.map(({ file, text }) => [file, text]));
  const between = (all: typeof old, isWanted: (file: string) => boolean): readonly ChangedFile[] =>
    [...all.keys()].filter(isWanted).map((file) => ({ file, ...linesBetween(old.get(file), now.get(file)) }));
  return {
    added: between(now, (file) => !old.has(file)),
    changed: between(now, (file) => old.has(file) && old.get(file) !== now.get(file)),
    removed: between(old, (file) => !now.has(file)),
  };
}

/** Lines that only one of the two has, wherever they stand. */
function linesBetween(before = "", after = ""): Omit<ChangedFile, "file"> {
  const counts = new Map<string, number>();
  const count = (text: string, by: number): void => {
    for (const line of text === "" ? [] : text.replace(/\n$/, "").split("\n"))
      counts.set(line, (counts.get(line) ?? 0) + by);
  };
  count(before, -1);
  count(after, 1);
  let [linesAdded, linesRemoved] = [0, 0];
  for (const more of counts.values()) {
    linesAdded += Math.max(0, more);
    linesRemoved += Math.max(0, -more);
  }
  return { linesAdded, linesRemoved };
}
