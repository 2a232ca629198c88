import type { SignInRecord } from "@troupe/contracts";
import { expect, it } from "vitest";
import { codeOf, commit, type GetHarness, options, SPACE } from "./store-fixtures.ts";

const DAY_MS = 86_400_000;

function link(id: string, change: Partial<SignInRecord> = {}): SignInRecord {
  return {
    id,
    spaceId: SPACE,
    principalKind: "operator",
    principalId: "operator",
    name: "link",
    codeHash: `code of ${id}`,
    codeUntil: 1_000,
    createdAt: 100,
    usedAt: undefined,
    tokenHash: undefined,
    until: undefined,
    revokedAt: undefined,
    ...change,
  };
}

const use = (id: string, at = 500, tokenHash = `token of ${id}`) => ({
  ...{ codeHash: `code of ${id}`, tokenHash, name: "Firefox", at, until: at + DAY_MS },
});

export function describeSignIns(get: GetHarness): void {
  describeLinks(get);
  describeBrowsers(get);
}

function describeLinks(get: GetHarness): void {
  it("lets a code be used once, of two at the same time by one alone", async () => {
    const harness = get();
    const { signIns } = harness.stores;
    await commit(harness, signIns.put(link("a")));

    const codes = await Promise.all([
      codeOf(commit(harness, signIns.use(use("a", 500, "t1")))),
      codeOf(commit(harness, signIns.use(use("a", 501, "t2")))),
    ]);

    expect(codes).toEqual(["kept", "store.conflict"]);
    expect(await signIns.findByToken("t1", options)).toEqual({
      ...link("a"),
      ...{ name: "Firefox", usedAt: 500, tokenHash: "t1", until: 500 + DAY_MS },
    });
    expect(await signIns.findByToken("t2", options)).toBeUndefined();
    expect((await signIns.findByCode("code of a", options))?.usedAt).toBe(500);
  });

  it("refuses a code that is late, unknown or revoked, and still knows what became of it", async () => {
    const harness = get();
    const { signIns } = harness.stores;
    await commit(
      harness,
      signIns.put(link("late")),
      signIns.put(link("revoked")),
      signIns.revoke("revoked", 200),
    );

    const codes = [
      await codeOf(commit(harness, signIns.use(use("late", 1_000)))),
      await codeOf(commit(harness, signIns.use(use("unknown")))),
      await codeOf(commit(harness, signIns.use(use("revoked")))),
    ];

    expect(codes).toEqual(["store.conflict", "store.conflict", "store.conflict"]);
    expect((await signIns.findByCode("code of late", options))?.usedAt).toBeUndefined();
    expect((await signIns.findByCode("code of revoked", options))?.revokedAt).toBe(200);
  });
}

function describeBrowsers(get: GetHarness): void {
  it("lists browsers and not links, and ends one by its id or all of a principal", async () => {
    const harness = get();
    const { signIns } = harness.stores;
    const ofKey = { principalKind: "key", principalId: "k-1" } as const;
    await commit(
      harness,
      ...["a", "b", "unused"].map((id) => signIns.put(link(id))),
      ...["c", "d"].map((id) => signIns.put(link(id, ofKey))),
      signIns.put(link("elsewhere", { spaceId: "other" })),
    );
    await commit(harness, ...["a", "b", "c", "d", "elsewhere"].map((id) => signIns.use(use(id))));

    await commit(harness, signIns.revoke("b", 600), signIns.revoke("k-1", 700), signIns.revoke("b", 800));

    const listed = await signIns.list(SPACE, options);
    expect(listed.map(({ id, revokedAt }) => [id, revokedAt])).toEqual([
      ["a", undefined],
      ["b", 600],
      ["c", 700],
      ["d", 700],
    ]);
  });

  it("forgets links that nobody used a day after they ended", async () => {
    const harness = get();
    const { signIns } = harness.stores;
    await commit(harness, signIns.put(link("old")), signIns.put(link("used")));
    await commit(harness, signIns.use(use("used")));

    await commit(harness, signIns.put(link("soon", { createdAt: 900 + DAY_MS })));
    expect(await signIns.findByCode("code of old", options)).toBeDefined();
    await commit(harness, signIns.put(link("new", { createdAt: 2_000 + DAY_MS })));

    expect(await signIns.findByCode("code of old", options)).toBeUndefined();
    expect(await signIns.findByCode("code of used", options)).toBeDefined();
  });
}
