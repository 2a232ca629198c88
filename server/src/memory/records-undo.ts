import type { CallOptions, MemoryRecord, MemoryStore, Write } from "@troupe/contracts";

export interface UndoneMemory {
  readonly closed: readonly string[];
  readonly reopened: readonly string[];
  readonly writes: readonly Write<unknown>[];
}

/**
 * Takes back what was done last with a record: one that was closed is opened again, and what took its place is closed; one
 * that is open is closed, and what it took the place of is opened again. Refused with `store.conflict` at the commit where one
 * of them changed meanwhile.
 */
export async function undoMemory(
  memories: Pick<MemoryStore, "find" | "replacedBy" | "close" | "reopen">,
  record: MemoryRecord,
  at: number,
  options: CallOptions,
): Promise<UndoneMemory> {
  const { spaceId } = record;
  const newer = record.closed === undefined ? record : await successorOf(memories, record, options);
  const older = newer === undefined ? [] : await memories.replacedBy({ spaceId, id: newer.id }, options);
  const reopened =
    record.closed === undefined || older.some(({ id }) => id === record.id) ? older : [record, ...older];
  const closed = newer === undefined || newer.closed !== undefined ? [] : [newer];
  return {
    closed: closed.map(({ id }) => id),
    reopened: reopened.map(({ id }) => id),
    writes: [
      ...closed.map(({ id }) => memories.close({ spaceId, id, at, reason: "undone", mustBeOpen: true })),
      ...reopened.map((one) => memories.reopen(one)),
    ],
  };
}

async function successorOf(
  memories: Pick<MemoryStore, "find">,
  { spaceId, closed }: MemoryRecord,
  options: CallOptions,
): Promise<MemoryRecord | undefined> {
  if (closed?.successorId === undefined) return undefined;
  const ids = [closed.successorId];
  return (await memories.find({ spaceId, readers: undefined, ids, includeClosed: true }, options))[0];
}
