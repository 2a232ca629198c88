import { createHash } from "node:crypto";
import type { MemoryRecord, NewMemory } from "@troupe/contracts";
import { expect, it } from "vitest";
import { codeOf, commit, type GetHarness, options, SPACE, type StoreHarness } from "./store-fixtures.ts";

const READERS = ["peer-1"];

function memory(id: string, text: string, change: Partial<NewMemory> = {}): NewMemory {
  return {
    id,
    spaceId: SPACE,
    agentId: "ana",
    audience: READERS,
    text,
    turnId: "turn-1",
    recordedAt: 100,
    ...change,
  };
}

async function get({ stores }: StoreHarness, id: string): Promise<MemoryRecord | undefined> {
  const query = { spaceId: SPACE, readers: undefined, ids: [id], includeClosed: true };
  return (await stores.memories.find(query, options))[0];
}

async function listed({ stores }: StoreHarness, change: object = {}): Promise<readonly string[]> {
  const query = { spaceId: SPACE, agentId: "ana", readers: READERS, ...change };
  return (await stores.memories.list(query, options)).items.map(({ id }) => id);
}

async function searched({ stores }: StoreHarness, ...words: readonly string[]): Promise<readonly string[]> {
  const query = { spaceId: SPACE, agentId: "ana", readers: READERS, words, limit: 10 };
  return (await stores.search.search(query, options)).map(({ id }) => id);
}

async function alike({ stores }: StoreHarness, text: string, slot?: string): Promise<readonly string[]> {
  const query = { spaceId: SPACE, agentId: "ana", text, ...(slot === undefined ? {} : { slot }) };
  return (await stores.memories.alike(query, options)).map(({ id }) => id);
}

export function describeMemories(get: GetHarness): void {
  describeKeeping(get);
  describeClosing(get);
  describeOpening(get);
  describeProving(get);
  describeLikeness(get);
  describeLikenessAmongMany(get);
  describeLongWords(get);
  describeLists(get);
}

function describeKeeping(harnessOf: GetHarness): void {
  it("keeps a record with all that is said of it, and one of which nothing is said as a plain fact", async () => {
    const harness = harnessOf();
    const source = { kind: "message", id: "m-1", sessionId: "s-1", turnSeq: 3 } as const;
    const whole = memory("whole", "Kate moved to Lviv.", {
      kind: "episode",
      scope: { kind: "storyline", id: "story-1" },
      attributes: { place: "Lviv", sure: true, count: 2 },
      slot: "kate home",
      validFrom: 10,
      validTo: 90,
      sources: [source],
      salience: 0.123456,
      emotion: { valence: 0.5, intensity: 0.25 },
    });
    await commit(harness, harness.stores.memories.put(whole));
    await commit(harness, harness.stores.memories.put(memory("plain", "Tea.")));

    expect(await get(harness, "whole")).toEqual({ ...whole, proofCount: 1, uses: 0 });
    expect(await get(harness, "plain")).toEqual({
      ...memory("plain", "Tea."),
      ...{ kind: "fact", scope: { kind: "agent" }, attributes: {}, sources: [] },
      ...{ salience: 0.5, proofCount: 1, uses: 0 },
    });
  });

  it("refuses attributes that are no small thing", async () => {
    const harness = harnessOf();
    const put = () =>
      harness.stores.memories.put(memory("m", "Tea.", { attributes: { all: "x".repeat(5_000) } }));

    expect(put).toThrow("longer than 4096 bytes");
  });
}

function describeClosing(harnessOf: GetHarness): void {
  it("takes what is closed out of search and lists at once, and keeps why it was and what took its place", async () => {
    const harness = harnessOf();
    const { memories } = harness.stores;
    await commit(harness, memories.put(memory("old", "the kettle is green")));
    const before = [await searched(harness, "kettle"), await listed(harness)];

    await commit(
      harness,
      memories.put(memory("new", "the kettle is red")),
      memories.close({ spaceId: SPACE, id: "old", at: 200, reason: "corrected", successorId: "new" }),
    );

    expect(before).toEqual([["old"], ["old"]]);
    expect([await searched(harness, "kettle"), await listed(harness)]).toEqual([["new"], ["new"]]);
    expect(await listed(harness, { state: "closed" })).toEqual(["old"]);
    expect(await listed(harness, { state: "all" })).toEqual(["new", "old"]);
    expect((await get(harness, "old"))?.closed).toEqual({
      at: 200,
      reason: "corrected",
      successorId: "new",
    });
    const replaced = await memories.replacedBy({ spaceId: SPACE, id: "new" }, options);
    expect(replaced.map(({ id }) => id)).toEqual(["old"]);
    const open = { spaceId: SPACE, readers: READERS, ids: ["old", "new"] };
    expect((await memories.find(open, options)).map(({ id }) => id)).toEqual(["new"]);
  });

  it("closes once: a repeat changes nothing, and is refused where the record must be open", async () => {
    const harness = harnessOf();
    const { memories } = harness.stores;
    await commit(harness, memories.put(memory("m", "the kettle is green")));
    const close = { spaceId: SPACE, id: "m", reason: "forgotten" } as const;
    await commit(harness, memories.close({ ...close, spaceId: "other", at: 150 }));
    const elsewhere = await listed(harness);
    await commit(harness, memories.close({ ...close, at: 200, mustBeOpen: true }));
    await commit(harness, memories.close({ ...close, at: 300, reason: "expired" }));

    const refused = await codeOf(commit(harness, memories.close({ ...close, at: 400, mustBeOpen: true })));

    expect(elsewhere).toEqual(["m"]);
    expect((await get(harness, "m"))?.closed).toEqual({ at: 200, reason: "forgotten" });
    expect(refused).toBe("store.conflict");
  });

  it("does not bring back what was closed when the same record is put again", async () => {
    const harness = harnessOf();
    const { memories } = harness.stores;
    await commit(harness, memories.put(memory("m", "the kettle is green")));
    await commit(harness, memories.close({ spaceId: SPACE, id: "m", at: 200, reason: "forgotten" }));

    await commit(harness, memories.put(memory("m", "the kettle is green")));

    expect([await searched(harness, "kettle"), await listed(harness)]).toEqual([[], []]);
  });
}

