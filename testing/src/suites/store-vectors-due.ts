import { expect, it } from "vitest";
import { commit, type GetHarness, message, options, SPACE, session } from "./store-fixtures.ts";
import { all, idsOf, MODEL, placeOf, vector, withMemory, withMessages } from "./store-vector-fixtures.ts";

/** What is to be embedded, and that it was. */
export function describeDue(get: GetHarness): void {
  describeMissing(get);
  describeAgain(get);
  describeRowsGivenAgain(get);
}

function describeMissing(get: GetHarness): void {
  it("says what has no vector of a model yet, oldest first, and goes on behind what was filled", async () => {
    const harness = get();
    const { vectors } = harness.stores;
    await withMessages(harness, 4);
    await withMemory(harness, "memory-1");
    await commit(harness, vectors.put(vector("message-2", [1, 0])));
    const query = { spaceId: SPACE, ownerKind: "message", model: MODEL, limit: 2 } as const;
    const fill = async () => {
      const { items, span } = await vectors.missing(query, options);
      const made = items.map(({ ownerId }) => vector(ownerId, [0, 1]));
      await commit(harness, vectors.fill({ ...query, vectors: made, span }));
      return items.map(({ ownerId }) => ownerId);
    };

    const first = await vectors.missing(query, options);
    const filled = [await fill(), await fill(), await fill()];
    const memories = await vectors.missing({ ...query, ownerKind: "memory" }, options);

    expect(first.items[0]).toEqual({
      ...{ spaceId: SPACE, ownerKind: "message", ownerId: "message-1" },
      ...{ place: placeOf(1), text: "text of message-1" },
    });
    expect([first.isMore, filled]).toEqual([true, [["message-1", "message-3"], ["message-4"], []]]);
    expect(idsOf(await all(harness))).toEqual(["message-2", "message-1", "message-3", "message-4"]);
    expect(memories.items).toEqual([
      { spaceId: SPACE, ownerKind: "memory", ownerId: "memory-1", text: "Text of memory-1" },
    ]);
    expect((await vectors.missing({ ...query, model: "other/small", limit: 9 }, options)).items).toHaveLength(
      4,
    );
    expect((await vectors.missing({ ...query, spaceId: "other" }, options)).items).toEqual([]);
  });

  it("tells the message before one that is due, but not where somebody does not know it", async () => {
    const harness = get();
    const { vectors, sessions } = harness.stores;
    await withMessages(harness, 2);
    await commit(harness, vectors.put(vector("message-1", [1, 0])));
    const alone = message({ id: "message-3", audience: ["peer-1"] });
    await commit(harness, sessions.touch(session({ audience: ["peer-1"] })), sessions.append(alone));

    const query = { spaceId: SPACE, ownerKind: "message", model: MODEL, limit: 9 } as const;
    const { items } = await vectors.missing(query, options);

    expect(items.map(({ ownerId, before }) => [ownerId, before])).toEqual([
      ["message-2", { ownerId: "message-1", vector: Float32Array.from([1, 0]) }],
      ["message-3", undefined],
    ]);
  });
}

function describeAgain(get: GetHarness): void {
  it("finds what is made anew due again, and keeps the old vector until then", async () => {
    const harness = get();
    const { vectors } = harness.stores;
    await withMessages(harness, 2);
    const query = { spaceId: SPACE, ownerKind: "message", model: MODEL, limit: 9 } as const;
    const due = async () => (await vectors.missing(query, options)).items.map(({ ownerId }) => ownerId);
    const fill = async (numbers: readonly number[], createdAt: number) => {
      const { items, span } = await vectors.missing(query, options);
      const made = items.map(({ ownerId }) => vector(ownerId, numbers, { createdAt }));
      await commit(harness, vectors.fill({ ...query, vectors: made, span }));
    };
    await fill([1, 0], 100);
    const stale = await vectors.missing(query, options);
    const before = await due();

    await commit(harness, vectors.renew({ spaceId: SPACE, model: MODEL, at: 200 }));
    await commit(harness, vectors.fill({ ...query, vectors: [], span: stale.span }));
    const after = await due();
    const kept = (await all(harness)).map((one) => [...one.vector]);
    await fill([0, 1], 200);

    expect([before, after]).toEqual([[], ["message-1", "message-2"]]);
    expect(kept).toEqual([
      [1, 0],
      [1, 0],
    ]);
    expect((await all(harness)).map((one) => [...one.vector])).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(await due()).toEqual([]);
  });
}

function describeRowsGivenAgain(get: GetHarness): void {
  it("passes nothing that came under the row of something deleted while that was being embedded", async () => {
    const harness = get();
    const { vectors, memories, sessions } = harness.stores;
    await withMessages(harness, 2);
    await withMemory(harness, "memory-1");
    const base = { spaceId: SPACE, model: MODEL, limit: 9 } as const;
    const due = (ownerKind: "message" | "memory") => vectors.missing({ ...base, ownerKind }, options);
    const spans = [
      ["message", (await due("message")).span] as const,
      ["memory", (await due("memory")).span] as const,
    ];

    await commit(harness, sessions.remove("session-1"), memories.erase(SPACE, "memory-1"));
    await withMessages(harness, 1);
    await commit(
      harness,
      sessions.touch(session({ id: "session-2" })),
      sessions.append(message({ id: "message-9", sessionId: "session-2" })),
    );
    await withMemory(harness, "memory-2");
    for (const [ownerKind, span] of spans)
      await commit(harness, vectors.fill({ ...base, ownerKind, vectors: [], span }));

    expect((await due("message")).items.map(({ ownerId }) => ownerId)).toEqual(["message-1", "message-9"]);
    expect((await due("memory")).items.map(({ ownerId }) => ownerId)).toEqual(["memory-2"]);
  });

  it("finds what came under the row of something deleted due like anything new", async () => {
    const harness = get();
    const { vectors, memories, sessions } = harness.stores;
    await withMessages(harness, 2);
    await withMemory(harness, "memory-1");
    const base = { spaceId: SPACE, model: MODEL, limit: 9 } as const;
    for (const ownerKind of ["message", "memory"] as const) {
      const { items, span } = await vectors.missing({ ...base, ownerKind }, options);
      const made = items.map(({ ownerId }) => vector(ownerId, [1, 0], { ownerKind }));
      await commit(harness, vectors.fill({ ...base, ownerKind, vectors: made, span }));
    }

    await commit(harness, sessions.remove("session-1"));
    await commit(harness, memories.erase(SPACE, "memory-1"));
    await withMessages(harness, 1);
    await withMemory(harness, "memory-2");

    const due = (ownerKind: "message" | "memory") => vectors.missing({ ...base, ownerKind }, options);
    expect((await due("message")).items.map(({ ownerId }) => ownerId)).toEqual(["message-1"]);
    expect((await due("memory")).items.map(({ ownerId }) => ownerId)).toEqual(["memory-2"]);
  });
}
