import type { MemoryClose, MemoryProof, MemoryRecord, NewMemory, Write } from "@troupe/contracts";
import { expect, it } from "vitest";
import { createMemoryKeeper } from "./memory-keeper.ts";

const options = { signal: new AbortController().signal };

function memory(id: string, text: string, change: Partial<NewMemory> = {}): NewMemory {
  return {
    ...{ id, spaceId: "default", agentId: "ana", audience: ["kate"], text, turnId: `turn of ${id}` },
    ...{ recordedAt: 5, kind: "fact", scope: { kind: "agent" }, ...change },
  };
}

/** A keeper over a store in which the given records are found, all of them; `done` is what it wrote. */
function setUp(...open: readonly NewMemory[]) {
  const done: string[] = [];
  const note = (text: string) => ({ text }) as Write;
  const keeper = createMemoryKeeper({
    isGuarded: true,
    memories: {
      alike: async () => open as readonly MemoryRecord[],
      put: ({ id, sources = [] }) => note([`put ${id}`, ...sources.map((source) => source.id)].join(" < ")),
      prove: ({ memoryId, turnId }: MemoryProof) => note(`prove ${memoryId} by ${turnId}`),
      close: ({ id, reason, successorId, mustBeOpen }: MemoryClose) =>
        note(`close ${id} ${reason} ${successorId} ${mustBeOpen}`),
    },
  });
  const keep = async (one: NewMemory, because?: "corrected") => {
    const kept = await keeper.keep(one, because === undefined ? options : { ...options, because });
    done.push(...(kept.writes as readonly { readonly text: string }[]).map(({ text }) => text));
    return kept.kind;
  };
  return { keep, done };
}

it("proves a record that says the same, or more, to everyone who is told the new one", async () => {
  const { keep, done } = setUp(
    memory("old", "Kate plays the old violin in Lviv", { audience: ["kate", "max"] }),
  );

  expect(await keep(memory("a", "kate plays the OLD violin in Lviv!"))).toBe("known");
  expect(await keep(memory("b", "Kate plays the violin in Lviv"))).toBe("known");
  expect(done).toEqual(["prove old by turn of a", "prove old by turn of b"]);
});

it("takes the place of a record that says less, or the same to fewer, and rests on it", async () => {
  const { keep, done } = setUp(memory("old", "Kate plays the violin in Lviv"));

  expect(await keep(memory("new", "Kate plays the old violin in Lviv", { audience: ["kate", "max"] }))).toBe(
    "new",
  );
  expect(done).toEqual(["put new < old", "close old merged new true"]);
});

it("closes what says otherwise of the same thing, and says why", async () => {
  const home = { slot: "kate home" };
  const { keep, done } = setUp(memory("old", "lives in Lviv", home));

  expect(await keep(memory("new", "lives in Odesa", home), "corrected")).toBe("new");
  expect(done).toEqual(["put new < old", "close old corrected new true"]);
});

it("lets nothing that is told to few change what others are told", async () => {
  const home = { slot: "kate home" };
  const { keep, done } = setUp(memory("old", "lives in Lviv", { ...home, audience: ["kate", "max"] }));

  await keep(memory("new", "lives in Odesa", home));

  expect(done).toEqual(["put new"]);
});

it("keeps apart what is of another kind, of another storyline, or told to others", async () => {
  const { keep, done } = setUp(
    memory("lore", "the tower is old", { kind: "lore" }),
    memory("story", "the tower is old", { scope: { kind: "storyline", id: "s" } }),
    memory("theirs", "the tower is old", { audience: ["max"] }),
  );

  await keep(memory("new", "the tower is old"));

  expect(done).toEqual(["put new"]);
});

it("compares several that are kept together with one another", async () => {
  const { keep, done } = setUp();
  const home = { slot: "kate home" };

  await keep(memory("a", "lives in Lviv", home));
  await keep(memory("b", "lives in Lviv.", home));
  await keep(memory("c", "lives in Odesa", home));
  await keep(memory("a", "lives in Lviv", home));

  expect(done).toEqual(["put a", "prove a by turn of b", "put c < a", "close a contradicted c true"]);
});
