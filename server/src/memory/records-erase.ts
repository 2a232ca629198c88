import type { CallOptions, MemoryRecord, MemoryStore, Write } from "@troupe/contracts";

export interface ErasedMemory {
  readonly erased: readonly string[];
  readonly reopened: readonly string[];
  readonly writes: readonly Write<unknown>[];
}

type Memories = Pick<MemoryStore, "list" | "replacedBy" | "erase" | "reopen">;

const PAGE = 200;

/**
 * Deletes a record with its words, which what a night made of it may hold too: that is deleted with it, and the others that a summary
 * stands for are open again, until a later night sums them up. Refused with `store.conflict` at the commit where one of those
 * changed meanwhile.
 */
export async function eraseMemory(
  memories: Memories,
  record: MemoryRecord,
  options: CallOptions,
): Promise<ErasedMemory> {
  const { spaceId, id } = record;
  const standing: MemoryRecord[] = [];
  const erased = [id];
  for await (const made of madeOf(memories, record, options)) {
    erased.push(made.id);
    // What it stands for no more, for it was taken out of mind or taken back, stays as it is.
    if (made.closed === undefined)
      standing.push(...(await memories.replacedBy({ spaceId, id: made.id }, options)));
  }
  const reopened = standing.filter((one) => !erased.includes(one.id));
  return {
    erased,
    reopened: reopened.map((one) => one.id),
    writes: [
      ...reopened.map((one) => memories.reopen(one)),
      ...erased.map((one) => memories.erase(spaceId, one)),
    ],
  };
}

/** Those that name it as a source, however they ended. */
async function* madeOf(
  memories: Memories,
  { spaceId, agentId, id }: MemoryRecord,
  options: CallOptions,
): AsyncGenerator<MemoryRecord> {
  const query = {
    spaceId,
    agentId,
    readers: undefined,
    kinds: ["summary", "reflection"],
    state: "all",
    limit: PAGE,
  } as const;
  let cursor: string | undefined;
  do {
    const page = await memories.list({ ...query, ...(cursor === undefined ? {} : { cursor }) }, options);
    for (const one of page.items)
      if (one.sources.some((source) => source.kind === "memory" && source.id === id)) yield one;
    cursor = page.next;
  } while (cursor !== undefined);
}