function describeOpening(harnessOf: GetHarness): void {
  it("opens a closed record again as it was, unless it is open by then or was closed anew", async () => {
    const harness = harnessOf();
    const { memories } = harness.stores;
    await commit(harness, memories.put(memory("m", "the kettle is green")));
    await commit(harness, memories.close({ spaceId: SPACE, id: "m", at: 200, reason: "forgotten" }));
    const closed = (await get(harness, "m")) as MemoryRecord;

    await commit(harness, memories.reopen(closed));
    const again = await codeOf(commit(harness, memories.reopen(closed)));
    await commit(harness, memories.close({ spaceId: SPACE, id: "m", at: 300, reason: "expired" }));
    const late = await codeOf(commit(harness, memories.reopen(closed)));
    const latest = (await get(harness, "m")) as MemoryRecord;
    await commit(harness, memories.reopen(latest));

    expect([again, late]).toEqual(["store.conflict", "store.conflict"]);
    expect([await searched(harness, "kettle"), await listed(harness)]).toEqual([["m"], ["m"]]);
    expect((await get(harness, "m"))?.closed).toBeUndefined();
  });

  it("erases a record with everything of it", async () => {
    const harness = harnessOf();
    const { memories } = harness.stores;
    await commit(harness, memories.put(memory("m", "the kettle is green")));
    const proof = { spaceId: SPACE, memoryId: "m", turnId: "turn-2", sources: [], at: 150 };
    await commit(harness, memories.prove(proof));
    await commit(harness, memories.erase("other", "m"));
    const elsewhere = await listed(harness);

    await commit(harness, memories.erase(SPACE, "m"));
    await commit(harness, memories.put(memory("m", "the kettle is green")));

    expect(elsewhere).toEqual(["m"]);
    expect(await get(harness, "m")).toMatchObject({ proofCount: 1, sources: [] });
    expect(await searched(harness, "kettle")).toEqual(["m"]);
  });
}

function describeProving(harnessOf: GetHarness): void {
  it("counts every turn that told a record once, with its sources, and no longer when it is closed", async () => {
    const harness = harnessOf();
    const { memories } = harness.stores;
    const source = (id: string) => ({ kind: "message", id, sessionId: "s", turnSeq: 1 }) as const;
    const proof = (turnId: string) => ({
      ...{ spaceId: SPACE, memoryId: "m", turnId, at: 150 },
      sources: [source(`of ${turnId}`), source("shared")],
    });
    await commit(harness, memories.put(memory("m", "Tea.", { sources: [source("of turn-1")] })));
    await commit(harness, memories.prove(proof("turn-1")));
    await commit(harness, memories.prove(proof("turn-2")), memories.prove(proof("turn-2")));
    await commit(harness, memories.prove(proof("turn-2")), memories.prove(proof("turn-3")));
    await commit(harness, memories.close({ spaceId: SPACE, id: "m", at: 200, reason: "expired" }));
    await commit(harness, memories.prove(proof("turn-4")));

    const kept = await get(harness, "m");

    expect(kept?.proofCount).toBe(3);
    expect(kept?.sources.map(({ id }) => id).toSorted()).toEqual([
      "of turn-1",
      "of turn-2",
      "of turn-3",
      "shared",
    ]);
  });

  it("counts how often open records were used, and when last", async () => {
    const harness = harnessOf();
    const { memories } = harness.stores;
    await commit(harness, memories.put(memory("a", "Tea.")), memories.put(memory("b", "Jam.")));
    await commit(harness, memories.use({ spaceId: SPACE, ids: ["a", "b", "none"], at: 200 }));
    await commit(harness, memories.close({ spaceId: SPACE, id: "b", at: 250, reason: "expired" }));
    await commit(harness, memories.use({ spaceId: SPACE, ids: ["a", "b"], at: 300 }));

    expect(await get(harness, "a")).toMatchObject({ uses: 2, lastUsedAt: 300 });
    expect(await get(harness, "b")).toMatchObject({ uses: 1, lastUsedAt: 200 });
  });
}

