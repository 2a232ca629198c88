import type { Effect, NewOutbox, Write } from "@troupe/contracts";
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

function row(id: string, change: Partial<NewOutbox> = {}): NewOutbox {
  const address = { channel: "telegram", target: `chat of ${id}` };
  return {
    id,
    spaceId: SPACE,
    turnId: "turn-1",
    sessionId: "session-1",
    address,
    text: `reply ${id}`,
    createdAt: 100,
    ...change,
  };
}

function effect(id: string, change: Partial<Effect> = {}): Omit<Effect, "attempt" | "epoch"> {
  return {
    id,
    spaceId: SPACE,
    kind: "summary",
    v: 1,
    lane: "background",
    turnId: "turn-1",
    sessionId: "session-1",
    payload: { n: 1 },
    createdAt: 100,
    ...change,
  };
}

async function claimRows(harness: StoreHarness, owner = "p-1", leaseMs = 60_000): Promise<readonly string[]> {
  const rows = await result(
    harness,
    harness.stores.outbox.claim({ owner, leaseMs, limit: 10, channel: "telegram" }),
  );
  return rows.map(({ id, epoch }) => `${id} ${epoch}`);
}

async function claimEffects(
  harness: StoreHarness,
  owner = "p-1",
  leaseMs = 60_000,
): Promise<readonly string[]> {
  const rows = await result(
    harness,
    harness.stores.effects.claim({ owner, leaseMs, limit: 10, lane: "background" }),
  );
  return rows.map(({ id, epoch }) => `${id} ${epoch}`);
}

export function describeDelivery(get: GetHarness): void {
  describeOutbox(get);
  describeRetries(get);
  describeOutboxChannels(get);
  describeOutboxLeases(get);
  describeEffects(get);
  describeEffectLists(get);
  describeEffectTimes(get);
  describeDeadOwners(get);
}

function describeDeadOwners(get: GetHarness): void {
  it("ends what a process without a lease holds, nothing of the living, and forgets the dead after a while", async () => {
    const harness = get();
    const { outbox, effects, leases } = harness.stores;
    await commit(
      harness,
      leases.register({ id: "dead", pid: 1, role: "worker", leaseMs: 60_000 }),
      leases.register({ id: "living", pid: 2, role: "worker", leaseMs: 60_000 }),
      outbox.put(row("a")),
      effects.put(effect("e-1")),
    );
    await claimRows(harness, "dead");
    await claimEffects(harness, "dead");
    await commit(harness, outbox.put(row("b")), effects.put(effect("e-2")));
    await claimRows(harness, "living");
    await claimEffects(harness, "living");
    await commit(harness, leases.end("dead"));
    await harness.pass(1);

    await commit(harness, leases.endDead(3_600_000));

    expect(await claimRows(harness, "next")).toEqual(["a 2"]);
    expect(await claimEffects(harness, "next")).toEqual(["e-1 2"]);
    expect((await leases.list(options)).map(({ id }) => id)).toEqual(["living", "dead"]);
    await commit(harness, leases.endDead(0));
    expect((await leases.list(options)).map(({ id }) => id)).toEqual(["living"]);
  });
}

function describeOutbox(get: GetHarness): void {
  it("keeps the order of a target: only its oldest open row is given", async () => {
    const harness = get();
    const { outbox } = harness.stores;
    const address = { channel: "telegram", target: "chat" };
    await commit(
      harness,
      outbox.put(row("b", { address })),
      outbox.put(row("a", { address })),
      outbox.put(row("c")),
    );

    const first = await claimRows(harness);
    const blocked = await claimRows(harness);
    await commit(harness, outbox.settle({ id: "b", epoch: 1 }, { kind: "delivered", platformId: "77" }, 500));
    const next = await claimRows(harness);

    expect([first, blocked, next]).toEqual([["b 1", "c 1"], [], ["a 1"]]);
    expect((await outbox.ofTurn("turn-1", options))[0]).toEqual({
      ...row("b", { address }),
      state: "delivered",
      begun: false,
      attempt: 1,
      epoch: 1,
      owner: undefined,
      dueAt: 100,
      platformId: "77",
      error: undefined,
      endedAt: 500,
      errors: [],
    });
  });

  it("keeps one row for an id that is put twice", async () => {
    const harness = get();
    const { outbox } = harness.stores;

    await commit(harness, outbox.put(row("a")));
    await commit(harness, outbox.put(row("a", { text: "other" })));

    expect((await outbox.ofTurn("turn-1", options)).map(({ text }) => text)).toEqual(["reply a"]);
  });
}

