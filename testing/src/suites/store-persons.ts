import type { LinkOffer, PersonLink } from "@troupe/contracts";
import { expect, it } from "vitest";
import { commit, type GetHarness, message, options, SPACE, session } from "./store-fixtures.ts";

const offer = (name: string, code: string, until = 1_000): LinkOffer & { readonly at: number } => ({
  ...{ spaceId: SPACE, name, codeHash: `hash of ${code}`, until, at: 1 },
});

const redeem = (name: string, code: string, at = 500) => ({
  ...{ spaceId: SPACE, codeHash: `hash of ${code}`, name, linkId: `${name} by ${code}`, at },
});

const linked = async ({ stores }: ReturnType<GetHarness>): Promise<readonly string[]> =>
  (await stores.persons.open(SPACE, 50, options)).map(({ names }) => names.join(" = "));

export function describePersons(get: GetHarness): void {
  describeCodes(get);
  describeLinks(get);
  describePeers(get);
  describeNames(get);
  describeForgetting(get);
}

function describePeers(get: GetHarness): void {
  it("keeps how channels show peers, since when, and changes nothing where they show them so already", async () => {
    const harness = get();
    const { persons } = harness.stores;
    const shown = (name: string, shownName: string, at: number) =>
      persons.shown({ spaceId: SPACE, name, shownName, at });
    await commit(harness, shown("north/zoe", "Zoe", 5), shown("north/max", "Max", 5));
    await commit(harness, shown("north/zoe", "Zoe", 6), shown("north/max", "Maxim", 6));

    const names = ["north/zoe", "north/max", "north/ann"];
    const found = await persons.profiles({ spaceId: SPACE, names }, options);

    expect(found.toSorted((a, b) => a.since - b.since)).toEqual([
      { spaceId: SPACE, name: "north/zoe", shownName: "Zoe", since: 5 },
      { spaceId: SPACE, name: "north/max", shownName: "Maxim", since: 6 },
    ]);
    expect(await persons.profiles({ spaceId: "elsewhere", names }, options)).toEqual([]);
  });

  it("sums what a name and an agent said where nobody else reads, and nothing of groups", async () => {
    const harness = get();
    const { persons, sessions } = harness.stores;
    const zoe = { ownerId: "north", peerId: "zoe", audience: ["north/zoe"] };
    await commit(
      harness,
      sessions.touch(session({ ...zoe, id: "a", count: 3, at: 100 })),
      sessions.touch(session({ ...zoe, id: "b", count: 2, at: 50 })),
      sessions.touch(session({ ...zoe, id: "c", agentId: "bob", count: 7, at: 60 })),
      sessions.touch(session({ ...zoe, id: "d", audience: ["north/ann", "north/zoe"], count: 9 })),
      sessions.touch(session({ id: "e", ownerId: "key-1", peerId: "key-1", audience: ["key-1"], at: 70 })),
    );
    const sums = (names: readonly string[], agentId?: string) =>
      persons.acquaintances(
        { spaceId: SPACE, names, ...(agentId === undefined ? {} : { agentId }) },
        options,
      );

    const ana = { name: "north/zoe", agentId: "ana", sessions: 2, messages: 5, firstAt: 50, lastAt: 100 };
    expect(await sums(["north/zoe"], "ana")).toEqual([ana]);
    expect((await sums(["north/zoe", "key-1"])).map((one) => [one.name, one.agentId, one.messages])).toEqual(
      expect.arrayContaining([
        ["north/zoe", "ana", 5],
        ["north/zoe", "bob", 7],
        ["key-1", "ana", 1],
      ]),
    );
    expect(await sums(["south/zoe"])).toEqual([]);
  });
}

function describeNames(get: GetHarness): void {
  it("keeps who wrote a message of several people, finds where they spoke, and copies it with a branch", async () => {
    const harness = get();
    const { persons, sessions } = harness.stores;
    const author = { peerId: "north/zoe", name: "Zoe" };
    const audience = ["north/max", "north/zoe"];
    await commit(
      harness,
      sessions.touch(session({ audience, count: 1 })),
      sessions.append(message({ id: "m-1", audience, author })),
      sessions.touch(session({ audience, count: 1 })),
      sessions.append(message({ id: "m-2", audience, author: { peerId: "north/max" } })),
    );
    const branch = { id: "branch", key: "k", parentId: "session-1", messageId: "m-2", isIncluded: true };
    await commit(harness, sessions.branch({ ...branch, name: undefined, storylineId: "line", at: 5 }));

    const authorsIn = async (sessionId: string) =>
      (await sessions.messages({ sessionId }, options)).items.map((one) => one.author);

    expect(await authorsIn("session-1")).toEqual([author, { peerId: "north/max" }]);
    expect(await authorsIn("branch")).toEqual([author, { peerId: "north/max" }]);
    const spoken = await persons.spoken({ spaceId: SPACE, names: ["north/zoe"] }, options);
    expect(spoken.map(({ sessionId, messages }) => [sessionId, messages]).toSorted()).toEqual([
      ["branch", 1],
      ["session-1", 1],
    ]);
    const query = { spaceId: SPACE, name: "north/zoe", limit: 1 };
    const first = await persons.written(query, options);
    const rest = await persons.written({ ...query, cursor: String(first.next) }, options);
    expect([...first.items, ...rest.items].map((one) => [one.sessionId, one.author])).toEqual([
      ["session-1", author],
      ["branch", author],
    ]);
    expect(rest.next).toBeUndefined();
  });
}

