import type { AccountKey, AccountLimit, ModelCallRecord } from "@troupe/contracts";
import { expect, it } from "vitest";
import { modelCall } from "../model-call.ts";
import {
  accepting,
  codeOf,
  commit,
  DAY,
  finished,
  type GetHarness,
  options,
  SPACE,
  type StoreHarness,
} from "./store-fixtures.ts";

const today: AccountKey = { spaceId: SPACE, scope: "space", subject: "", period: DAY };
const month: AccountKey = { ...today, period: DAY.slice(0, 7) };
const ana: AccountKey = { ...today, scope: "agent", subject: "ana" };
const peer: AccountKey = { ...today, scope: "peer", subject: "peer-1" };
const limit = (account: AccountKey, limitMicroUsd: number): AccountLimit => ({ ...account, limitMicroUsd });

export function describeMoney(get: GetHarness): void {
  describeLimits(get);
  describeSeveral(get);
  describeHolders(get);
  describeOwnersWord(get);
  describeCalls(get);
  describeUsage(get);
}

async function stateOf({ stores }: StoreHarness, account: AccountKey) {
  const [state] = await stores.ledger.accounts([account], options);
  return { spent: state?.spentMicroUsd, reserved: state?.reservedMicroUsd };
}

function describeLimits(get: GetHarness): void {
  it("reserves up to the limit and not a millionth over it", async () => {
    const harness = get();
    const { ledger } = harness.stores;
    const reserve = (microUsd: number, limitMicroUsd = 100): Promise<unknown> =>
      codeOf(
        commit(harness, ledger.reserve({ holder: "h", microUsd, accounts: [limit(today, limitMicroUsd)] })),
      );

    const codes = [
      await reserve(101),
      await reserve(60),
      await reserve(41),
      await reserve(40),
      await reserve(1),
    ];
    await commit(harness, ledger.record(modelCall({ costMicroUsd: 90 })), ledger.release("h"));
    const after = [await reserve(11), await reserve(10), await reserve(500, 1_000)];

    expect(codes).toEqual(["budget.exceeded", "kept", "budget.exceeded", "kept", "budget.exceeded"]);
    expect(after).toEqual(["budget.exceeded", "kept", "kept"]);
    expect(await stateOf(harness, today)).toEqual({ spent: 90, reserved: 510 });
    expect(await stateOf(harness, { ...today, period: "2026-11-21" })).toEqual({ spent: 0, reserved: 0 });
  });

  it("never lets a burst of reservations pass the limit together", async () => {
    const harness = get();
    const { ledger } = harness.stores;

    const codes = await Promise.all(
      Array.from({ length: 100 }, (_, at) =>
        codeOf(
          commit(
            harness,
            ledger.reserve({
              holder: `h${at}`,
              microUsd: 30,
              accounts: [limit(today, 100), limit(ana, 1_000)],
            }),
          ),
        ),
      ),
    );

    expect(codes.filter((code) => code === "kept")).toHaveLength(3);
    expect(codes.filter((code) => code === "budget.exceeded")).toHaveLength(97);
    expect(await stateOf(harness, today)).toEqual({ spent: 0, reserved: 90 });
    expect(await stateOf(harness, ana)).toEqual({ spent: 0, reserved: 90 });
  });
}

function describeSeveral(get: GetHarness): void {
  it("reserves in every account or in none, and takes the rest of its commit with it", async () => {
    const harness = get();
    const { ledger } = harness.stores;
    const accounts = [limit(ana, 100), limit(peer, 10), limit(month, 100)];

    const code = await codeOf(
      commit(
        harness,
        ledger.record(modelCall({ costMicroUsd: 5 })),
        ledger.reserve({ holder: "h", microUsd: 20, accounts }),
      ),
    );

    expect(code).toBe("budget.exceeded");
    for (const account of [ana, peer, month])
      expect(await stateOf(harness, account)).toEqual({ spent: 0, reserved: 0 });
    expect(await ledger.callsOfTurn("turn-1", options)).toEqual([]);
  });
}

