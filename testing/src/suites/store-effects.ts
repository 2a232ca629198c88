import type { EffectOutcome, NewEffect } from "@troupe/contracts";
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

const FAR_OFF = 8_000_000_000_000;

function effect(id: string, change: Partial<NewEffect> = {}): NewEffect {
  return {
    ...{ id, spaceId: SPACE, kind: "summary", v: 1, lane: "background", turnId: "turn-1" },
    ...{ sessionId: "session-1", payload: { n: 1 }, createdAt: 100 },
    ...change,
  };
}

type Query = Parameters<StoreHarness["stores"]["effects"]["claim"]>[0];

async function claim(harness: StoreHarness, query: Partial<Query> = {}): Promise<readonly string[]> {
  const { effects } = harness.stores;
  const rows = await result(
    harness,
    effects.claim({ owner: "p-1", leaseMs: 60_000, limit: 10, lane: "background", ...query }),
  );
  return rows.map(({ id }) => id);
}

const settle = (harness: StoreHarness, id: string, outcome: EffectOutcome, epoch = 1): Promise<unknown> =>
  commit(harness, harness.stores.effects.settle({ id, epoch }, outcome, 9));

function describeTakeover(get: GetHarness): void {
  it("lets a process whose own lease has ended take nothing from others: when a clock leaps, all have ended at once", async () => {
    const harness = get();
    const { effects, leases } = harness.stores;
    for (const id of ["p-1", "p-2"])
      await commit(harness, leases.register({ id, pid: 1, role: "all", leaseMs: 60_000 }));
    await commit(harness, effects.put(effect("held")));
    expect(await claim(harness)).toEqual(["held"]);
    for (const id of ["p-1", "p-2"]) await commit(harness, leases.end(id));

    expect(await claim(harness, { owner: "p-2" })).toEqual([]);
    await commit(harness, effects.put(effect("free")));
    expect(await claim(harness, { owner: "p-2" })).toEqual(["free"]);
    await commit(harness, leases.renew("p-2", 60_000));
    expect(await claim(harness, { owner: "p-2" })).toEqual(["held"]);
  });
}

export function describeEffectOrder(get: GetHarness): void {
  describeUrgency(get);
  describeDone(get);
  describeKeys(get);
  describeRenewal(get);
  describeTakeover(get);
  describeTroubles(get);
  describeOtherEnds(get);
}

function describeUrgency(get: GetHarness): void {
  it("gives the urgent ones first, of equal ones those that are longest due, and none before its time", async () => {
    const harness = get();
    const { effects } = harness.stores;
    await commit(
      harness,
      effects.put(effect("late", { createdAt: 300 })),
      effects.put(effect("early", { createdAt: 200 })),
      effects.put(effect("not-yet", { priority: 0, dueAt: FAR_OFF })),
      effects.put(effect("least", { priority: 99 })),
      effects.put(effect("urgent", { priority: 0, createdAt: 400 })),
    );

    const some = await claim(harness, { limit: 2 });
    const rest = await claim(harness);
    const due = await effects.nextDue("background", options);

    expect([some, rest]).toEqual([
      ["urgent", "early"],
      ["late", "least"],
    ]);
    expect(due).toBeLessThan(FAR_OFF);
    for (const id of [...some, ...rest]) await settle(harness, id, { kind: "done" });
    expect(await effects.nextDue("background", options)).toBe(FAR_OFF);
  });

  it("gives one at once although the clock of the process that wrote it goes far ahead of the store's", async () => {
    const harness = get();
    const createdAt = harness.now() + 180_000;
    await commit(
      harness,
      harness.stores.effects.put(effect("a", { createdAt })),
      harness.stores.effects.put(effect("b", { createdAt, dueAt: createdAt + 1 })),
    );

    expect(await claim(harness)).toEqual(["a"]);
  });

  it("gives those of one kind and version alone where these are asked for", async () => {
    const harness = get();
    const { effects } = harness.stores;
    await commit(
      harness,
      effects.put(effect("a")),
      effects.put(effect("b", { kind: "other" })),
      effects.put(effect("c", { v: 2 })),
      effects.put(effect("d")),
    );

    expect(await claim(harness, { only: { kind: "summary", v: 1 } })).toEqual(["a", "d"]);
    expect(await claim(harness)).toEqual(["b", "c"]);
  });
}

