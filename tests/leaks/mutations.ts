// Broken pieces, one at a time: that nothing leaks is worth something only if the looks notice each of them.
import type { Audience, Stores } from "@troupe/contracts";
import type { LeakMutation } from "./talk.ts";

/** Stores with some members of one port replaced. */
function broken<Name extends keyof Stores>(
  name: string,
  port: Name,
  replace: (own: Stores[Name]) => Partial<Stores[Name]>,
): LeakMutation {
  return { name, stores: (stores) => ({ ...stores, [port]: { ...stores[port], ...replace(stores[port]) } }) };
}

/** Everybody there is where few people talk. */
const EVERYBODY: Audience = ["north", "south", "west"].flatMap((platform) =>
  Array.from({ length: 6 }, (_, n) => `${platform}/u${n}`),
);

export const LEAK_MUTATIONS: readonly LeakMutation[] = [
  broken("recall that asks for one of those who read", "search", (own) => ({
    search: (query, options) => own.search({ ...query, readers: query.readers.slice(0, 1) }, options),
  })),
  broken("lists of memories as an operator sees them", "memories", (own) => ({
    list: (query, options) => own.list({ ...query, readers: undefined }, options),
  })),
  broken("memories that are kept for everybody", "memories", (own) => ({
    put: (memory) => own.put({ ...memory, audience: EVERYBODY }),
  })),
  broken("documents that everybody is told of", "memories", (own) => ({
    put: (memory) => own.put(memory.kind === "document" ? { ...memory, audience: EVERYBODY } : memory),
  })),
  broken("nights that sum up for everybody", "memories", (own) => ({
    put: (memory) => own.put(memory.kind === "summary" ? { ...memory, audience: EVERYBODY } : memory),
  })),
  broken("nights that reflect for everybody", "memories", (own) => ({
    put: (memory) => own.put(memory.kind === "reflection" ? { ...memory, audience: EVERYBODY } : memory),
  })),
  broken("messages that are kept for everybody", "sessions", (own) => ({
    append: (message) => own.append({ ...message, audience: EVERYBODY }),
  })),
  broken("histories that say of all that everybody knows it", "sessions", (own) => ({
    history: async (query, options) =>
      (await own.history(query, options)).map((message) => ({ ...message, audience: EVERYBODY })),
  })),
  broken("summaries that everybody may know", "storylines", (own) => ({
    summarise: (update) => own.summarise({ ...update, audience: EVERYBODY }),
  })),
  broken("storylines that begin known to everybody", "storylines", (own) => ({
    open: (storyline) => own.open({ ...storyline, audience: EVERYBODY }),
  })),
  broken("conversations handed over with all that was said", "sessions", (own) => ({
    handOff: (handoff) => own.handOff({ ...handoff, audience: EVERYBODY }),
  })),
  broken("people who are linked without a proof", "persons", () => ({
    open: async (spaceId) =>
      Array.from({ length: 6 }, (_, n) => ({
        ...{ id: `link-${n}`, spaceId, names: [`north/u${n}`, `south/u${n}`] as const },
        ...{ proof: "code" as const, linkedAt: 1 },
      })),
  })),
  broken("links that hold when they are undone", "persons", (own) => ({
    unlink: (which) => own.unlink({ ...which, of: "nobody" }),
  })),
  {
    name: "platforms whose people are taken for one another",
    stores: (stores) => stores,
    nameOnPlatform: (name) => name.slice(name.indexOf("/") + 1),
  },
  {
    name: "search by meaning for one of those who read",
    stores: (stores) => stores,
    readersByMeaning: (readers) => readers.slice(0, 1),
  },
  broken("runs of jobs that answer one of those who read", "sessions", (own) => ({
    get: async (id, options) => {
      const session = await own.get(id, options);
      return session === undefined ? undefined : { ...session, audience: session.audience.slice(0, 1) };
    },
  })),
  broken("jobs that everybody may hear of", "jobs", (own) => ({
    put: (job) => own.put({ ...job, spec: { ...job.spec, audience: EVERYBODY } }),
  })),
  broken("conversations that are listed for every key", "sessions", (own) => ({
    list: ({ ownerId: _, ...query }, options) => own.list(query, options),
  })),
  broken("files that are sent to every key", "attachments", (own) => ({
    find: ({ ownerId: _, ...query }, options) => own.find(query, options),
  })),
  {
    name: "files of a person that everybody is shown",
    stores: (stores) => stores,
    namesOfReader: (name) => [name, ...EVERYBODY],
  },
];
