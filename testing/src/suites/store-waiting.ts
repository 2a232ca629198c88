import { expect, it } from "vitest";
import { commit, type GetHarness, options, SPACE } from "./store-fixtures.ts";

export function describeWaiting(get: GetHarness): void {
  it("counts every reply and effect that waits, and tells since when the oldest does", async () => {
    const harness = get();
    const { outbox, effects } = harness.stores;
    const common = { spaceId: SPACE, turnId: "turn-1", sessionId: "session-1" };
    const replies = Array.from({ length: 250 }, (_, n) =>
      outbox.put({
        ...{ ...common, id: `o-${n}`, text: "hello", createdAt: 1_000 + n },
        address: { channel: "telegram", target: `chat-${n}` },
      }),
    );
    const work = Array.from({ length: 3 }, (_, n) =>
      effects.put({
        ...{ ...common, id: `e-${n}`, kind: "k", v: 1, lane: "background", payload: {} },
        createdAt: 2_000 + n,
      }),
    );
    const other = outbox.put({
      ...{ ...common, id: "o-other", spaceId: "other", text: "hello", createdAt: 1 },
      address: { channel: "telegram", target: "x" },
    });
    await commit(harness, ...replies, ...work, other);
    await commit(harness, outbox.claim({ owner: "p-1", leaseMs: 60_000, limit: 10, channel: "telegram" }));

    const waiting = await outbox.waiting(SPACE, options);

    // One of the ten may be the other space's.
    expect(waiting.pending.count + waiting.sending.count).toBe(250);
    expect(Math.min(waiting.pending.oldestAt ?? 0, waiting.sending.oldestAt ?? 0)).toBe(1_000);
    expect(await effects.waiting(SPACE, options)).toEqual({
      pending: { count: 3, oldestAt: 2_000 },
      running: { count: 0, oldestAt: undefined },
    });
    expect(await effects.waiting("nowhere", options)).toMatchObject({
      pending: { count: 0, oldestAt: undefined },
    });
  });
}