function describeDone(get: GetHarness): void {
  it("marks several as done at once, or none where one of them is held no longer", async () => {
    const harness = get();
    const { effects } = harness.stores;
    const ids = ["a", "b", "c"];
    await commit(harness, ...ids.map((id) => effects.put(effect(id))));
    await claim(harness);
    await settle(harness, "c", { kind: "retry", dueAt: 0, error: "busy" });
    await claim(harness, { owner: "p-2" });
    const held = (epochs: Readonly<Record<string, number>>) =>
      Object.entries(epochs).map(([id, epoch]) => ({ id, epoch }));
    const states = async () => (await effects.ofTurn("turn-1", options)).map(({ state }) => state);

    const late = await codeOf(commit(harness, effects.settleDone(held({ a: 1, b: 1, c: 1 }), 700)));
    const between = await states();
    await commit(harness, effects.settleDone(held({ a: 1, b: 1, c: 2 }), 700));

    expect([late, between]).toEqual(["store.conflict", ["running", "running", "running"]]);
    expect(await effects.ofTurn("turn-1", options)).toMatchObject(
      ids.map((id) => ({ id, state: "done", endedAt: 700 })),
    );
    expect(await codeOf(commit(harness, effects.settleDone(held({ a: 1 }), 800)))).toBe("store.conflict");
  });
}

function describeKeys(get: GetHarness): void {
  it("gives of a key one at a time, in the order in which they were put, and others meanwhile", async () => {
    const harness = get();
    const { effects } = harness.stores;
    await commit(
      harness,
      effects.put(effect("b", { key: "kate", createdAt: 300 })),
      effects.put(effect("a", { key: "kate", priority: 0, createdAt: 100 })),
      effects.put(effect("other-key", { key: "olha" })),
      effects.put(effect("other-space", { key: "kate", spaceId: "another" })),
    );

    const first = await claim(harness);
    const meanwhile = [await claim(harness), await effects.nextDue("background", options)];
    await settle(harness, "b", { kind: "retry", dueAt: FAR_OFF, error: "busy" });
    const whileItWaits = await claim(harness);
    expect([first, meanwhile[0], whileItWaits]).toEqual([["other-key", "other-space", "b"], [], []]);
    expect(meanwhile[1]).toBeGreaterThan(harness.now());
  });

  it.each([
    ["done", { kind: "done" }],
    ["dead", { kind: "dead", error: "no" }],
    ["parked", { kind: "parked", error: "newer" }],
  ] as const)("gives the next of a key after one that ended %s", async (_state, outcome) => {
    const harness = get();
    const { effects } = harness.stores;
    await commit(
      harness,
      effects.put(effect("a", { key: "kate" })),
      effects.put(effect("b", { key: "kate" })),
    );
    await claim(harness);

    await settle(harness, "a", outcome);

    expect(await claim(harness)).toEqual(["b"]);
  });

  it("lets one go before a newer one of its key that runs, but not beside it", async () => {
    const harness = get();
    const { effects } = harness.stores;
    await commit(
      harness,
      effects.put(effect("a", { key: "kate" })),
      effects.put(effect("b", { key: "kate" })),
    );
    await claim(harness);
    await settle(harness, "a", { kind: "parked", error: "newer" });
    await claim(harness);
    await commit(harness, effects.unpark([{ kind: "summary", v: 1 }], 500));

    const beside = await claim(harness);
    await settle(harness, "b", { kind: "done" });

    expect([beside, await claim(harness)]).toEqual([[], ["a"]]);
  });
}

function describeRenewal(get: GetHarness): void {
  it("prolongs what its owner still holds, and says of which claim that is", async () => {
    const harness = get();
    const { effects } = harness.stores;
    await commit(harness, effects.put(effect("a")), effects.put(effect("b")), effects.put(effect("c")));
    await claim(harness, { leaseMs: 200, limit: 2 });
    await settle(harness, "b", { kind: "done" });

    const held = await result(
      harness,
      effects.renew({ owner: "p-1", leaseMs: 600_000, ids: ["a", "b", "c", "nobody"] }),
    );
    const ofAnother = await result(harness, effects.renew({ owner: "p-2", leaseMs: 1, ids: ["a"] }));
    await harness.pass(250);

    expect([held, ofAnother]).toEqual([[{ id: "a", epoch: 1 }], []]);
    expect(await claim(harness, { owner: "p-2" })).toEqual(["c"]);
  });

  it("leaves a claim to the process that asks, although its own lease has ended: it is alive", async () => {
    const harness = get();
    const { effects, leases } = harness.stores;
    await commit(harness, leases.register({ id: "p-1", pid: 1, role: "all", leaseMs: 500 }));
    await commit(harness, effects.put(effect("a")));
    await claim(harness);
    await harness.pass(501);

    expect(await claim(harness)).toEqual([]);
    expect(await claim(harness, { owner: "p-2" })).toEqual(["a"]);
  });
}

