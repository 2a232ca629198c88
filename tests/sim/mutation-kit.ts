// What broken pieces are made with.
import type { Committed, Stores, Write } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { Mutation } from "./composition.ts";

/** A write that changes nothing, in place of one that is left out. */
export function nothing(stores: Stores): Write {
  return stores.turns.note("no such turn", []);
}

/** Writes that were marked while they were built. */
function createMarks(): { mark<W extends Write<unknown>>(write: W): W; has(write: Write<unknown>): boolean } {
  const marked = new WeakSet<object>();
  return {
    mark(write) {
      marked.add(write);
      return write;
    },
    has: (write) => marked.has(write),
  };
}

/** Leaves out a guard: where it would refuse, everything else of the commit is kept all the same. */
export function withoutGuard(
  name: string,
  wrap: (stores: Stores, mark: <W extends Write<unknown>>(write: W) => W) => Stores,
): Mutation {
  const marks = createMarks();
  return {
    name,
    stores: (stores) => wrap(stores, marks.mark),
    apply(writes, commit) {
      try {
        return commit(writes);
      } catch (error) {
        const rest = writes.filter((write) => !marks.has(write));
        if (!TroupeError.is(error, "store.conflict") || rest.length === writes.length) throw error;
        return rest.length === 0 ? NOTHING_COMMITTED : commit(rest);
      }
    },
  };
}

const NOTHING_COMMITTED: Committed = { read: () => undefined as never };
