import type { Dream, MemoryQuery, MemoryRecall, NewMemory } from "@troupe/contracts";
import { expect, it } from "vitest";
import { commit, type GetHarness, options, SPACE, type StoreHarness } from "./store-fixtures.ts";

const DAY_MS = 86_400_000;

function memory(id: string, change: Partial<NewMemory> = {}): NewMemory {
  const base = { id, spaceId: SPACE, agentId: "ana", audience: ["peer-1"], text: `Text of ${id}` };
  return { ...base, turnId: "turn-1", recordedAt: 100, ...change };
}

const recall = (memoryId: string, asked: string, times = 1): MemoryRecall => ({
  ...{ memoryId, asked, times, weight: times / 2 },
});

async function shown(harness: StoreHarness, at: number, ...recalls: readonly MemoryRecall[]): Promise<void> {
  await commit(harness, harness.stores.dreams.recalled({ spaceId: SPACE, at, recalls }));
}

const query = { spaceId: SPACE, agentId: "ana", since: 0, minRecalls: 1, limit: 10 };
const night = (change: Partial<Dream> = {}): Dream => ({
  ...{ spaceId: SPACE, agentId: "ana", night: "2026-11-20", promoted: 1, archived: 2, summaries: 3, at: 9 },
  ...change,
});

export function describeDreams(get: GetHarness): void {
  it("counts what was shown by day and question, and forgets it with its record and its time", async () => {
    const harness = get();
    const { dreams, memories } = harness.stores;
    await commit(harness, memories.put(memory("one")));
    await commit(harness, memories.put(memory("other", { agentId: "ben" })));
    await commit(harness, memories.put(memory("piece", { kind: "document" })));
    await shown(harness, 5, recall("one", "q1", 2), recall("one", "q2"), recall("other", "q1"));
    await shown(harness, 6, recall("one", "q1"), recall("piece", "q1"), recall("none", "q1"));
    await shown(harness, 3 * DAY_MS + 5, recall("one", "q1"));

    const standing = { memoryId: "one", recalls: 5, days: 2, questions: 2, relevance: 0.5 };
    expect(await dreams.standings(query, options)).toEqual([{ ...standing, lastDayAt: 3 * DAY_MS }]);
    expect(await dreams.standings({ ...query, minRecalls: 6 }, options)).toEqual([]);
    expect(await dreams.standings({ ...query, since: DAY_MS }, options)).toMatchObject([{ recalls: 1 }]);

    await commit(harness, dreams.prune(2 * DAY_MS));
    expect(await dreams.standings(query, options)).toMatchObject([{ recalls: 1, days: 1 }]);
    await commit(harness, memories.erase(SPACE, "one"));
    await commit(harness, memories.put(memory("one")));
    expect(await dreams.standings(query, options)).toEqual([]);
  });

  it("holds an open record fast, once", async () => {
    const harness = get();
    const { dreams, memories } = harness.stores;
    await commit(harness, memories.put(memory("one", { salience: 0.3 })));
    await commit(harness, memories.put(memory("strong", { salience: 1 })));
    await shown(harness, 5, recall("one", "q1"));
    for (const [id, at] of [
      ["one", 50],
      ["strong", 50],
      ["one", 70],
    ] as const)
      await commit(harness, dreams.promote({ spaceId: SPACE, id, at }));

    const ids = ["one", "strong"];
    const found = await memories.find({ spaceId: SPACE, readers: undefined, ids }, options);
    expect(found.map(({ id, promotedAt, salience }) => [id, promotedAt, salience]).toSorted()).toEqual([
      ["one", 50, 0.9],
      ["strong", 50, 1],
    ]);
    expect(await dreams.standings(query, options)).toEqual([]);
  });

  it("keeps what each night did, once, and lists the latest first", async () => {
    const harness = get();
    const { dreams } = harness.stores;
    await commit(harness, dreams.keep(night()));
    await commit(harness, dreams.keep(night({ promoted: 9 })));
    await commit(harness, dreams.keep(night({ night: "2026-11-21", agentId: "ben" })));

    expect(await dreams.get({ spaceId: SPACE, agentId: "ana", night: "2026-11-20" }, options)).toEqual(
      night(),
    );
    expect(
      await dreams.get({ spaceId: SPACE, agentId: "ana", night: "2026-11-21" }, options),
    ).toBeUndefined();
    const all = await dreams.list({ spaceId: SPACE, limit: 5 }, options);
    expect(all.map(({ agentId }) => agentId)).toEqual(["ben", "ana"]);
    expect(await dreams.list({ spaceId: SPACE, agentId: "ana", limit: 5 }, options)).toEqual([night()]);
  });
  describeHeld(get);
}

function describeHeld(get: GetHarness): void {
  it("lists what an agent holds fast, as far as its readers know it, page by page", async () => {
    const harness = get();
    const { dreams, memories } = harness.stores;
    const held = [
      memory("one"),
      memory("episode", { kind: "episode" }),
      memory("theirs", { audience: ["peer-2"] }),
      memory("others", { agentId: "ben" }),
      memory("closed"),
    ];
    await commit(harness, memories.put(memory("not held")));
    await commit(harness, memories.put(memory("friends", { kind: "relationship" })));
    for (const one of held) {
      await commit(harness, memories.put(one));
      await commit(harness, dreams.promote({ spaceId: SPACE, id: one.id, at: 50 }));
    }
    await commit(harness, memories.close({ spaceId: SPACE, id: "closed", at: 60, reason: "forgotten" }));
    const list = async (change: Partial<MemoryQuery> = {}) => {
      const asked = { spaceId: SPACE, heldFastOf: "ana", readers: undefined, limit: 2, ...change };
      const { items, next } = await memories.list(asked, options);
      return { ids: items.map(({ id }) => id), next };
    };

    const first = await list();
    expect(first.ids).toEqual(["theirs", "episode"]);
    expect(await list(first.next === undefined ? {} : { cursor: first.next })).toEqual({ ids: ["one"] });
    expect((await list({ readers: ["peer-1"] })).ids).toEqual(["episode", "one"]);
    expect((await list({ kinds: ["episode"] })).ids).toEqual(["episode"]);
    expect((await list({ kinds: ["relationship"] })).ids).toEqual([]);
  });
}