function describeRetries(get: GetHarness): void {
  it("gives a row again when its retry is due, and not before; a dead one never", async () => {
    const harness = get();
    const { outbox } = harness.stores;
    await commit(harness, outbox.put(row("a")), outbox.put(row("b")), outbox.put(row("c")));
    await claimRows(harness, "p-1", 900_000);
    const retry = (id: string, dueAt: number): Write =>
      outbox.settle({ id, epoch: 1 }, { kind: "retry", dueAt, error: "busy" }, 1);
    // Far off, so that no machine is too slow to ask before it.
    const farAt = harness.now() + 600_000;
    await commit(
      harness,
      retry("c", farAt),
      outbox.settle({ id: "b", epoch: 1 }, { kind: "dead", error: "blocked by the user" }, 2),
    );

    const early = await claimRows(harness);
    const nextDue = await outbox.nextDue(options);
    await commit(harness, retry("a", harness.now() + 40));
    await harness.pass(50);

    expect([early, nextDue, await claimRows(harness)]).toEqual([
      [],
      [{ channel: "telegram", dueAt: farAt }],
      ["a 2"],
    ]);
    const dead = await outbox.list({ spaceId: SPACE, states: ["dead", "unknown"] }, options);
    expect(dead.items.map(({ id, error, endedAt }) => [id, error, endedAt])).toEqual([
      ["b", "blocked by the user", 2],
    ]);
    expect(
      (await outbox.list({ spaceId: SPACE, states: ["sending"] }, options)).items.map(({ id }) => id),
    ).toEqual(["a"]);
  });

  it("remembers that a blind send began, until a retry says that it did not arrive", async () => {
    const harness = get();
    const { outbox } = harness.stores;
    await commit(harness, outbox.put(row("a")));
    await claimRows(harness);

    await commit(harness, outbox.begin({ id: "a", epoch: 1 }));
    const [begun] = await outbox.ofTurn("turn-1", options);
    await commit(harness, outbox.settle({ id: "a", epoch: 1 }, { kind: "retry", dueAt: 0, error: "cut" }, 1));

    const [again] = await result(
      harness,
      outbox.claim({ owner: "p-2", leaseMs: 1000, limit: 1, channel: "telegram" }),
    );
    expect(begun).toMatchObject({ id: "a", begun: true });
    expect(again).toMatchObject({ id: "a", begun: false, attempt: 2, epoch: 2, owner: "p-2", error: "cut" });
  });
}

function describeOutboxChannels(get: GetHarness): void {
  it("claims channel by channel, and tells of each when its next row is due", async () => {
    const harness = get();
    const { outbox, leases } = harness.stores;
    const to = (channel: string, target = "chat") => ({ address: { channel, target } });
    await commit(harness, leases.register({ id: "p-1", pid: 1, role: "all", leaseMs: 60_000 }));
    await commit(
      harness,
      outbox.put(row("a", to("telegram"))),
      outbox.put(row("b", to("telegram"))),
      outbox.put(row("c", { ...to("wire"), createdAt: 200 })),
      outbox.put(row("d", to("mail"))),
    );
    await result(harness, outbox.claim({ owner: "p-1", leaseMs: 60_000, limit: 10, channel: "mail" }));
    const later = { kind: "retry", dueAt: 8_000_000_000_000, error: "busy" } as const;
    await commit(harness, outbox.settle({ id: "d", epoch: 1 }, later, 1));
    const first = await outbox.nextDue(options);

    const wire = await result(
      harness,
      outbox.claim({ owner: "p-1", leaseMs: 60_000, limit: 10, channel: "wire" }),
    );
    await result(harness, outbox.claim({ owner: "p-1", leaseMs: 60_000, limit: 10, channel: "telegram" }));
    const held = await outbox.nextDue(options);
    await commit(harness, leases.end("p-1"));
    const orphaned = await outbox.nextDue(options);

    expect(wire.map(({ id }) => id)).toEqual(["c"]);
    expect(first).toEqual([
      { channel: "mail", dueAt: 8_000_000_000_000 },
      { channel: "telegram", dueAt: 100 },
      { channel: "wire", dueAt: 200 },
    ]);
    expect(held.map(({ dueAt }) => dueAt > harness.now())).toEqual([true, true, true]);
    expect(orphaned.map(({ channel, dueAt }) => [channel, dueAt > 0])).toEqual([
      ["mail", true],
      ["telegram", false],
      ["wire", false],
    ]);
  });
}

function describeOutboxLeases(get: GetHarness): void {
  it("gives a row at once although the clock of the process that wrote it goes far ahead of the store's", async () => {
    const harness = get();
    await commit(harness, harness.stores.outbox.put(row("a", { createdAt: harness.now() + 180_000 })));

    expect(await claimRows(harness)).toEqual(["a 1"]);
  });

  it("gives a row to others when its claim or its process has ended, and fences the first off", async () => {
    const harness = get();
    const { outbox, leases } = harness.stores;
    await commit(harness, leases.register({ id: "p-1", pid: 1, role: "all", leaseMs: 60_000 }));
    await commit(harness, outbox.put(row("b")));
    await claimRows(harness, "p-1");
    await commit(harness, outbox.put(row("a")));
    await claimRows(harness, "p-0");
    const held = await claimRows(harness, "p-2");
    // The short claim comes last: nothing but its own end happens while it lasts.
    await commit(
      harness,
      outbox.settle({ id: "a", epoch: 1 }, { kind: "retry", dueAt: 0, error: "busy" }, 1),
    );
    await claimRows(harness, "p-0", 20);
    await harness.pass(30);
    const afterClaim = await claimRows(harness, "p-2");
    await commit(harness, leases.end("p-1"));
    const afterProcess = await claimRows(harness, "p-2");

    expect([held, afterClaim, afterProcess]).toEqual([[], ["a 3"], ["b 2"]]);
    expect(await codeOf(commit(harness, outbox.begin({ id: "a", epoch: 2 })))).toBe("store.conflict");
    expect(
      await codeOf(commit(harness, outbox.settle({ id: "b", epoch: 1 }, { kind: "delivered" }, 1))),
    ).toBe("store.conflict");
  });
}

