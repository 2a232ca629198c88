import type {
  Audience,
  CallOptions,
  MemoryQuery,
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
  const namesOf: NamesOf = (spaceId, readers, options) => {
    const [only] = readers ?? [];
    return readers?.length === 1 && only !== undefined ? book.namesOf(spaceId, only, options) : [];
  };
  const each: Each = async ({ spaceId, readers }, ask, merge, options) => {
    const asked = namesOf(spaceId, readers, options);
    const names = asked instanceof Promise ? await asked : asked;
    if (names.length <= 1) return ask(readers);
    return merge(await Promise.all(names.map((name) => ask([name]))));
  };
  return {
    ...stores,
    search: personSearch(stores.search, each),
    memories: personMemories(stores.memories, each, namesOf),
    sessions: personSessions(stores.sessions, each),
  };
}

/** All names of the one who reads; none where nobody or several do. */
type NamesOf = (
  spaceId: string,
  readers: Audience | undefined,
  options: CallOptions,
) => readonly string[] | Promise<readonly string[]>;

type Each = <Found>(
  of: { readonly spaceId: string; readonly readers: Audience | undefined },
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
        query,
        (readers = []) => search.search({ ...query, readers }, options),
        (found) =>
          unique(found)
            .toSorted((a, b) => b.score - a.score)
            .slice(0, query.limit),
        options,
      ),
  };
}

function personMemories(memories: MemoryStore, each: Each, namesOf: NamesOf): MemoryStore {
  return {
    ...memories,
    find: (query, options) =>
      each<readonly MemoryRecord[]>(
        query,
        (readers) => memories.find({ ...query, readers }, options),
        unique,
        options,
      ),
    list: (query, options) => listOfNames(memories, query, namesOf, options),
  };
}

/** Of each name the page behind its own cursor; the newest first within a page. */
async function listOfNames(
  memories: Pick<MemoryStore, "list">,
  query: MemoryQuery,
  namesOf: NamesOf,
  options: CallOptions,
): Promise<Page<MemoryRecord>> {
  const names = await namesOf(query.spaceId, query.readers, options);
  const begun = cursorsIn(query.cursor);
  if (names.length <= 1 && begun === undefined) return memories.list(query, options);
  const { cursor: _, ...first } = query;
  // Who was linked meanwhile is asked for with the next list, and of who no longer is nothing more is told.
  const wanted = names.filter((name) => begun === undefined || begun.has(name));
  const pages = await Promise.all(
    wanted.map(async (name) => {
      const cursor = begun?.get(name);
      const of = { ...first, readers: [name], ...(cursor === undefined ? {} : { cursor }) };
      return { name, ...(await memories.list(of, options)) };
    }),
  );
  const items = unique(pages.map((page) => page.items)).toSorted((a, b) => b.recordedAt - a.recordedAt);
  const left = pages.flatMap(({ name, next }) => (next === undefined ? [] : [[name, next] as const]));
  return left.length === 0 ? { items } : { items, next: JSON.stringify(left) };
}

/** Undefined for a first page, and for a cursor of one name alone, which is a number. */
function cursorsIn(cursor: string | undefined): ReadonlyMap<string, string> | undefined {
  return cursor?.startsWith("[") === true ? new Map(JSON.parse(cursor) as [string, string][]) : undefined;
}

function personSessions(sessions: SessionStore, each: Each): SessionStore {
  return {
    ...sessions,
    find: (query, options) =>
      each(query, (readers = []) => sessions.find({ ...query, readers }, options), unique, options),
  };
}
