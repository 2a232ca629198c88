import { expect, it } from "vitest";
import { commit, type GetHarness, options, result, SPACE } from "./store-fixtures.ts";
import { all, idsOf, MODEL, placeOf, vector, withMemory, withMessages } from "./store-vector-fixtures.ts";
import { describeDue } from "./store-vectors-due.ts";

export function describeVectors(get: GetHarness): void {
  describeKeeping(get);
  describeModels(get);
  describeDue(get);
  describeOwners(get);
  describeEnd(get);
}

function describeKeeping(get: GetHarness): void {
  it("gives vectors back to the bit, with who may be told of their owners", async () => {
    const harness = get();
    const { vectors } = harness.stores;
    await withMessages(harness, 1);
    await withMemory(harness, "memory-1");
    const numbers = [Math.PI, -1e-30];

    await commit(harness, vectors.put(vector("message-1", numbers)));
    await commit(harness, vectors.put(vector("memory-1", [0, 1], { ownerKind: "memory" })));

    const [first, second] = await all(harness);
    expect(first).toEqual({
      ...{
        row: expect.any(Number),
        spaceId: SPACE,
        ownerKind: "message",
        ownerId: "message-1",
        place: placeOf(1),
      },
      ...{ agentId: "ana", audience: ["peer-1", "peer-2"], vector: Float32Array.from(numbers) },
    });
    expect([second?.ownerId, second?.agentId, second?.audience]).toEqual(["memory-1", "ana", ["peer-2"]]);
    expect(second).not.toHaveProperty("place");
  });

  it("puts a vector in place of the owner's earlier one, under a number that was never given", async () => {
    const harness = get();
    const { vectors } = harness.stores;
    await withMessages(harness, 2);
    await commit(harness, vectors.put(vector("message-1", [1, 0])), vectors.put(vector("message-2", [0, 1])));
    const before = await all(harness);

    await commit(harness, vectors.put(vector("message-2", [5, 5])));
    const [kept, replaced] = await all(harness);
    const last = before.at(-1)?.row ?? 0;

    expect([kept, replaced?.ownerId]).toEqual([before[0], "message-2"]);
    expect([...(replaced?.vector ?? [])]).toEqual([5, 5]);
    expect(replaced?.row).toBeGreaterThan(last);
    const query = { model: MODEL, dimensions: 2 };
    expect(idsOf(await vectors.after({ ...query, afterRow: last, limit: 10 }, options))).toEqual([
      "message-2",
    ]);
    expect(await vectors.find({ ...query, rows: [last] }, options)).toEqual([]);
    expect(
      await vectors.find({ ...query, rows: [replaced?.row ?? 0, kept?.row ?? 0] }, options),
    ).toHaveLength(2);
    expect(await vectors.find({ ...query, rows: [] }, options)).toEqual([]);
  });

  it("never gives a number again, though the newest vector was removed", async () => {
    const harness = get();
    const { vectors } = harness.stores;
    await withMessages(harness, 1);
    const put = async () => {
      await commit(harness, vectors.put(vector("message-1", [1, 0])));
      return (await all(harness))[0]?.row ?? 0;
    };
    const first = await put();
    await commit(harness, vectors.remove({ spaceId: SPACE, ownerKind: "message", ownerId: "message-1" }));

    expect(await put()).toBeGreaterThan(first);
  });
}

function describeModels(get: GetHarness): void {
  it("keeps models and lengths apart, and counts them", async () => {
    const harness = get();
    const { vectors } = harness.stores;
    await withMessages(harness, 2);
    await commit(
      harness,
      vectors.put(vector("message-1", [1, 0])),
      vectors.put(vector("message-2", [1, 0, 0])),
      vectors.put(vector("message-1", [1, 0], { model: "other/small" })),
    );

    expect(idsOf(await all(harness, 2))).toEqual(["message-1"]);
    expect(idsOf(await all(harness, 3))).toEqual(["message-2"]);
    expect(await vectors.counts(SPACE, options)).toEqual([
      { model: MODEL, dimensions: 2, count: 1 },
      { model: MODEL, dimensions: 3, count: 1 },
      { model: "other/small", dimensions: 2, count: 1 },
    ]);
    expect(await vectors.counts("other", options)).toEqual([]);
  });
}

function describeOwners(get: GetHarness): void {
  it("keeps no vector of an owner that is gone, closed or of another space", async () => {
    const harness = get();
    const { vectors, memories } = harness.stores;
    await withMessages(harness, 1);
    for (const id of ["closed", "erased"]) await withMemory(harness, id);
    await commit(harness, memories.close({ spaceId: SPACE, id: "closed", reason: "forgotten", at: 200 }));
    await commit(harness, memories.erase(SPACE, "erased"));

    await commit(
      harness,
      vectors.put(vector("nobody", [1, 0])),
      vectors.put(vector("message-1", [1, 0], { place: undefined })),
      vectors.put(vector("message-1", [1, 0], { place: placeOf(2) })),
      vectors.put(vector("message-1", [1, 0], { spaceId: "other" })),
      vectors.put(vector("closed", [1, 0], { ownerKind: "memory" })),
      vectors.put(vector("erased", [1, 0], { ownerKind: "memory" })),
      vectors.put(vector("nobody", [1, 0], { ownerKind: "storyline" })),
    );

    expect(await vectors.counts(SPACE, options)).toEqual([]);
    expect(await vectors.counts("other", options)).toEqual([]);
  });

  it("tells nobody of a memory that was closed meanwhile", async () => {
    const harness = get();
    const { vectors, memories } = harness.stores;
    await withMemory(harness, "memory-1");
    await commit(harness, vectors.put(vector("memory-1", [1, 0], { ownerKind: "memory" })));
    const [before] = await all(harness);

    await commit(harness, memories.close({ spaceId: SPACE, id: "memory-1", reason: "forgotten", at: 200 }));

    expect(await all(harness)).toEqual([]);
    const query = { model: MODEL, dimensions: 2, rows: [before?.row ?? 0] };
    expect(await vectors.find(query, options)).toEqual([]);
  });
}

function describeEnd(get: GetHarness): void {
  it("goes with the session that is deleted, and with the memory that is erased", async () => {
    const harness = get();
    const { vectors, memories, sessions } = harness.stores;
    await withMessages(harness, 2);
    await withMemory(harness, "memory-1");
    await commit(
      harness,
      vectors.put(vector("message-1", [1, 0])),
      vectors.put(vector("message-2", [1, 0])),
      vectors.put(vector("memory-1", [1, 0], { ownerKind: "memory" })),
    );

    await commit(harness, sessions.remove("session-1"));
    expect(idsOf(await all(harness))).toEqual(["memory-1"]);
    await commit(harness, memories.erase(SPACE, "memory-1"));

    expect(await vectors.counts(SPACE, options)).toEqual([]);
  });

  it("deletes what other models made, so many at a time", async () => {
    const harness = get();
    const { vectors } = harness.stores;
    await withMessages(harness, 3);
    for (const n of [1, 2, 3])
      await commit(harness, vectors.put(vector(`message-${n}`, [1, 0], { model: "other/small" })));
    await commit(harness, vectors.put(vector("message-1", [1, 0])));
    const prune = () => result(harness, vectors.prune({ spaceId: SPACE, keep: MODEL, limit: 2 }));

    expect([await prune(), await prune(), await prune()]).toEqual([{ count: 2 }, { count: 1 }, { count: 0 }]);
    expect(await vectors.counts(SPACE, options)).toEqual([{ model: MODEL, dimensions: 2, count: 1 }]);
  });
}
