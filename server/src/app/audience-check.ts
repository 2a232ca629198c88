import type { Audience, Logger, MemoryStore, SearchStore, SessionStore, Stores } from "@troupe/contracts";
import { isKnownToAll, keptName, type Metrics } from "../kit/index.ts";

/**
 * The same stores, with a last look at what they give to readers: a record that one of them does not know is left out,
 * counted and logged without its words. The stores leave it out before they rank; that one comes here is a defect.
 */
export function withAudienceCheck(
  stores: Stores,
  { metrics, logger }: { readonly metrics: Metrics; readonly logger: Logger },
): Stores {
  const stopped = metrics.counter(
    "audience_stopped_total",
    "Records that were about to be shown to somebody who does not know them; anything above 0 is a defect",
  );
  const check: Check = (readers, what, records) => {
    if (readers === undefined) return records;
    const names = readers.map(keptName);
    const known = records.filter(({ audience }) => isKnownToAll(audience.map(keptName), names));
    if (known.length === records.length) return records;
    stopped.add(records.length - known.length);
    const ids = records.filter((one) => !known.includes(one)).map(({ id }) => id);
    logger.error("audience.stopped", { what, ids: ids.join(" ") });
    return known;
  };
  return {
    ...stores,
    search: checkedSearch(stores.search, check),
    memories: checkedMemories(stores.memories, check),
    sessions: checkedSessions(stores.sessions, check),
  };
}

type Check = <One extends { readonly id: string; readonly audience: Audience }>(
  /** Undefined: an operator. */
  readers: Audience | undefined,
  what: string,
  records: readonly One[],
) => readonly One[];

function checkedSearch(search: SearchStore, check: Check): SearchStore {
  return {
    ...search,
    search: async (query, options) => check(query.readers, "search", await search.search(query, options)),
  };
}

function checkedMemories(memories: MemoryStore, check: Check): MemoryStore {
  return {
    ...memories,
    find: async (query, options) => check(query.readers, "memory", await memories.find(query, options)),
    list: async (query, options) => {
      const page = await memories.list(query, options);
      return { ...page, items: check(query.readers, "memories", page.items) };
    },
  };
}

function checkedSessions(sessions: SessionStore, check: Check): SessionStore {
  return {
    ...sessions,
    find: async (query, options) => check(query.readers, "messages", await sessions.find(query, options)),
  };
}
