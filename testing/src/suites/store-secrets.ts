import type { DataKeyRow, NewOutbox, SecretRow } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  codeOf,
  commit,
  type GetHarness,
  options,
  result,
  SPACE,
  type StoreHarness,
} from "./store-fixtures.ts";

const OTHER_SPACE = "other";

function secret(change: Partial<SecretRow> = {}): SecretRow {
  return {
    ...{ spaceId: SPACE, owner: "", name: "model", version: 1, keyVersion: 1 },
    ...{ nonce: "bm9uY2U", sealed: "c2VhbGVk", fingerprint: "f1", createdAt: 100, updatedAt: 100 },
    ...change,
  };
}

function dataKey(change: Partial<DataKeyRow> = {}): DataKeyRow {
  return {
    ...{ spaceId: SPACE, version: 1, masterKeyId: "m1", nonce: "bg", sealed: "cw", createdAt: 100 },
    ...change,
  };
}

export function describeSecrets(get: GetHarness): void {
  describeSealed(get);
  describeDataKeys(get);
}

function describeSealed(get: GetHarness): void {
  it("keeps a secret per space, owner and name, and takes only the version that follows", async () => {
    const harness = get();
    const { secrets } = harness.stores;
    await commit(harness, secrets.putKey(dataKey()), secrets.putKey(dataKey({ spaceId: OTHER_SPACE })));
    const second = secret({ version: 2, sealed: "bmV3", updatedAt: 200 });

    const codes = [
      await codeOf(commit(harness, secrets.put(secret()))),
      await codeOf(commit(harness, secrets.put(secret({ sealed: "YWdhaW4" })))),
      await codeOf(commit(harness, secrets.put(secret({ version: 3 })))),
      await codeOf(commit(harness, secrets.put(second))),
      await codeOf(commit(harness, secrets.put(secret({ owner: "person-1" })))),
      await codeOf(commit(harness, secrets.put(secret({ spaceId: OTHER_SPACE })))),
    ];

    expect(codes).toEqual(["kept", "store.conflict", "store.conflict", "kept", "kept", "kept"]);
    expect(await secrets.get(secret(), options)).toEqual(second);
    expect(await secrets.list(SPACE, options)).toEqual([second, secret({ owner: "person-1" })]);
    expect(await secrets.get(secret({ name: "none" }), options)).toBeUndefined();
  });

  it("takes no secret whose data key is not there, and keeps a data key that a secret needs", async () => {
    const harness = get();
    const { secrets } = harness.stores;
    const early = await codeOf(commit(harness, secrets.put(secret())));
    await commit(harness, secrets.putKey(dataKey()), secrets.putKey(dataKey({ version: 2 })));
    await commit(harness, secrets.put(secret()));

    const codes = [
      await codeOf(commit(harness, secrets.putKey(dataKey()))),
      await codeOf(commit(harness, secrets.removeKey({ spaceId: SPACE, version: 1 }))),
      await codeOf(commit(harness, secrets.put(secret({ version: 2, keyVersion: 2 })))),
      await codeOf(commit(harness, secrets.removeKey({ spaceId: SPACE, version: 1 }))),
      await codeOf(commit(harness, secrets.removeKey({ spaceId: SPACE, version: 1 }))),
    ];

    expect([early, ...codes]).toEqual([
      ...["store.conflict", "store.conflict", "store.conflict", "kept", "kept", "store.conflict"],
    ]);
    expect(await secrets.keys(options)).toEqual([dataKey({ version: 2 })]);
  });
}

function describeDataKeys(get: GetHarness): void {
  it("removes a secret and its key in one commit, and says when there was none", async () => {
    const harness = get();
    const { secrets } = harness.stores;
    await commit(harness, secrets.putKey(dataKey()), secrets.put(secret()));

    const codes = [
      await codeOf(commit(harness, secrets.remove(secret({ name: "other" })))),
      await codeOf(
        commit(harness, secrets.remove(secret()), secrets.removeKey({ spaceId: SPACE, version: 1 })),
      ),
      await codeOf(commit(harness, secrets.remove(secret()))),
    ];

    expect(codes).toEqual(["store.conflict", "kept", "store.conflict"]);
    expect([await secrets.list(SPACE, options), await secrets.keys(options)]).toEqual([[], []]);
  });

  it("seals a data key anew only while the expected master key seals it", async () => {
    const harness = get();
    const { secrets } = harness.stores;
    const next = dataKey({ masterKeyId: "m2", nonce: "bjI", sealed: "czI" });
    await commit(harness, secrets.putKey(dataKey()), secrets.putKey(dataKey({ spaceId: OTHER_SPACE })));

    const codes = [
      await codeOf(commit(harness, secrets.rewrapKey(next, "m1"))),
      await codeOf(commit(harness, secrets.rewrapKey(next, "m1"))),
    ];

    expect(codes).toEqual(["kept", "store.conflict"]);
    expect(await secrets.keys(options)).toEqual([next, dataKey({ spaceId: OTHER_SPACE })]);
  });
}