function describeHolders(get: GetHarness): void {
  it("frees what a holder reserved, wherever it did, once", async () => {
    const harness = get();
    const { ledger } = harness.stores;
    const reserve = (holder: string, microUsd: number) =>
      ledger.reserve({ holder, microUsd, accounts: [limit(today, 1_000), limit(ana, 1_000)] });
    await commit(harness, reserve("h-1", 10));
    await commit(harness, reserve("h-1", 5), reserve("h-2", 7));

    await commit(harness, ledger.release("h-1"));
    await commit(harness, ledger.release("h-1"), ledger.release("nobody"));

    expect(await stateOf(harness, today)).toEqual({ spent: 0, reserved: 7 });
    expect(await stateOf(harness, ana)).toEqual({ spent: 0, reserved: 7 });
  });

  it("uses up what a holder reserved by what a call of it cost, so that nothing counts twice", async () => {
    const harness = get();
    const { ledger } = harness.stores;
    const accounts = [limit(today, 100), limit(ana, 100), limit({ ...peer, period: "2026-11-19" }, 100)];
    await commit(harness, ledger.reserve({ holder: "h-1", microUsd: 60, accounts }));
    await commit(harness, ledger.reserve({ holder: "h-2", microUsd: 40, accounts: [limit(today, 100)] }));
    const failed = modelCall({ id: "call-1", costMicroUsd: 25 });

    await commit(harness, ledger.record(failed, { holder: "h-1" }));
    await commit(harness, ledger.record(failed, { holder: "h-1" }), ledger.record(failed));
    const afterOne = [await stateOf(harness, today), await stateOf(harness, ana)];
    await commit(harness, ledger.record(modelCall({ id: "call-2", costMicroUsd: 50 }), { holder: "h-1" }));
    const afterMore = await stateOf(harness, today);
    await commit(harness, ledger.release("h-1"));

    expect(afterOne).toEqual([
      { spent: 25, reserved: 75 },
      { spent: 25, reserved: 35 },
    ]);
    expect(afterMore).toEqual({ spent: 75, reserved: 40 });
    expect(await stateOf(harness, today)).toEqual({ spent: 75, reserved: 40 });
    expect(await stateOf(harness, ana)).toEqual({ spent: 75, reserved: 0 });
    // Another day's account paid for nothing of it.
    expect(await stateOf(harness, { ...peer, period: "2026-11-19" })).toEqual({ spent: 0, reserved: 0 });
  });

  it("frees reservations of turns and effects that no longer live", async () => {
    const harness = get();
    const { ledger, turns } = harness.stores;
    const reserve = (holder: string) =>
      ledger.reserve({ holder, microUsd: 50, accounts: [limit(today, 1_000)] });
    await commit(
      harness,
      ...accepting(harness, 1, { turn: { owner: "p-1", reservedMicroUsd: 50 } }),
      reserve("turn-1"),
    );
    await commit(harness, ...accepting(harness, 2, { turn: { reservedMicroUsd: 50 } }), reserve("turn-2"));
    await commit(harness, turns.finish(finished()), reserve("nobody"));

    await commit(harness, ledger.reconcile(SPACE));
    await commit(harness, ledger.reconcile("other"));

    expect(await stateOf(harness, today)).toEqual({ spent: 0, reserved: 50 });
  });
}

function describeOwnersWord(get: GetHarness): void {
  it("keeps that an owner was asked for more, until more is granted for that period", async () => {
    const harness = get();
    const { ledger } = harness.stores;
    const reserve = (microUsd: number) =>
      codeOf(commit(harness, ledger.reserve({ holder: "h", microUsd, accounts: [limit(ana, 100)] })));
    expect(await reserve(120)).toBe("budget.exceeded");

    await commit(harness, ledger.ask(peer, 5), ledger.ask(ana, 7), ledger.ask(ana, 9));
    const asked = await ledger.asked(SPACE, options);
    await commit(harness, ledger.grant(ana, 30));

    expect(asked).toMatchObject([
      { scope: "agent", subject: "ana", asked: 2, askedAt: 9 },
      { scope: "peer", subject: "peer-1", asked: 1, askedAt: 5 },
    ]);
    expect(await ledger.asked(SPACE, options)).toMatchObject([{ scope: "peer" }]);
    expect((await ledger.accounts([ana], options))[0]).toMatchObject({
      grantedMicroUsd: 30,
      asked: 0,
      askedAt: undefined,
    });
    expect([await reserve(120), await reserve(11)]).toEqual(["kept", "budget.exceeded"]);
  });

  it("lists who has spent in a period, the dearest first, and nobody of other periods and scopes", async () => {
    const harness = get();
    const { ledger } = harness.stores;
    await commit(
      harness,
      ledger.record(modelCall({ peerId: "olha", costMicroUsd: 5 })),
      ledger.record(modelCall({ id: "call-2", peerId: "ivan", costMicroUsd: 7 })),
      ledger.record(modelCall({ id: "call-3", peerId: "kate", costMicroUsd: 9, day: "2026-11-01" })),
      ledger.ask({ ...peer, subject: "nobody" }, 1),
    );
    const of = async (period: string) =>
      (await ledger.spenders({ spaceId: SPACE, scope: "peer", period }, options)).map(
        ({ subject }) => subject,
      );

    expect(await of(DAY)).toEqual(["ivan", "olha"]);
    expect(await of(month.period)).toEqual(["kate", "ivan", "olha"]);
    expect(await of("2025-01-01")).toEqual([]);
  });

  it("grants before anything was spent, and again", async () => {
    const harness = get();
    const { ledger } = harness.stores;
    await commit(harness, ledger.grant(month, 10));
    await commit(harness, ledger.grant(month, 5));

    const over = (microUsd: number) =>
      codeOf(commit(harness, ledger.reserve({ holder: "h", microUsd, accounts: [limit(month, 100)] })));

    expect([await over(116), await over(115)]).toEqual(["budget.exceeded", "kept"]);
  });
}

