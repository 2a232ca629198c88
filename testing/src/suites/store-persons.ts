import type { LinkOffer, PersonLink } from "@troupe/contracts";
import { expect, it } from "vitest";
import { commit, type GetHarness, options, SPACE } from "./store-fixtures.ts";

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
