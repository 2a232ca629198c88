import type {
  CallOptions,
  MemoryClosing,
  MemoryRecord,
  MemoryStore,
  NewMemory,
  SourceReference,
  Write,
} from "@troupe/contracts";
import { comparisonWith, plainText } from "./likeness.ts";

export interface KeeperDeps {
  readonly memories: Pick<MemoryStore, "alike" | "put" | "prove" | "close">;
  /** Whether what it closes must be open still: then a commit that comes too late is refused, and may be tried again. */
  readonly isGuarded: boolean;
}

/** What became of something new. */
export interface KeptMemory {
  /** `new`: a record of its own. `known`: one says so already, which is proved once more. */
  readonly kind: "new" | "known";
  readonly id: string;
  readonly writes: readonly Write<unknown>[];
}

export interface MemoryKeeper {
  /**
   * Looks whether an open record says the same, and makes the writes that keep what is new. Of several given to one keeper
   * each is compared with those before it. A record that says less, or something else in the same slot, is closed and
   * names the new one, where all who know it may know the new one; otherwise both stand.
   */
  keep(
    memory: NewMemory,
    options: CallOptions & { readonly because?: Extract<MemoryClosing, "corrected" | "contradicted"> },
  ): Promise<KeptMemory>;
}

/** What is kept together, in one commit. */
export function createMemoryKeeper({ memories, isGuarded }: KeeperDeps): MemoryKeeper {
  const kept: NewMemory[] = [];
  const closed = new Set<string>();

  const standing = async (memory: NewMemory, options: CallOptions): Promise<readonly NewMemory[]> => {
    const { spaceId, agentId, text, slot, audience } = memory;
    const found = await memories.alike(
      { spaceId, agentId, text, audience, ...(slot === undefined ? {} : { slot }) },
      options,
    );
    const own = kept.filter((one) => one.spaceId === spaceId && one.agentId === agentId);
    return [...own, ...found].filter(({ id }) => !closed.has(id));
  };

  return {
    async keep(memory, { signal, because = "contradicted" }) {
      if (kept.some(({ id }) => id === memory.id)) return { kind: "known", id: memory.id, writes: [] };
      const others = await standing(memory, { signal });
      const compared = comparisonWith(memory.text);
      const relation = (one: NewMemory) => relationOf(memory, one, compared);
      const repeated = others.find((one) => one.id === memory.id || repeats(memory, one, relation));
      if (repeated !== undefined) {
        const writes = repeated.id === memory.id ? [] : [memories.prove(proofOf(memory, repeated))];
        return { kind: "known", id: repeated.id, writes };
      }
      const ended = others.flatMap((one) => {
        const reason = endOf(one, memory, because, relation);
        return reason === undefined ? [] : [{ one, reason }];
      });
      const whole = {
        ...memory,
        sources: [...(memory.sources ?? []), ...ended.map(({ one }) => sourceOf(one))],
      };
      kept.push(whole);
      for (const { one } of ended) closed.add(one.id);
      const { id: successorId, recordedAt: at } = memory;
      const closes = ended.map(({ one, reason }) =>
        memories.close({ spaceId: one.spaceId, id: one.id, at, reason, successorId, mustBeOpen: isGuarded }),
      );
      return { kind: "new", id: memory.id, writes: [memories.put(whole), ...closes] };
    },
  };
}

/** Whether an older record says all that a new one says to everyone who is told the new one. */
function repeats(memory: NewMemory, older: NewMemory, relationOf: RelationOf): boolean {
  if (!belongTogether(memory, older) || !isWithin(memory.audience, older.audience)) return false;
  // A fact in the same words does not say of whom it is.
  if (memory.kind === "relationship" && older.kind !== "relationship") return false;
  const relation = relationOf(older);
  return relation === "same" || relation === "less";
}

/** Why a new record takes the place of an older one; undefined where it does not. */
function endOf(
  older: NewMemory,
  memory: NewMemory,
  because: "corrected" | "contradicted",
  relationOf: RelationOf,
): MemoryClosing | undefined {
  // What is told to few must not change what others are told.
  if (!belongTogether(memory, older) || !isWithin(older.audience, memory.audience)) return undefined;
  const relation = relationOf(older);
  if (relation === "same" || relation === "more") return "merged";
  return memory.slot !== undefined && memory.slot === older.slot ? because : undefined;
}

type Comparison = ReturnType<typeof comparisonWith>;
/** What something new says beside an older record. */
type RelationOf = (older: NewMemory) => ReturnType<Comparison>;

/** In one slot the same value is the same, whatever the words around it. */
function relationOf(memory: NewMemory, older: NewMemory, compared: Comparison): ReturnType<Comparison> {
  const [value, olderValue] = [memory.attributes?.value, older.attributes?.value];
  const isSameSlot = memory.slot !== undefined && memory.slot === older.slot;
  if (isSameSlot && typeof value === "string" && typeof olderValue === "string")
    return plainText(value) === plainText(olderValue) ? "same" : undefined;
  return compared(older.text);
}

function belongTogether(one: NewMemory, other: NewMemory): boolean {
  return (
    comparedAs(one) === comparedAs(other) &&
    JSON.stringify(one.scope ?? AGENT) === JSON.stringify(other.scope ?? AGENT)
  );
}

/** What somebody is to somebody is a fact too, and may have been kept as one. */
function comparedAs({ kind = "fact" }: NewMemory): string {
  return kind === "relationship" ? "fact" : kind;
}

const AGENT = { kind: "agent" };

function isWithin(few: readonly string[], many: readonly string[]): boolean {
  return few.every((peer) => many.includes(peer));
}

function proofOf(memory: NewMemory, { id }: Pick<MemoryRecord, "id">) {
  const { spaceId, turnId, sources = [], recordedAt: at } = memory;
  return { spaceId, memoryId: id, turnId, sources, at };
}

function sourceOf({ id }: NewMemory): SourceReference {
  return { kind: "memory", id };
}
