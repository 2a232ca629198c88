import { expect, it } from "vitest";
import {
  commit,
  type GetHarness,
  message,
  options,
  SPACE,
  type StoreHarness,
  session,
} from "./store-fixtures.ts";

async function fill(harness: StoreHarness, count: number): Promise<void> {
  const { sessions, memories, search } = harness.stores;
  await commit(
    harness,
    sessions.touch(session({ count })),
    ...Array.from({ length: count }, (_, n) =>
      sessions.append(
        message({ id: `said-${n}`, parts: [{ type: "text", text: `tea ${n}` }], fromLast: count - 1 - n }),
      ),
    ),
  );
  for (const id of ["kept", "closed", "erased"]) {
    const memory = { id, spaceId: SPACE, agentId: "ana", audience: ["peer-1"], text: `tea ${id}` };
    await commit(harness, memories.put({ ...memory, turnId: "turn-1", recordedAt: 100 }));
  }
  await search.indexNew(1000, options);
}

async function found(
  harness: StoreHarness,
  readers: readonly string[] = ["peer-1"],
): Promise<readonly string[]> {
  const query = { spaceId: SPACE, agentId: "ana", readers, words: ["tea"], limit: 50 };
  return (await harness.stores.search.search(query, options)).map(({ id }) => id).toSorted();
}

/** Making the index anew while it serves. */
export function describeRenewal(get: GetHarness): void {
  it("makes the index anew stretch by stretch, and finds everything all the while", async () => {
    const harness = get();
    await fill(harness, 7);
    const before = await found(harness);
    const stretches: (readonly [number, boolean])[] = [];
    const between: (readonly string[])[] = [];
    for (let isMore = true; isMore; ) {
      const stretch = await harness.stores.search.renew(3, options);
      stretches.push([stretch.passed, stretch.isMore]);
      between.push(await found(harness));
      isMore = stretch.isMore;
    }

    expect(before).toHaveLength(10);
    expect(new Set(between.map(String))).toEqual(new Set([String(before)]));
    expect(stretches).toEqual([
      [3, true],
      [3, true],
      [1, true],
      [3, true],
      [0, false],
    ]);
    expect((await harness.stores.search.renew(100, options)).passed).toBe(7);
    expect(await found(harness, ["peer-2"])).toEqual([]);
  });

  it("brings nothing back that is closed, erased or deleted, and two at once do nothing twice", async () => {
    const harness = get();
    const { memories, sessions, search } = harness.stores;
    await fill(harness, 4);
    await search.renew(2, options);
    await commit(harness, memories.close({ spaceId: SPACE, id: "closed", at: 200, reason: "forgotten" }));
    await commit(harness, memories.erase(SPACE, "erased"));
    const both = await Promise.all([search.renew(1, options), search.renew(1, options)]);
    while ((await search.renew(100, options)).isMore);

    expect(both.map(({ passed }) => passed).reduce((sum, one) => sum + one)).toBeLessThanOrEqual(2);
    expect(await found(harness)).toEqual(["kept", "said-0", "said-1", "said-2", "said-3"]);
    await commit(harness, sessions.remove("session-1"));
    while ((await search.renew(100, options)).isMore);
    expect(await found(harness)).toEqual(["kept"]);
  });
}
