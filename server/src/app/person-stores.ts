import type {
  Audience,
  CallOptions,
  MemoryRecord,
  MemoryStore,
  Page,
  SearchHit,
  SearchStore,
  SessionStore,
  Stores,
} from "@troupe/contracts";
import type { PersonBook } from "../memory/index.ts";

/**
 * The same stores for people with several names: what one reader is told is what any of their names knows. Asked for each name by
 * itself, so that stores and the last look know of no persons. Where several people read, a link opens nothing: a
 * group is told what its members know by the names that they have there.
 */
export function withPersons(stores: Stores, book: Pick<PersonBook, "namesOf">): Stores {
  const each = async <Found>(
    spaceId: string,
    readers: Audience | undefined,
    ask: (readers: Audience | undefined) => Promise<Found>,
    merge: (found: readonly Found[]) => Found,
    options: CallOptions,
  ): Promise<Found> => {
    const [only] = readers ?? [];
    if (readers === undefined || readers.length !== 1 || only === undefined) return ask(readers);
    const asked = book.namesOf(spaceId, only, options);
    const names = asked instanceof Promise ? await asked : asked;
    if (names.length === 1) return ask(readers);
    return merge(await Promise.all(names.map((name) => ask([name]))));
  };
  return {
    ...stores,
    search: personSearch(stores.search, each),
    memories: personMemories(stores.memories, each),
    sessions: personSessions(stores.sessions, each),
  };
}

type Each = <Found>(
  spaceId: string,
  readers: Audience | undefined,
  ask: (readers: Audience | undefined) => Promise<Found>,
  merge: (found: readonly Found[]) => Found,
  options: CallOptions,
) => Promise<Found>;

function unique<One extends { readonly id: string }>(found: readonly (readonly One[])[]): One[] {
  return [...new Map(found.flat().map((one) => [one.id, one])).values()];
}

function personSearch(search: SearchStore, each: Each): SearchStore {
  return {
    ...search,
    search: (query, options) =>
      each<readonly SearchHit[]>(
        query.spaceId,
        query.readers,
        (readers = []) => search.search({ ...query, readers }, options),
        (found) =>
          unique(found)
            .toSorted((a, b) => b.score - a.score)
            .slice(0, query.limit),
        options,
      ),
  };
}

function personMemories(memories: MemoryStore, each: Each): MemoryStore {
  return {
    ...memories,
    find: (query, options) =>
      each<readonly MemoryRecord[]>(
        query.spaceId,
        query.readers,
        (readers) => memories.find({ ...query, readers }, options),
        unique,
        options,
      ),
    list: (query, options) =>
      // A cursor is that of the reader's own name, which all further pages are of.
      query.cursor !== undefined
        ? memories.list(query, options)
        : each<Page<MemoryRecord>>(
            query.spaceId,
            query.readers,
            (readers) => memories.list({ ...query, readers }, options),
            (pages) => firstPage(pages, query.limit),
            options,
          ),
  };
}

/** Newest first. One's own name comes first, and its cursor is the one to go on with. */
function firstPage(pages: readonly Page<MemoryRecord>[], limit: number | undefined): Page<MemoryRecord> {
  const items = unique(pages.map((page) => page.items)).toSorted((a, b) => b.recordedAt - a.recordedAt);
  const next = pages[0]?.next;
  // Of one's own names nothing may be passed over, where there is a next page to ask for.
  const shown = next === undefined && limit !== undefined ? items.slice(0, limit) : items;
  return { items: shown, ...(next === undefined ? {} : { next }) };
}

function personSessions(sessions: SessionStore, each: Each): SessionStore {
  return {
    ...sessions,
    find: (query, options) =>
      each(
        query.spaceId,
        query.readers,
        (readers = []) => sessions.find({ ...query, readers }, options),
        unique,
        options,
      ),
  };
}
