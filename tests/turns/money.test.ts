import type { Write } from "@troupe/contracts";
import { modelCall } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LEASE_MS, NEVER, openStage, recordOf, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const price = { inputUsdPerMillion: 1, cachedInputUsdPerMillion: 1, outputUsdPerMillion: 1 };
const askTime = { calls: [{ callId: "c", name: "time", arguments: "{}" }] };
const budget = async () => {
  const account = { spaceId: "default", scope: "space", subject: "", period: "2026-11-20" } as const;
  const [state] = await stage.stores.ledger.accounts([account], { signal: NEVER });
  return { spentMicroUsd: state?.spentMicroUsd ?? 0, reservedMicroUsd: state?.reservedMicroUsd ?? 0 };
};

/** Stops doing anything when it is about to end a turn. */
const crashAtFinish = {
  beforeCommit: (writes: readonly Write<unknown>[]) =>
    writes.length > 5 ? new Promise<void>(() => undefined) : Promise.resolve(),
};

test("what an abandoned attempt reserved beyond its accept is freed when the turn ends elsewhere", async () => {
  const reservation = { microUsd: 10, limitMicroUsd: 1_000_000 };
  const one = await stage.process("one", { ...crashAtFinish, price, reservation });
  stage.model.enqueue(askTime, { text: "never kept" });
  const { turnId } = await one.say("what time is it?");
  const { reservedMicroUsd } = await budget();
  expect(reservedMicroUsd).toBeGreaterThan(1_000);
  expect((await recordOf(stage, turnId)).turn.reservedMicroUsd).toBe(reservedMicroUsd);

  const two = await stage.process("two", { price });
  two.supervisor.start();
  await stage.clock.advance(LEASE_MS + 6_000);

  expect((await recordOf(stage, turnId)).turn.state).toBe("replied");
  expect((await budget()).reservedMicroUsd).toBe(0);
});

test("a second model call that the accept reserved for commits nothing before it", async () => {
  const commits: number[] = [];
  const one = await stage.process("one", {
    price,
    reservation: { microUsd: 6_000, limitMicroUsd: 6_000 },
    beforeCommit: async (writes) => void commits.push(writes.length),
  });
  stage.model.enqueue(askTime, { text: "It is late." });

  const { turnId } = await one.say("what time is it?");

  expect(stage.model.requests).toHaveLength(2);
  // The process, the accept, the finish.
  expect(commits).toHaveLength(3);
  expect((await recordOf(stage, turnId)).turn.costMicroUsd).toBe(50);
  expect(await budget()).toMatchObject({ spentMicroUsd: 50, reservedMicroUsd: 0 });
});

test("a further model call reserves only what the turn has not reserved yet", async () => {
  const one = await stage.process("one", { price, reservation: { microUsd: 1_000, limitMicroUsd: 8_000 } });
  stage.model.enqueue(askTime, { text: "It is late.", delayMs: 1_000 });

  const { turnId } = await one.say("what time is it?");
  const { reservedMicroUsd } = await budget();
  await stage.clock.advance(1_000);

  expect(reservedMicroUsd).toBeGreaterThan(1_000);
  expect(reservedMicroUsd).toBeLessThan(8_000);
  expect((await recordOf(stage, turnId)).turn.state).toBe("replied");
});

test("a command is answered although the budget of the day is spent", async () => {
  const one = await stage.process("one", { price, reservation: { microUsd: 0, limitMicroUsd: 10 } });
  const spent = modelCall({ costMicroUsd: 50 });
  await stage.stores.unit.commit([stage.stores.ledger.record(spent)], { signal: NEVER });

  const { turnId } = await one.say("/calc 6 * 7");

  expect((await recordOf(stage, turnId)).turn.state).toBe("replied");
});

test("a further model call that the budget does not allow ends the turn and says so", async () => {
  const one = await stage.process("one", { price, reservation: { microUsd: 7_000, limitMicroUsd: 7_200 } });
  const usage = { inputTokens: 6_900, cachedInputTokens: 0, outputTokens: 0 };
  stage.model.enqueue({ ...askTime, usage }, { text: "It is late." });

  const { turnId } = await one.say("what time is it?");

  expect(stage.model.requests).toHaveLength(1);
  expect((await recordOf(stage, turnId)).turn).toMatchObject({
    state: "failed",
    error: { code: "budget.exceeded" },
  });
  expect((await budget()).reservedMicroUsd).toBe(0);
});