function row(id: string, change: Partial<NewOutbox> = {}): NewOutbox {
  return {
    ...{ id, spaceId: SPACE, turnId: "turn-1", sessionId: "session-1", text: `reply ${id}`, createdAt: 100 },
    address: { channel: "telegram", target: `chat of ${id}` },
    ...change,
  };
}

async function claimed(harness: StoreHarness, owner = "p-1"): Promise<readonly string[]> {
  const query = { owner, leaseMs: 1, limit: 10, channel: "telegram" };
  return (await result(harness, harness.stores.outbox.claim(query))).map(({ id }) => id);
}

const HOLD = { spaceId: SPACE, reason: "Restored from a backup.", since: 150 };

export function describeHolds(get: GetHarness): void {
  it("gives no row of a held space to anybody, claimed ones included, until it is lifted", async () => {
    const harness = get();
    const { outbox, holds } = harness.stores;
    await commit(harness, outbox.put(row("a")));
    await claimed(harness, "dead");
    await commit(
      harness,
      outbox.put(row("b")),
      outbox.put(row("c", { spaceId: OTHER_SPACE })),
      holds.place(HOLD),
    );
    await harness.pass(5);

    const held = await claimed(harness);
    const due = await outbox.nextDue(options);
    const told = await holds.get(SPACE, options);
    await commit(harness, holds.lift(SPACE));
    await harness.pass(5);

    expect([held, told]).toEqual([["c"], HOLD]);
    expect(due).toEqual([{ channel: "telegram", dueAt: expect.any(Number) }]);
    expect(await claimed(harness)).toEqual(expect.arrayContaining(["a", "b"]));
    expect(await holds.get(SPACE, options)).toBeUndefined();
    expect(await codeOf(commit(harness, holds.lift(SPACE)))).toBe("store.conflict");
  });

  it("keeps the first reason of a hold that is placed twice", async () => {
    const harness = get();
    const { holds } = harness.stores;
    await commit(harness, holds.place(HOLD), holds.place({ ...HOLD, reason: "Another.", since: 900 }));

    expect(await holds.get(SPACE, options)).toEqual(HOLD);
  });

  it("discards what was open before the hold, and lets what came after it go", async () => {
    const harness = get();
    const { outbox, holds } = harness.stores;
    await commit(harness, outbox.put(row("blind")), outbox.put(row("old")));
    const [first] = await result(
      harness,
      outbox.claim({ owner: "dead", leaseMs: 1, limit: 1, channel: "telegram" }),
    );
    await commit(harness, outbox.begin({ id: first?.id ?? "", epoch: first?.epoch ?? 0 }));
    const discard = () =>
      outbox.discard({ spaceId: SPACE, before: HOLD.since, reason: "Discarded.", at: 400 });
    const unheld = await result(harness, discard());
    await commit(harness, holds.place(HOLD), outbox.put(row("new", { createdAt: 200 })));

    const write = discard();
    const committed = await commit(harness, write, holds.lift(SPACE));

    expect([unheld.count, committed.read(write).count]).toEqual([0, 2]);
    const rows = await outbox.list({ spaceId: SPACE, states: ["unknown", "dead"] }, options);
    expect(rows.items.map(({ id, state, error, endedAt }) => ({ id, state, error, endedAt }))).toEqual([
      { id: "old", state: "dead", error: "Discarded.", endedAt: 400 },
      { id: "blind", state: "unknown", error: "Discarded.", endedAt: 400 },
    ]);
    await harness.pass(5);
    expect(await claimed(harness)).toEqual(["new"]);
  });
}
