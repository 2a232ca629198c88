import type { AgentSpec, KeyRecord, ModelCallRecord } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  accepting,
  codeOf,
  commit,
  DAY,
  finished,
  type GetHarness,
  options,
  result,
  SPACE,
} from "./store-fixtures.ts";

export function describeRecords(get: GetHarness): void {
  describeLedger(get);
  describeBooks(get);
  describeKeys(get);
  describeAgents(get);
  describeStorylines(get);
}

function describeLedger(get: GetHarness): void {
  it("reserves up to the limit and not a millionth over it, and settles what was spent", async () => {
    const harness = get();
    const { ledger } = harness.stores;
    const reserve = (microUsd: number, limitMicroUsd: number | undefined = 100): Promise<unknown> =>
      codeOf(commit(harness, ledger.reserve({ spaceId: SPACE, day: DAY, microUsd, limitMicroUsd })));

    const codes = [
      await reserve(101),
      await reserve(60),
      await reserve(41),
      await reserve(40),
      await reserve(1),
    ];
    await commit(harness, ledger.settle({ spaceId: SPACE, day: DAY, microUsd: 90, reservedMicroUsd: 60 }));
    const after = [
      await reserve(1),
      await codeOf(
        commit(
          harness,
          ledger.reserve({ spaceId: SPACE, day: DAY, microUsd: 500, limitMicroUsd: undefined }),
        ),
      ),
    ];

    expect(codes).toEqual(["budget.exceeded", "kept", "budget.exceeded", "kept", "budget.exceeded"]);
    expect(after).toEqual(["budget.exceeded", "kept"]);
    expect(await ledger.budget(SPACE, DAY, options)).toEqual({
      day: DAY,
      spentMicroUsd: 90,
      reservedMicroUsd: 540,
    });
    expect(await ledger.budget(SPACE, "2026-11-21", options)).toEqual({
      day: "2026-11-21",
      spentMicroUsd: 0,
      reservedMicroUsd: 0,
    });
  });

  it("never lets a burst of reservations pass the limit together", async () => {
    const harness = get();
    const { ledger } = harness.stores;

    const codes = await Promise.all(
      Array.from({ length: 20 }, () =>
        codeOf(
          commit(harness, ledger.reserve({ spaceId: SPACE, day: DAY, microUsd: 30, limitMicroUsd: 100 })),
        ),
      ),
    );

    expect(codes.filter((code) => code === "kept")).toHaveLength(3);
    expect((await ledger.budget(SPACE, DAY, options)).reservedMicroUsd).toBe(90);
  });
}

function describeBooks(get: GetHarness): void {
  it("frees reservations of turns that no longer live", async () => {
    const harness = get();
    const { ledger, turns } = harness.stores;
    const reserve = ledger.reserve({ spaceId: SPACE, day: DAY, microUsd: 50, limitMicroUsd: undefined });
    await commit(
      harness,
      ...accepting(harness, 1, { turn: { owner: "p-1", reservedMicroUsd: 50 } }),
      reserve,
    );
    await commit(harness, ...accepting(harness, 2, { turn: { reservedMicroUsd: 50 } }), reserve);
    await commit(harness, turns.finish(finished()));

    await commit(harness, ledger.reconcile(SPACE));

    expect((await ledger.budget(SPACE, DAY, options)).reservedMicroUsd).toBe(50);
  });

  it("keeps every model call of a turn, whatever became of it", async () => {
    const harness = get();
    const { ledger } = harness.stores;
    const call: ModelCallRecord = {
      id: "call-1",
      spaceId: SPACE,
      agentId: "ana",
      sessionId: "session-1",
      turnId: "turn-1",
      model: "offline/guide",
      purpose: "turn",
      outcome: "ok",
      inputTokens: 5,
      cachedInputTokens: 1,
      outputTokens: 2,
      estimated: true,
      costMicroUsd: 9,
      latencyMs: 30,
      at: 100,
    };
    const aborted = {
      ...call,
      id: "call-2",
      outcome: "aborted",
      purpose: "summary",
      estimated: false,
      at: 50,
    } as const;

    await commit(harness, ledger.record(call), ledger.record(aborted));

    expect(await ledger.callsOfTurn("turn-1", options)).toEqual([aborted, call]);
  });
}

function describeKeys(get: GetHarness): void {
  it("finds a key by its hash, revoked or not, and revokes once", async () => {
    const harness = get();
    const { keys } = harness.stores;
    const key: KeyRecord = {
      id: "k",
      spaceId: SPACE,
      name: "laptop",
      kind: "key",
      hash: "ab12",
      hint: "trp_ab",
      createdAt: 1,
      revokedAt: undefined,
    };
    await commit(harness, keys.put(key), keys.put({ ...key, id: "k2", hash: "cd34", spaceId: "other" }));

    const found = await keys.findByHash("ab12", options);
    await commit(harness, keys.revoke("k", 50));
    await commit(harness, keys.revoke("k", 60));

    expect(found).toEqual(key);
    expect(await keys.findByHash("ab12", options)).toEqual({ ...key, revokedAt: 50 });
    expect(await keys.findByHash("none", options)).toBeUndefined();
    expect((await keys.list(SPACE, options)).map(({ id }) => id)).toEqual(["k"]);
  });
}

function describeAgents(get: GetHarness): void {
  it("raises the revision when a blueprint changes, and only then, whatever the order of its keys", async () => {
    const harness = get();
    const { agents } = harness.stores;
    const spec: AgentSpec = { id: "ana", name: "Ana", model: "default", instructions: "Help." };
    const reordered = { instructions: "Help.", model: "default", name: "Ana", id: "ana" };
    const put = (one: AgentSpec) => result(harness, agents.put(SPACE, one, 5));

    const revisions = [
      await put(spec),
      await put(reordered),
      await put({ ...spec, instructions: "Help briefly." }),
    ];
    await commit(harness, agents.retire(SPACE, "ana", 9));
    const retired = await agents.list(SPACE, options);
    const back = await put({ ...spec, instructions: "Help briefly." });

    expect(revisions.map(({ revision }) => revision)).toEqual([1, 1, 2]);
    expect([retired, back.revision]).toEqual([[], 2]);
    expect(await agents.list(SPACE, options)).toEqual([
      { spaceId: SPACE, revision: 2, spec: { ...spec, instructions: "Help briefly." } },
    ]);
  });
}

function describeStorylines(get: GetHarness): void {
  it("opens a storyline once, and an older summary never replaces a newer one", async () => {
    const harness = get();
    const { storylines } = harness.stores;
    const line = {
      id: "l-1",
      spaceId: SPACE,
      agentId: "ana",
      sessionId: "session-1",
      audience: ["peer-1"],
      title: "Tea",
      updatedAt: 1,
    };
    await commit(harness, storylines.open(line), storylines.open({ ...line, id: "l-2", title: "Coffee" }));

    await commit(
      harness,
      storylines.summarise({
        id: "l-1",
        title: "Green tea",
        summary: "They like it.",
        summaryTurnSeq: 9,
        at: 5,
      }),
    );
    await commit(
      harness,
      storylines.summarise({ id: "l-1", title: "Old", summary: "Old.", summaryTurnSeq: 4, at: 6 }),
    );

    expect(await storylines.ofSession("session-1", options)).toEqual({
      ...line,
      title: "Green tea",
      summary: "They like it.",
      summaryTurnSeq: 9,
      updatedAt: 5,
    });
    expect(await storylines.ofSession("session-2", options)).toBeUndefined();
  });
}