function describeLikeness(harnessOf: GetHarness): void {
  it("finds open records that may say the same: by their words, most of them, or their slot", async () => {
    const harness = harnessOf();
    const { memories } = harness.stores;
    const long = "Olena repairs violins in Uzhhorod together with her sister Daryna";
    await commit(
      harness,
      memories.put(memory("same", "My cat is called Mia.")),
      memories.put(memory("long", long)),
      memories.put(memory("slot", "lives by the sea", { slot: "peer-1 home" })),
      memories.put(memory("theirs", "My cat is called Mia.", { agentId: "bob" })),
      memories.put(memory("gone", "My cat is called Mia!")),
    );
    await commit(harness, memories.close({ spaceId: SPACE, id: "gone", at: 200, reason: "merged" }));

    expect(await alike(harness, "MY CAT, IS CALLED MIA")).toEqual(["same"]);
    expect(await alike(harness, `${long}s`.replace("violins", "violas"))).toEqual(["long"]);
    expect(await alike(harness, "moved to the mountains", "peer-1 home")).toEqual(["slot"]);
    expect(await alike(harness, "moved to the mountains", "peer-2 home")).toEqual([]);
  });
}

function describeLikenessAmongMany(harnessOf: GetHarness): void {
  it("finds what an audience was told before, however many others were told the same since", async () => {
    const harness = harnessOf();
    const { memories } = harness.stores;
    const told = (id: string, peer: string) =>
      memories.put(memory(id, "I am allergic to peanuts", { audience: [peer], slot: "allergy" }));
    await commit(harness, told("own", "peer-1"));
    await commit(harness, ...Array.from({ length: 70 }, (_, n) => told(`other-${n}`, `other-${n}`)));
    const query = { spaceId: SPACE, agentId: "ana", audience: READERS };

    for (const likeness of [
      { text: "I am allergic to peanuts" },
      { text: "I'm allergic to peanuts!" },
      { text: "Nuts make me ill", slot: "allergy" },
    ]) {
      const found = await memories.alike({ ...query, ...likeness }, options);
      expect(found.map(({ id }) => id)[0], likeness.text).toBe("own");
      // Of others the newest are looked at, for one of them may be told to this audience, too.
      expect(found.map(({ id }) => id)).toContain("other-69");
    }
  });
}

function describeLongWords(harnessOf: GetHarness): void {
  it("keeps and compares a text with a word of thousands of letters and digits that nothing makes shorter", async () => {
    const harness = harnessOf();
    const token = Array.from({ length: 80 }, (_, n) =>
      createHash("sha512").update(String(n)).digest("hex"),
    ).join("");
    const digits = BigInt(`0x${token}`).toString(36).slice(0, 3_900);
    await commit(harness, harness.stores.memories.put(memory("token", `The pass is ${digits}`)));

    expect(await alike(harness, `pass: ${digits}!`)).toEqual(["token"]);
    expect(await searched(harness, "pass")).toEqual(["token"]);
  });
}

function describeLists(harnessOf: GetHarness): void {
  it("lists by kind, with what belongs to the whole space, and everything for an operator", async () => {
    const harness = harnessOf();
    const { memories } = harness.stores;
    await commit(
      harness,
      memories.put(memory("fact", "one")),
      memories.put(memory("shared", "two", { agentId: "bob", scope: { kind: "space" } })),
      memories.put(memory("bob's", "three", { agentId: "bob" })),
      memories.put(memory("private", "four", { audience: ["peer-2"], kind: "episode" })),
      memories.put(memory("own", "five", { scope: { kind: "space" } })),
    );
    const first = await memories.list({ spaceId: SPACE, readers: undefined, limit: 3 }, options);
    const rest = await listed(harness, {
      agentId: undefined,
      readers: undefined,
      limit: 3,
      cursor: first.next,
    });

    expect(await listed(harness)).toEqual(["own", "shared", "fact"]);
    expect(await listed(harness, { readers: undefined, kinds: ["episode", "lore"] })).toEqual(["private"]);
    expect([...first.items.map(({ id }) => id), ...rest]).toEqual([
      "own",
      "private",
      "bob's",
      "shared",
      "fact",
    ]);
    expect(await listed(harness, { readers: [] })).toEqual([]);
  });

  it("counts open and closed records of each agent and kind", async () => {
    const harness = harnessOf();
    const { memories } = harness.stores;
    await commit(
      harness,
      memories.put(memory("a", "one")),
      memories.put(memory("b", "two")),
      memories.put(memory("c", "three", { kind: "lore", agentId: "bob" })),
      memories.put(memory("d", "four", { spaceId: "other" })),
    );
    await commit(harness, memories.close({ spaceId: SPACE, id: "b", at: 200, reason: "forgotten" }));
    const bob = { agentId: "bob", kind: "lore", open: 1, closed: 0 };

    expect(await memories.counts({ spaceId: SPACE }, options)).toEqual([
      { agentId: "ana", kind: "fact", open: 1, closed: 1 },
      bob,
    ]);
    expect(await memories.counts({ spaceId: SPACE, agentId: "bob" }, options)).toEqual([bob]);
  });
}
