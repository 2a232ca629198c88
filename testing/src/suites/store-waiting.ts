import type { NewEffect } from "@troupe/contracts";
import { expect, it } from "vitest";
import { commit, type GetHarness, options, SPACE } from "./store-fixtures.ts";

export function describeWaiting(get: GetHarness): void {
  it("counts every reply that waits, and tells since when the oldest does", async () => {
    const harness = get();
    const { outbox } = harness.stores;
    const common = { spaceId: SPACE, turnId: "turn-1", sessionId: "session-1" };
    const replies = Array.from({ length: 250 }, (_, n) =>
      outbox.put({
        ...{ ...common, id: `o-${n}`, text: "hello", createdAt: 1_000 + n },
        address: { channel: "telegram", target: `chat-${n}` },
      }),
    );
    const other = outbox.put({
      ...{ ...common, id: "o-other", spaceId: "other", text: "hello", createdAt: 1 },
      address: { channel: "telegram", target: "x" },
    });
    await commit(harness, ...replies, other);
    await commit(harness, outbox.claim({ owner: "p-1", leaseMs: 60_000, limit: 10, channel: "telegram" }));

    const waiting = await outbox.waiting(SPACE, options);

    // One of the ten may be the other space's.
    expect(waiting.pending.count + waiting.sending.count).toBe(250);
    expect(Math.min(waiting.pending.oldestAt ?? 0, waiting.sending.oldestAt ?? 0)).toBe(1_000);
    expect(await outbox.waiting("nowhere", options)).toMatchObject({
      pending: { count: 0, oldestAt: undefined },
    });
  });

  it("tells of each lane what runs, is due and comes later, since when it lags and what is oldest", async () => {
    const harness = get();
    const { effects } = harness.stores;
    const put = (id: string, createdAt: number, change: Partial<NewEffect> = {}) =>
      effects.put({
        ...{ id, spaceId: SPACE, turnId: "turn-1", sessionId: "session-1", kind: "k", v: 1 },
        ...{ lane: "background", payload: {}, createdAt, ...change },
      });
    await commit(
      harness,
      put("runs", 1_000, { priority: 0 }),
      put("due", 2_000),
      put("due-too", 3_000),
      put("later", 1_500, { dueAt: 8_000_000_000_000 }),
      put("heavy", 4_000, { lane: "heavy" }),
      put("other", 10, { spaceId: "other" }),
    );
    await commit(
      harness,
      effects.claim({
        owner: "p-1",
        leaseMs: 60_000,
        limit: 1,
        lane: "background",
        only: { kind: "k", v: 1 },
      }),
    );

    const lanes = await effects.lanes(SPACE, options);

    const nothing = { running: 0, due: 0, later: 0, dueSince: undefined, oldestAt: undefined };
    expect(lanes).toEqual([
      { lane: "realtime", ...nothing },
      { lane: "background", running: 1, due: 2, later: 1, dueSince: 2_000, oldestAt: 1_000 },
      { lane: "heavy", running: 0, due: 1, later: 0, dueSince: 4_000, oldestAt: 4_000 },
    ]);
    expect(await effects.lanes("nowhere", options)).toEqual(
      ["realtime", "background", "heavy"].map((lane) => ({ lane, ...nothing })),
    );
  });
}
