import { EVERYONE, type KnowledgeDocument, type NewMemory } from "@troupe/contracts";
import { expect, it } from "vitest";
import { codeOf, commit, type GetHarness, options, SPACE, type StoreHarness } from "./store-fixtures.ts";

function document(id: string, change: Partial<KnowledgeDocument> = {}): KnowledgeDocument {
  return {
    ...{ id, spaceId: SPACE, agentId: "ana", audience: ["peer-1"], source: `/files/${id}.md`, title: id },
    ...{ mediaType: "text/markdown", contentHash: `hash of ${id}`, sizeBytes: 10, chunkCount: 2 },
    ...{ revision: 1, addedAt: 100, updatedAt: 100, ...change },
  };
}

function piece(id: string, text: string, change: Partial<NewMemory> = {}): NewMemory {
  const base = { id, spaceId: SPACE, agentId: "ana", audience: [EVERYONE], text, turnId: "doc" };
  return { ...base, recordedAt: 100, kind: "document", ...change };
}

const idsOf = (items: readonly { readonly id: string }[]): readonly string[] => items.map(({ id }) => id);

async function found(
  { stores }: StoreHarness,
  readers: readonly string[],
  change: object = {},
): Promise<readonly string[]> {
  const query = {
    spaceId: SPACE,
    agentId: "ana",
    readers,
    words: ["opening", "hours"],
    limit: 10,
    ...change,
  };
  return idsOf(await stores.search.search(query, options));
}

export function describeDocuments(get: GetHarness): void {
  describeKeeping(get);
  describeEveryone(get);
  describePieces(get);
}

function describeKeeping(get: GetHarness): void {
  it("keeps a document and the order of its pieces, and each next revision in place of the one before", async () => {
    const harness = get();
    const { documents } = harness.stores;
    const ids = Array.from({ length: 250 }, (_, n) => `piece-${n}`);
    await commit(harness, documents.put(document("doc"), ids));

    expect(await documents.get(SPACE, "doc", options)).toEqual(document("doc"));
    expect(await documents.get("another", "doc", options)).toBeUndefined();
    expect(await documents.chunkIds({ spaceId: SPACE, id: "doc" }, options)).toEqual(ids.slice(0, 200));
    expect(await documents.chunkIds({ spaceId: SPACE, id: "doc", after: 200 }, options)).toEqual(
      ids.slice(200),
    );
    expect(await documents.chunkIds({ spaceId: "another", id: "doc" }, options)).toEqual([]);

    const next = document("doc", { revision: 2, title: "new", updatedAt: 200, chunkCount: 1 });
    await commit(harness, documents.put(next, ["piece-7"]));
    expect(await documents.get(SPACE, "doc", options)).toEqual(next);
    expect(await documents.chunkIds({ spaceId: SPACE, id: "doc" }, options)).toEqual(["piece-7"]);
  });

  it("of two who change a document at once one is refused", async () => {
    const harness = get();
    const { documents } = harness.stores;
    await commit(harness, documents.put(document("doc"), ["a"]));

    const writes = [
      documents.put(document("doc"), ["b"]),
      documents.put(document("doc", { revision: 3 }), ["b"]),
      documents.put(document("none", { revision: 2 }), ["b"]),
      documents.put(document("doc", { spaceId: "another", revision: 2 }), ["b"]),
      documents.remove(document("doc", { revision: 2 })),
      documents.remove(document("doc", { spaceId: "another" })),
    ];
    for (const write of writes) expect(await codeOf(commit(harness, write))).toBe("store.conflict");
    expect(await documents.chunkIds({ spaceId: SPACE, id: "doc" }, options)).toEqual(["a"]);

    await commit(harness, documents.remove(document("doc")));
    expect(await documents.get(SPACE, "doc", options)).toBeUndefined();
    expect(await documents.chunkIds({ spaceId: SPACE, id: "doc" }, options)).toEqual([]);
  });

  it("lists those of a space or an agent page by page, the last changed first, and those with the same bytes", async () => {
    const harness = get();
    const { documents } = harness.stores;
    for (const [id, updatedAt, agentId] of [
      ["one", 100, "ana"],
      ["two", 300, "ben"],
      ["three", 200, "ana"],
    ] as const)
      await commit(harness, documents.put(document(id, { updatedAt, agentId, contentHash: "same" }), []));

    const first = await documents.list({ spaceId: SPACE, limit: 2 }, options);
    expect(idsOf(first.items)).toEqual(["two", "three"]);
    const second = await documents.list({ spaceId: SPACE, limit: 2, cursor: first.next ?? "" }, options);
    expect([idsOf(second.items), second.next]).toEqual([["one"], undefined]);
    expect(idsOf((await documents.list({ spaceId: SPACE, agentId: "ana" }, options)).items)).toEqual([
      "three",
      "one",
    ]);
    const query = { spaceId: SPACE, agentId: "ana", contentHash: "same" };
    expect(idsOf(await documents.withContent(query, options))).toEqual(["three", "one"]);
  });
}