function describeTroubles(get: GetHarness): void {
  it("remembers what went wrong, attempt by attempt, a process that died included", async () => {
    const harness = get();
    const { effects } = harness.stores;
    await commit(harness, effects.put(effect("a")));
    await claim(harness);
    await settle(harness, "a", { kind: "retry", dueAt: 0, error: 'the "model", \\ away' });
    await claim(harness, { leaseMs: 20 });
    await harness.pass(30);
    await claim(harness);
    await settle(harness, "a", { kind: "dead", error: "given up" }, 3);

    const [kept] = await effects.ofTurn("turn-1", options);

    expect(kept).toMatchObject({ state: "dead", attempt: 3, error: "given up" });
    expect(kept?.errors.map(({ attempt, error }) => [attempt, error])).toEqual([
      [1, 'the "model", \\ away'],
      [2, "Its process ended, or slept past its lease, while it ran."],
      [3, "given up"],
    ]);
    expect(kept?.errors[0]?.at).toBe(9);
    expect(kept?.errors[1]?.at).toBeGreaterThan(1_000_000_000_000);
  });

  it("takes an attempt back that does not count, and remembers what went wrong", async () => {
    const harness = get();
    const { effects } = harness.stores;
    await commit(harness, effects.put(effect("a")));
    await claim(harness);
    await settle(harness, "a", { kind: "retry", dueAt: 0, error: "store away", isUncounted: true });
    await claim(harness);

    expect(await effects.ofTurn("turn-1", options)).toMatchObject([
      { attempt: 1, epoch: 2, errors: [{ error: "store away" }] },
    ]);
  });

  it("shows the last ten of many", async () => {
    const harness = get();
    const { effects } = harness.stores;
    await commit(harness, effects.put(effect("a")));
    for (let n = 1; n <= 12; n++) {
      await claim(harness);
      await settle(harness, "a", { kind: "retry", dueAt: 0, error: `no ${n}` }, n);
    }

    const [kept] = await effects.ofTurn("turn-1", options);

    expect(kept?.errors.map(({ error }) => error)).toEqual(
      Array.from({ length: 10 }, (_, n) => `no ${n + 3}`),
    );
  });
}

function describeOtherEnds(get: GetHarness): void {
  it("sheds due ones of the kinds that may be, the least urgent and the newest first", async () => {
    const harness = get();
    const { effects } = harness.stores;
    await commit(
      harness,
      effects.put(effect("urgent", { kind: "hint", priority: 1 })),
      effects.put(effect("old", { kind: "hint", createdAt: 100 })),
      effects.put(effect("new", { kind: "hint", createdAt: 200 })),
      effects.put(effect("later", { kind: "hint", dueAt: FAR_OFF })),
      effects.put(effect("must", { priority: 9 })),
    );
    const counts = [
      await effects.backlog("background", 100, options),
      await effects.backlog("background", 2, options),
    ];

    const shed = await result(
      harness,
      effects.shed({ lane: "background", kinds: ["hint"], limit: 2, reason: "too much", at: 500 }),
    );

    expect(counts).toEqual([4, 2]);
    expect(shed.map(({ id }) => id).toSorted()).toEqual(["new", "old"]);
    const listed = await effects.list({ spaceId: SPACE, states: ["shed"] }, options);
    expect(listed.items).toMatchObject([
      { id: "new", state: "shed", error: "too much", endedAt: 500 },
      { id: "old", state: "shed" },
    ]);
    expect(await claim(harness)).toEqual(["urgent", "must"]);
    expect(await codeOf(settle(harness, "old", { kind: "done" }))).toBe("store.conflict");
  });

  it("takes parked ones up again for whoever knows their kind and version, from the first attempt on", async () => {
    const harness = get();
    const { effects } = harness.stores;
    await commit(
      harness,
      effects.put(effect("a")),
      effects.put(effect("b", { v: 2 })),
      effects.put(effect("c")),
    );
    await claim(harness);
    await settle(harness, "a", { kind: "parked", error: "newer" });
    await settle(harness, "b", { kind: "parked", error: "newer" });
    await settle(harness, "c", { kind: "dead", error: "no" });

    const parked = await effects.parked(options);
    const taken = await result(harness, effects.unpark([{ kind: "summary", v: 2 }], 500));

    expect(parked.toSorted((a, b) => a.v - b.v)).toEqual([
      { kind: "summary", v: 1 },
      { kind: "summary", v: 2 },
    ]);
    expect(taken).toEqual([{ id: "b", kind: "summary" }]);
    expect(await effects.ofTurn("turn-1", options)).toMatchObject([
      { id: "a", state: "parked" },
      { id: "b", state: "pending", attempt: 0, dueAt: 500 },
      { id: "c", state: "dead" },
    ]);
  });
}