function describeEffects(get: GetHarness): void {
  it("gives due effects of a lane oldest first, once, with payload and version as they were put", async () => {
    const harness = get();
    const { effects } = harness.stores;
    await commit(
      harness,
      effects.put(effect("b", { kind: "of-tomorrow", v: 9 })),
      effects.put(effect("a")),
      effects.put(effect("c", { lane: "heavy" })),
    );
    await commit(harness, effects.put(effect("a", { payload: { n: 2 } })));

    const claimed = await result(
      harness,
      effects.claim({ owner: "p-1", leaseMs: 60_000, limit: 10, lane: "background" }),
    );
    const again = await claimEffects(harness);

    expect(claimed).toEqual([
      { ...effect("b", { kind: "of-tomorrow", v: 9 }), attempt: 1, epoch: 1 },
      { ...effect("a"), attempt: 1, epoch: 1 },
    ]);
    expect(again).toEqual([]);
  });

  it("settles once and only for the claim that holds it", async () => {
    const harness = get();
    const { effects } = harness.stores;
    await commit(harness, effects.put(effect("a")), effects.put(effect("b")));
    await claimEffects(harness, "p-1", 20);
    await harness.pass(30);
    const taken = await claimEffects(harness, "p-2");

    const codes = [
      await codeOf(commit(harness, effects.settle({ id: "a", epoch: 1 }, { kind: "done" }, 5))),
      await codeOf(commit(harness, effects.settle({ id: "a", epoch: 2 }, { kind: "done" }, 6))),
      await codeOf(commit(harness, effects.settle({ id: "a", epoch: 2 }, { kind: "done" }, 7))),
      await codeOf(
        commit(harness, effects.settle({ id: "b", epoch: 2 }, { kind: "parked", error: "no handler" }, 8)),
      ),
    ];

    expect(taken).toEqual(["a 2", "b 2"]);
    expect(codes).toEqual(["store.conflict", "kept", "store.conflict", "kept"]);
    const rows = await effects.ofTurn("turn-1", options);
    expect(rows.map(({ id, state, endedAt }) => [id, state, endedAt])).toEqual([
      ["a", "done", 6],
      ["b", "parked", 8],
    ]);
  });
}

function describeEffectTimes(get: GetHarness): void {
  it("tells when the next effect of a lane is due", async () => {
    const harness = get();
    const { effects } = harness.stores;
    await commit(harness, effects.put(effect("a")));
    const idle = await effects.nextDue("heavy", options);
    await claimEffects(harness, "p-1", 60_000);
    const held = await effects.nextDue("background", options);
    await commit(
      harness,
      effects.settle({ id: "a", epoch: 1 }, { kind: "retry", dueAt: 7_000_000_000_000, error: "later" }, 5),
    );

    expect([idle, await effects.nextDue("background", options)]).toEqual([undefined, 7_000_000_000_000]);
    expect(held).toBeGreaterThan(harness.now());
    expect(await claimEffects(harness)).toEqual([]);
  });
}

function describeEffectLists(get: GetHarness): void {
  it("lists effects of a space by state, newest first, in pages, with what went wrong", async () => {
    const harness = get();
    const { effects } = harness.stores;
    const ids = ["a", "b", "c", "d"];
    await commit(harness, ...ids.map((id) => effects.put(effect(id))));
    await commit(harness, effects.put(effect("elsewhere", { spaceId: "another", lane: "heavy" })));
    await claimEffects(harness);
    const dead = (id: string): Write =>
      effects.settle({ id, epoch: 1 }, { kind: "dead", error: `${id} failed` }, 9);
    await commit(harness, dead("a"), dead("b"), dead("d"));
    const list = (query: Partial<Parameters<typeof effects.list>[0]>) =>
      effects.list({ spaceId: SPACE, states: ["dead", "parked"], ...query }, options);

    const first = await list({ limit: 2 });
    const second = await list({ limit: 2, cursor: String(first.next) });
    const running = await list({ states: ["running"] });

    expect(first.items.map(({ id }) => id)).toEqual(["d", "b"]);
    expect(second).toEqual({
      items: [
        {
          ...{ ...effect("a"), attempt: 1, epoch: 1, state: "dead", error: "a failed", endedAt: 9 },
          ...{ priority: 5, dueAt: 100, errors: [{ attempt: 1, at: 9, error: "a failed" }] },
        },
      ],
    });
    expect(running.items.map(({ id, state }) => [id, state])).toEqual([["c", "running"]]);
  });
}
