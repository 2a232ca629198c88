import type { CallOptions, MemoryRecord, MemoryStore, Write } from "@troupe/contracts";

export interface UndoneMemory {
  readonly closed: readonly string[];
  readonly reopened: readonly string[];
  readonly writes: readonly Write<unknown>[];
}

/** Corrections of corrections that are followed. */
const MOST_CORRECTIONS = 50;

/**
 * Takes back what was done last with a record: one that was closed is opened again, and what took its place, at once or after
 * others, is closed; one that is open is closed, and what it took the place of is opened again. Refused with `store.conflict` at the commit where one
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
  const standing = newer === undefined ? undefined : await standingFor(memories, newer, options);
  const closed = standing === undefined ? [] : [standing];
  return {
    closed: closed.map(({ id }) => id),
    reopened: reopened.map(({ id }) => id),
    writes: [
      ...closed.map(({ id }) => memories.close({ spaceId, id, at, reason: "undone", mustBeOpen: true })),
      ...reopened.map((one) => memories.reopen(one)),
    ],
  };
}

/** The open record that holds in place of one by now: itself, or the last of those that took its place. */
async function standingFor(
  memories: Pick<MemoryStore, "find">,
  record: MemoryRecord,
  options: CallOptions,
): Promise<MemoryRecord | undefined> {
  let one: MemoryRecord | undefined = record;
  for (let n = 0; one?.closed !== undefined && n < MOST_CORRECTIONS; n++)
    one = await successorOf(memories, one, options);
  return one?.closed === undefined ? one : undefined;
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