function describeForgetting(get: GetHarness): void {
  it("lists every name that talks, is shown or is linked, page by page", async () => {
    const harness = get();
    const { persons, sessions } = harness.stores;
    await commit(
      harness,
      sessions.touch(session({ id: "a", ownerId: "north", peerId: "zoe", audience: ["north/zoe"] })),
      sessions.touch(session({ id: "b", ownerId: "key-1", peerId: "key-1", audience: ["key-1"] })),
      persons.shown({ spaceId: SPACE, name: "north/ann", shownName: "Ann", at: 1 }),
      persons.shown({ spaceId: SPACE, name: "north/zoe", shownName: "Zoe", at: 1 }),
      persons.link({
        ...{ id: "l", spaceId: SPACE, names: ["key-1", "south/7"], proof: "operator", linkedAt: 1 },
      }),
    );

    const first = await persons.names({ spaceId: SPACE, limit: 3 }, options);
    const rest = await persons.names({ spaceId: SPACE, limit: 3, cursor: String(first.next) }, options);

    expect(first.items).toEqual(["key-1", "north/ann", "north/zoe"]);
    expect([rest.items, rest.next]).toEqual([["south/7"], undefined]);
  });

  it("forgets who wrote and how they were shown, when a person is erased", async () => {
    const harness = get();
    const { persons, sessions, erasure } = harness.stores;
    const audience = ["north/max", "north/zoe"];
    await commit(
      harness,
      sessions.touch(session({ audience })),
      sessions.append(message({ id: "m-1", audience, author: { peerId: "north/zoe", name: "Zoe" } })),
      persons.shown({ spaceId: SPACE, name: "north/zoe", shownName: "Zoe", at: 1 }),
    );

    await commit(harness, erasure.remove({ spaceId: SPACE, peerId: "north/zoe" }));

    const { items } = await sessions.messages({ sessionId: "session-1" }, options);
    expect(items.map(({ author, parts }) => [author, parts.length])).toEqual([[undefined, 1]]);
    expect(await persons.profiles({ spaceId: SPACE, names: ["north/zoe"] }, options)).toEqual([]);
  });
}

function describeCodes(get: GetHarness): void {
  it("links two peers by a code that was told to one and is typed by the other, once", async () => {
    const harness = get();
    const { persons } = harness.stores;
    await commit(harness, persons.offer(offer("north/zoe", "a")));
    expect(await persons.offered({ spaceId: SPACE, codeHash: "hash of a", at: 500 }, options)).toEqual({
      ...{ spaceId: SPACE, name: "north/zoe", codeHash: "hash of a", until: 1_000 },
    });

    await commit(harness, persons.redeem(redeem("south/7", "a")));
    await commit(harness, persons.redeem(redeem("south/8", "a")));

    expect(await linked(harness)).toEqual(["north/zoe = south/7"]);
    const { items } = await persons.list({ spaceId: SPACE }, options);
    expect(items).toEqual([
      {
        ...{ id: "south/7 by a", spaceId: SPACE, names: ["north/zoe", "south/7"], proof: "code" },
        linkedAt: 500,
      } satisfies PersonLink,
    ]);
  });

  it.each([
    ["a code that nobody was told", redeem("south/7", "x")],
    ["one that is late", redeem("south/7", "a", 1_000)],
    ["one's own", redeem("north/zoe", "a")],
    ["one of another space", { ...redeem("south/7", "a"), spaceId: "elsewhere" }],
  ])("links nobody by %s", async (_what, how) => {
    const harness = get();
    const { persons } = harness.stores;
    await commit(harness, persons.offer(offer("north/zoe", "a")));

    await commit(harness, persons.redeem(how));

    expect(await linked(harness)).toEqual([]);
  });

  it("keeps one offer a peer, and none that is over", async () => {
    const harness = get();
    const { persons } = harness.stores;
    await commit(harness, persons.offer(offer("north/zoe", "a")));
    await commit(harness, persons.offer(offer("north/zoe", "b")));
    await commit(harness, persons.offer({ ...offer("north/max", "c", 9_000), at: 2_000 }));

    const known = async (code: string) =>
      (await persons.offered({ spaceId: SPACE, codeHash: `hash of ${code}`, at: 1 }, options))?.name;

    expect([await known("a"), await known("b"), await known("c")]).toEqual([
      undefined,
      undefined,
      "north/max",
    ]);
  });
}

function describeLinks(get: GetHarness): void {
  it("ends links by their id or all of a peer, and keeps them to be read", async () => {
    const harness = get();
    const { persons } = harness.stores;
    const link = (id: string, one: string, other: string) =>
      persons.link({ id, spaceId: SPACE, names: [one, other], proof: "operator", linkedAt: 5 });
    await commit(harness, link("l-1", "b", "a"), link("l-2", "b", "c"), link("l-3", "d", "e"));
    await commit(harness, link("l-1", "x", "y"));

    await commit(harness, persons.unlink({ spaceId: SPACE, of: "l-3", at: 7 }));
    const afterOne = await linked(harness);
    await commit(harness, persons.unlink({ spaceId: SPACE, of: "b", at: 8 }));

    expect(afterOne).toEqual(["b = c", "a = b"]);
    expect(await linked(harness)).toEqual([]);
    const page = await persons.list({ spaceId: SPACE, limit: 2 }, options);
    const rest = await persons.list({ spaceId: SPACE, limit: 2, cursor: String(page.next) }, options);
    expect([...page.items, ...rest.items].map(({ id, endedAt }) => [id, endedAt])).toEqual([
      ["l-3", 7],
      ["l-2", 8],
      ["l-1", 8],
    ]);
    const ofC = await persons.list({ spaceId: SPACE, name: "c" }, options);
    expect(ofC.items.map(({ id }) => id)).toEqual(["l-2"]);
  });
}
