import { expect, it } from "vitest";
import {
  accepting,
  codeOf,
  commit,
  finished,
  type GetHarness,
  options,
  result,
  type StoreHarness,
} from "./store-fixtures.ts";

/** What a process does for turns that it holds, and what its sweeps look for. */
export function describeUpkeep(get: GetHarness): void {
  describeReclaim(get);
  describeOutlook(get);
}

async function register(harness: StoreHarness, ...ids: readonly string[]): Promise<void> {
  for (const id of ids)
    await commit(harness, harness.stores.leases.register({ id, pid: 1, role: "all", leaseMs: 60_000 }));
}

function describeReclaim(get: GetHarness): void {
  it("claims a turn anew for the process that holds it, as it is kept by now, and fences the older claim off", async () => {
    const harness = get();
    const { turns } = harness.stores;
    await register(harness, "p-1");
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    await commit(harness, turns.requestCancel("turn-1"));

    const foreign = await result(harness, turns.reclaim({ id: "turn-1", epoch: 1, owner: "p-2" }));
    const claimed = await result(harness, turns.reclaim({ id: "turn-1", epoch: 1, owner: "p-1" }));
    const old = await result(harness, turns.reclaim({ id: "turn-1", epoch: 1, owner: "p-1" }));

    expect([foreign, old]).toEqual([undefined, undefined]);
    expect(claimed).toMatchObject({
      isTakeover: true,
      inbound: [{ id: "message-1" }],
      turn: { epoch: 2, attempt: 2, owner: "p-1", cancelRequested: true, state: "running" },
    });
    expect(claimed?.turn.trace.map(({ what }) => what)).toEqual(["again"]);
    expect(await codeOf(commit(harness, turns.finish(finished({ epoch: 1 }))))).toBe("store.conflict");
  });

  it("does not claim a turn anew that has ended", async () => {
    const harness = get();
    const { turns } = harness.stores;
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    await commit(harness, turns.finish(finished()));

    const claimed = await result(harness, turns.reclaim({ id: "turn-1", epoch: 1, owner: "p-1" }));

    expect(claimed).toBeUndefined();
    expect(await turns.get("turn-1", options)).toMatchObject({ state: "replied", attempt: 1 });
  });

  it("keeps with a turn what its attempts reserve, and tells whoever takes it over", async () => {
    const harness = get();
    const { turns, leases } = harness.stores;
    await register(harness, "p-1", "p-2");
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1", reservedMicroUsd: 100 } }));

    await commit(harness, turns.reserve({ id: "turn-1", epoch: 1 }, 30));
    await commit(harness, leases.end("p-1"));
    const [taken] = await result(harness, turns.claim({ owner: "p-2", limit: 1 }));

    expect(taken?.turn.reservedMicroUsd).toBe(130);
    expect(await codeOf(commit(harness, turns.reserve({ id: "turn-1", epoch: 1 }, 30)))).toBe(
      "store.conflict",
    );
  });
}

function describeOutlook(get: GetHarness): void {
  it("tells whether a claim would give something, and when it would next", async () => {
    const harness = get();
    const { turns, leases } = harness.stores;
    const far = 9_000_000_000_000;
    const look = async (): Promise<unknown> => {
      const { isDue, nextDueAt } = await turns.outlook("p-1", options);
      return [isDue, nextDueAt];
    };
    await register(harness, "p-1", "p-2");
    const nothing = await look();
    await commit(harness, ...accepting(harness, 1, { sessionId: "s-1", turn: { owner: "p-2" } }));
    await commit(harness, ...accepting(harness, 2, { sessionId: "s-1", turn: { dueAt: 1 } }));
    await commit(harness, ...accepting(harness, 3, { sessionId: "s-3", turn: { dueAt: far } }));
    const later = await look();
    await commit(harness, leases.end("p-2"));
    const orphaned = await look();
    await result(harness, turns.claim({ owner: "p-1", limit: 1 }));
    await commit(harness, turns.finish(finished({ epoch: 2 })));
    const behind = await look();

    expect({ nothing, later, orphaned, behind }).toEqual({
      nothing: [false, undefined],
      later: [false, far],
      orphaned: [true, far],
      behind: [true, 1],
    });
  });

  it("names the turns of a process that somebody wants to stop", async () => {
    const harness = get();
    const { turns } = harness.stores;
    await register(harness, "p-1", "p-2");
    for (const [n, owner] of ["p-1", "p-1", "p-2", "p-1"].entries())
      await commit(harness, ...accepting(harness, n, { sessionId: `s-${n}`, turn: { owner } }));
    for (const n of [0, 2, 3]) await commit(harness, turns.requestCancel(`turn-${n}`));
    await commit(harness, turns.finish(finished({ id: "turn-3", state: "cancelled" })));

    const cancelled = await Promise.all(
      ["p-1", "p-2"].map(async (owner) => (await turns.outlook(owner, options)).cancelled),
    );

    expect(cancelled).toEqual([["turn-0"], ["turn-2"]]);
  });
}
