import { createScriptedModel } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BudgetRule } from "../../server/src/app/budgets.ts";
import { endOf, NEVER, openStage, recordOf, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const price = { inputUsdPerMillion: 1, cachedInputUsdPerMillion: 1, outputUsdPerMillion: 1 };
const askTime = { calls: [{ callId: "c", name: "time", arguments: "{}" }] };
const rule = (over: Partial<BudgetRule> = {}): BudgetRule => ({
  ...{ name: "daily", per: "space", only: undefined, monthlyMicroUsd: undefined, dailyMicroUsd: 20_000 },
  ...{ atLimit: "refuse", cheaperModel: undefined },
  ...over,
});
/** What the accept reserves; more than one call needs. */
const reservation = { microUsd: 6_000, limitMicroUsd: 0 };

async function account(scope: "space" | "agent" | "peer", subject: string, period = "2026-11-20") {
  const key = { spaceId: "default", scope, subject, period };
  const [state] = await stage.stores.ledger.accounts([key], { signal: NEVER });
  return {
    spent: state?.spentMicroUsd ?? 0,
    reserved: state?.reservedMicroUsd ?? 0,
    asked: state?.asked ?? 0,
  };
}

test("of a hundred messages at once, those that a nearly spent budget has room for are answered, and it is never passed", async () => {
  const limit = 20_000;
  const seen: number[] = [];
  const one = await stage.process("one", {
    price,
    reservation,
    budgets: [rule({ dailyMicroUsd: limit })],
    beforeCommit: async () => {
      const { spent, reserved } = await account("space", "");
      seen.push(spent + reserved);
    },
  });

  const results = await Promise.all(
    Array.from({ length: 100 }, (_, at) => one.send("hello", { sessionKey: `s${at}`, peerId: `p${at}` })),
  );
  await stage.clock.settle();

  const accepted = results.filter(({ kind }) => kind === "accepted");
  expect(accepted).toHaveLength(3);
  expect(
    results.filter((result) => result.kind === "refused" && result.code === "budget.exceeded"),
  ).toHaveLength(97);
  expect(Math.max(...seen)).toBeLessThanOrEqual(limit);
  // Each answer cost 25, and nothing stays reserved.
  expect(await account("space", "")).toEqual({ spent: 75, reserved: 0, asked: 0 });
});

test("at the limit the sender is told kindly, in their own language, and when it opens again", async () => {
  const one = await stage.process("one", { price, reservation, budgets: [rule({ dailyMicroUsd: 10 })] });

  const english = await one.send("hello there, how are you?");
  const ukrainian = await one.send("Привіт! Як справи сьогодні?");

  expect(english).toMatchObject({ kind: "refused", code: "budget.exceeded" });
  expect(english).toMatchObject({ message: expect.stringContaining("21 November, 00:00 UTC") });
  expect(ukrainian).toMatchObject({ message: expect.stringContaining("21 листопада, 00:00 UTC") });
  expect(english.kind === "refused" && english.retryAfterMs).toBe(Date.UTC(2026, 10, 21) - stage.clock.now());
});

test("an agent's budget stops that agent, a peer's that peer, and nobody else", async () => {
  const peer = rule({ name: "guests", per: "peer", dailyMicroUsd: 6_000 });
  const one = await stage.process("one", { price, reservation, budgets: [peer] });
  stage.model.enqueue({ text: "slow", delayMs: 50 });

  const first = await one.send("hello", { sessionKey: "a" });
  const same = await one.send("hello", { sessionKey: "b" });
  const other = await one.send("hello", { sessionKey: "c", peerId: "p2" });
  await stage.clock.advance(100);

  expect([first.kind, same.kind, other.kind]).toEqual(["accepted", "refused", "accepted"]);
  expect(await account("peer", "p1")).toEqual({ spent: 25, reserved: 0, asked: 0 });
  expect(await account("peer", "p2")).toEqual({ spent: 25, reserved: 0, asked: 0 });
  expect(await account("agent", "ana", "2026-11")).toMatchObject({ spent: 50 });
});

test("a cheaper model answers where the budget says so, and the turn tells which", async () => {
  const small = createScriptedModel({ clock: stage.clock });
  small.enqueue({ text: "cheap words" });
  const budgets = [rule({ dailyMicroUsd: 10, atLimit: "cheaper", cheaperModel: "small" })];
  const one = await stage.process("one", { price, reservation, budgets, small });

  const { turnId } = await one.say("hello");

  expect(endOf(one.events, turnId)?.text).toBe("cheap words");
  expect(stage.model.requests).toHaveLength(0);
  const [call] = await stage.stores.ledger.callsOfTurn(turnId, { signal: NEVER });
  expect(call).toMatchObject({ model: "scripted/small", isPriced: false, costMicroUsd: 0 });
  expect((await recordOf(stage, turnId)).turn.payload.model).toBe("small");
});

test("a turn that reaches the limit on its way goes on with the cheaper model", async () => {
  const small = createScriptedModel({ clock: stage.clock });
  small.enqueue({ text: "cheap end" });
  const usage = { inputTokens: 5_900, cachedInputTokens: 0, outputTokens: 0 };
  stage.model.enqueue({ ...askTime, usage });
  const budgets = [rule({ dailyMicroUsd: 6_100, atLimit: "cheaper", cheaperModel: "small" })];
  const one = await stage.process("one", { price, reservation, budgets, small });

  const { turnId } = await one.say("what time is it?");

  expect(endOf(one.events, turnId)).toMatchObject({ state: "replied", text: "cheap end" });
  const { turn } = await recordOf(stage, turnId);
  expect(turn.trace.find(({ what }) => what === "budget")?.detail).toBe("used up, goes on with small");
  expect(await account("space", "")).toEqual({ spent: 5_900, reserved: 0, asked: 0 });
});

test("the owner is asked, and what they grant lets the same message in", async () => {
  const budgets = [rule({ per: "agent", dailyMicroUsd: 10, atLimit: "ask" })];
  const one = await stage.process("one", { price, reservation, budgets });

  const refused = await one.send("hello there, how are you?");
  await stage.stores.unit.flush({ signal: NEVER });
  expect(refused).toMatchObject({ kind: "refused", message: expect.stringContaining("I asked the owner") });
  expect((await account("agent", "ana")).asked).toBe(1);

  const key = { spaceId: "default", scope: "agent", subject: "ana", period: "2026-11-20" } as const;
  await stage.stores.unit.commit([stage.stores.ledger.grant(key, 10_000)], { signal: NEVER });
  const { turnId } = await one.say("hello there, how are you?");

  expect(endOf(one.events, turnId)?.state).toBe("replied");
  expect((await account("agent", "ana")).asked).toBe(0);
});

test("an answer grows no longer than what a budget set aside for it", async () => {
  const one = await stage.process("one", { price, reservation, budgets: [rule()] });
  await one.say("hello");
  await one.say("hello", { sessionKey: "short", maxOutputTokens: 7 });
  const free = await stage.process("two", { price });
  await free.say("hello", { sessionKey: "free" });

  expect(stage.model.requests.map(({ maxOutputTokens }) => maxOutputTokens)).toEqual([4_096, 7, undefined]);
});

test("what failed calls were billed for is charged, each as a call of its own", async () => {
  const one = await stage.process("one", { price, reservation, budgets: [rule()] });
  const { TroupeError } = await import("@troupe/contracts");
  const error = new TroupeError("It broke off.", { code: "model.unavailable", retryable: true });
  stage.model.enqueue({ text: "half an ans", error }, { text: "the whole answer" });

  const { turnId } = await one.say("hello");

  const calls = await stage.stores.ledger.callsOfTurn(turnId, { signal: NEVER });
  expect(calls.map(({ outcome, errorCode, costMicroUsd }) => [outcome, errorCode, costMicroUsd])).toEqual([
    ["error", "model.unavailable", 25],
    ["ok", undefined, 25],
  ]);
  expect((await recordOf(stage, turnId)).turn.costMicroUsd).toBe(50);
  expect(await account("space", "")).toEqual({ spent: 50, reserved: 0, asked: 0 });
});