function describeCalls(get: GetHarness): void {
  it("keeps every model call of a turn, whatever became of it, with all that it tells", async () => {
    const harness = get();
    const { ledger } = harness.stores;
    const call = modelCall({ storylineId: "line", keyId: "k-1", cacheWriteTokens: 3, reasoningTokens: 1 });
    const aborted: ModelCallRecord = {
      ...call,
      id: "call-2",
      outcome: "aborted",
      purpose: "summary",
      errorCode: "model.timeout",
      storylineId: undefined,
      keyId: undefined,
      estimated: true,
      isPriced: false,
      at: 50,
    };

    await commit(harness, ledger.record(call), ledger.record(aborted));

    expect(await ledger.callsOfTurn("turn-1", options)).toEqual([aborted, call]);
  });

  it("charges a call to six accounts, once, however often it is recorded", async () => {
    const harness = get();
    const { ledger } = harness.stores;

    await commit(harness, ledger.record(modelCall()), ledger.record(modelCall({ id: "call-2" })));
    await commit(
      harness,
      ledger.record(modelCall()),
      ledger.record(modelCall({ id: "call-3", costMicroUsd: 0 })),
    );
    await commit(
      harness,
      ledger.record(modelCall({ id: "call-2" })),
      ledger.record(modelCall({ id: "call-4" })),
    );

    for (const account of [today, month, ana, peer])
      expect(await stateOf(harness, account)).toEqual({ spent: 27, reserved: 0 });
    for (const account of [ana, peer])
      expect(await stateOf(harness, { ...account, period: month.period })).toEqual({
        spent: 27,
        reserved: 0,
      });
  });

  it("counts a turn anew from its own calls", async () => {
    const harness = get();
    const { ledger, turns } = harness.stores;
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    await commit(
      harness,
      turns.finish(finished()),
      ledger.record(modelCall({ inputTokens: 70 })),
      ledger.record(modelCall({ id: "call-2" })),
      ledger.record(modelCall({ id: "call-3", purpose: "summary", costMicroUsd: 1_000 })),
    );

    await commit(harness, turns.recount("turn-1"));

    expect(await turns.get("turn-1", options)).toMatchObject({
      costMicroUsd: 18,
      usage: { inputTokens: 75, cachedInputTokens: 2, outputTokens: 4 },
    });
  });
}

function describeUsage(get: GetHarness): void {
  it("sums calls by agent, peer, model, day and purpose, the dearest first and days in order", async () => {
    const harness = get();
    const { ledger } = harness.stores;
    const calls = [
      modelCall({ id: "a", model: "x/dear", costMicroUsd: 50, reasoningTokens: 1 }),
      modelCall({ id: "b", model: "x/free", costMicroUsd: 0, isPriced: false, day: "2026-11-19" }),
      modelCall({ id: "c", model: "x/free", costMicroUsd: 0, isPriced: false, outcome: "error" }),
      modelCall({
        id: "d",
        agentId: "max",
        peerId: "peer-2",
        ownerId: "key-2",
        purpose: "summary",
        cacheWriteTokens: 4,
      }),
      modelCall({ id: "e", day: "2026-10-31" }),
      modelCall({ id: "f", spaceId: "other" }),
    ];
    await commit(harness, ...calls.map((call) => ledger.record(call)));
    const query = { spaceId: SPACE, fromDay: "2026-11-01", toDay: "2026-11-30" };
    const keys = async (by: Parameters<typeof ledger.usage>[0]["by"]) =>
      (await ledger.usage({ ...query, by }, options)).items.map(({ key, calls: n }) => [key, n]);

    expect(await keys("agent")).toEqual([
      ["ana", 3],
      ["max", 1],
    ]);
    expect(await keys("peer")).toEqual([
      ["peer-1", 3],
      ["peer-2", 1],
    ]);
    expect(await keys("model")).toEqual([
      ["x/dear", 1],
      ["offline/guide", 1],
      ["x/free", 2],
    ]);
    expect(await keys("day")).toEqual([
      ["2026-11-19", 1],
      ["2026-11-20", 3],
    ]);
    expect(await keys("purpose")).toEqual([
      ["turn", 3],
      ["summary", 1],
    ]);
    const mine = await ledger.usage({ ...query, by: "model", ownerId: "key-1", limit: 1 }, options);
    expect(mine.items.map(({ key }) => key)).toEqual(["x/dear"]);
    expect(mine.total).toEqual({
      calls: 3,
      failedCalls: 1,
      unpricedCalls: 2,
      inputTokens: 15,
      cachedInputTokens: 3,
      cacheWriteTokens: 0,
      outputTokens: 6,
      reasoningTokens: 1,
      costMicroUsd: 50,
    });
    const none = await ledger.usage(
      { ...query, by: "day", fromDay: "2027-01-01", toDay: "2027-01-02" },
      options,
    );
    expect(none).toMatchObject({ items: [], total: { calls: 0, costMicroUsd: 0 } });
  });
}