function describeEveryone(get: GetHarness): void {
  it("what everybody may be told is found by whoever asks, also by several, also beside what is theirs alone", async () => {
    const harness = get();
    const { memories, search } = harness.stores;
    await commit(harness, memories.put(piece("all", "House › Hours\nThe opening hours are nine to five")));
    expect(await found(harness, ["peer-1"])).toEqual(["all"]);
    expect(await found(harness, ["peer-1", "stranger"])).toEqual(["all"]);
    expect(await found(harness, ["peer-1"], { text: "What are the opening hours?" })).toEqual(["all"]);
    expect(await found(harness, ["peer-1"], { agentId: "ben" })).toEqual([]);
    expect(await found(harness, [])).toEqual([]);

    const own = { audience: ["peer-1"], kind: "fact" } as const;
    await commit(harness, memories.put(piece("own", "Opening hours of my own shop", own)));
    await commit(
      harness,
      memories.put(piece("theirs", "Opening hours, told to few", { audience: ["peer-2"] })),
    );
    expect((await found(harness, ["peer-1"])).toSorted()).toEqual(["all", "own"]);
    expect((await found(harness, ["peer-2"])).toSorted()).toEqual(["all", "theirs"]);
    expect(await found(harness, ["peer-1", "peer-2"])).toEqual(["all"]);

    const query = { spaceId: SPACE, agentId: "ana", readers: ["peer-2"], words: ["hours"], limit: 10 };
    expect((await search.search(query, options)).map(({ role }) => role)).toEqual(["document", "document"]);
    const ids = ["all", "own", "theirs"];
    expect(idsOf(await memories.find({ spaceId: SPACE, readers: ["peer-9"], ids }, options))).toEqual([
      "all",
    ]);
  });

  it("what is theirs alone is found however many newer pieces for everybody hold the same words", async () => {
    const harness = get();
    const { memories, unit } = harness.stores;
    const own = { audience: ["peer-1"], kind: "fact" } as const;
    await commit(harness, memories.put(piece("own", "Opening hours: nine to five", own)));
    const pieces = Array.from({ length: 300 }, (_, n) => piece(`all-${n}`, "Opening hours: nine to five"));
    await unit.commit(
      pieces.map((one) => memories.put(one)),
      options,
    );

    const asked = { text: "What are the opening hours?", limit: 3 };
    expect(await found(harness, ["peer-1"], asked)).toEqual(["own", "all-299", "all-298"]);
    expect(await found(harness, ["peer-2"], asked)).toEqual(["all-299", "all-298", "all-297"]);
  });

  it("nothing but pieces of documents may be for everybody", async () => {
    const harness = get();
    const { memories } = harness.stores;
    expect(() => memories.put(piece("fact", "Kate lives in Lviv", { kind: "fact" }))).toThrow(
      "which only pieces of documents are",
    );
  });
}

function describePieces(get: GetHarness): void {
  it("pieces are listed where they are asked for, and nothing new is compared with them", async () => {
    const harness = get();
    const { memories } = harness.stores;
    await commit(harness, memories.put(piece("piece", "the tea is green", { audience: ["peer-1"] })));
    await commit(
      harness,
      memories.put(piece("fact", "the tea is hot", { audience: ["peer-1"], kind: "fact" })),
    );
    const query = { spaceId: SPACE, agentId: "ana", readers: ["peer-1"] };

    expect(idsOf((await memories.list(query, options)).items)).toEqual(["fact"]);
    expect(idsOf((await memories.list({ ...query, kinds: ["document"] }, options)).items)).toEqual(["piece"]);
    const likeness = { spaceId: SPACE, agentId: "ana", text: "the tea is green" };
    expect(idsOf(await memories.alike(likeness, options))).not.toContain("piece");
  });
}
