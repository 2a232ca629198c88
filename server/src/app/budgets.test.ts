import type { AccountKey, AccountState } from "@troupe/contracts";
import { createManualClock } from "@troupe/testing";
import { expect, test } from "vitest";
import { createMetrics } from "../kit/index.ts";
import { type AskedAccount, type BudgetRule, budgetRulesOf, createBudgets } from "./budgets.ts";

const AT = Date.UTC(2026, 10, 30, 12);
const spender = { spaceId: "default", agentId: "ana", peerId: "p1" };
const NO_LIMIT = {
  only: undefined,
  dailyMicroUsd: undefined,
  monthlyMicroUsd: undefined,
  cheaperModel: undefined,
};
const rule = (over: Partial<BudgetRule>): BudgetRule => ({
  ...{ name: "all", per: "space", atLimit: "refuse", ...NO_LIMIT },
  ...over,
});

/** Budgets over accounts in which so much was spent, by scope. */
function setUp(rules: readonly BudgetRule[], spent: Readonly<Record<string, Partial<AccountState>>> = {}) {
  const metrics = createMetrics();
  const asked: AccountKey[] = [];
  const told: AskedAccount[] = [];
  const none = { spentMicroUsd: 0, reservedMicroUsd: 0, grantedMicroUsd: 0, asked: 0, askedAt: undefined };
  const budgets = createBudgets({
    ...{ clock: createManualClock(AT), metrics, unit: { ride() {} } },
    rules: () => rules,
    onAsked: (account) => told.push(account),
    ledger: {
      accounts: async (keys) => keys.map((key) => ({ ...key, ...none, ...spent[key.scope] })),
      ask: (account) => {
        asked.push(account);
        return {};
      },
    },
  });
  const atLimit = (model = "default", microUsd = 10) =>
    budgets.atLimit(
      { budgets: budgets.of(spender, AT), microUsd, model },
      { signal: new AbortController().signal },
    );
  return { budgets, atLimit, asked, told, metrics };
}

test("a call is paid from the day and month of the space, its agent and its peer, as configured", () => {
  const { budgets } = setUp([
    rule({ dailyMicroUsd: 5, monthlyMicroUsd: 50 }),
    rule({ name: "agents", per: "agent", dailyMicroUsd: 3 }),
    rule({ name: "max", per: "agent", only: ["max"], dailyMicroUsd: 2 }),
    rule({ name: "guests", per: "peer", only: ["p1", "p2"], monthlyMicroUsd: 1 }),
  ]);

  expect(
    budgets
      .of(spender, AT)
      .map(({ name, scope, subject, period, limitMicroUsd, resetsAt }) => [
        ...[name, scope, subject, period, limitMicroUsd],
        new Date(resetsAt).toISOString().slice(0, 10),
      ]),
  ).toEqual([
    ["all", "space", "", "2026-11-30", 5, "2026-12-01"],
    ["all", "space", "", "2026-11", 50, "2026-12-01"],
    ["agents", "agent", "ana", "2026-11-30", 3, "2026-12-01"],
    ["guests", "peer", "p1", "2026-11", 1, "2026-12-01"],
  ]);
});

test("of several limits of one account only the tightest counts", () => {
  const { budgets } = setUp([
    rule({ dailyMicroUsd: 5 }),
    rule({ name: "tight", dailyMicroUsd: 3 }),
    rule({ name: "same", dailyMicroUsd: 3 }),
  ]);

  expect(budgets.of(spender, AT).map(({ name }) => name)).toEqual(["tight"]);
});

test("without budgets there is nothing to pay from, and nothing is made for saying so", () => {
  const { budgets } = setUp([]);

  expect(budgets.of(spender, AT)).toBe(budgets.of(spender, AT));
  expect(budgets.of(spender, AT)).toEqual([]);
});

test("refuses until every account that is used up begins anew", async () => {
  const { atLimit, metrics } = setUp([rule({ dailyMicroUsd: 5, monthlyMicroUsd: 5 })]);

  expect(await atLimit()).toEqual({ kind: "refuse", opensAt: Date.UTC(2026, 11, 1), isAsked: false });
  expect(metrics.render()).toContain('budget_limit_reached_total{budget="all",action="refuse"} 2');
});

test("falls to the cheaper model, and refuses where that one is the one that was to be asked", async () => {
  const { atLimit } = setUp([rule({ dailyMicroUsd: 5, atLimit: "cheaper", cheaperModel: "small" })]);

  expect(await atLimit()).toEqual({ kind: "cheaper", model: "small" });
  expect(await atLimit("small")).toMatchObject({ kind: "refuse", isAsked: false });
});

test("asks the owner, and keeps which account it is about", async () => {
  const granted = { agent: { grantedMicroUsd: 2 } };
  const { atLimit, asked, told } = setUp([rule({ per: "agent", dailyMicroUsd: 5, atLimit: "ask" })], granted);

  expect(await atLimit()).toMatchObject({ kind: "refuse", isAsked: true });
  const account = { scope: "agent", subject: "ana", period: "2026-11-30" };
  expect(asked).toMatchObject([account]);
  expect(told).toMatchObject([{ budget: account, grantedMicroUsd: 2 }]);
});

test("one that refuses goes before one that asks, and that before one that is cheaper", async () => {
  const cheaper = rule({ dailyMicroUsd: 5, atLimit: "cheaper", cheaperModel: "small" });
  const ask = rule({ name: "ask", per: "agent", dailyMicroUsd: 5, atLimit: "ask" });
  const refuse = rule({ name: "refuse", per: "peer", dailyMicroUsd: 5 });

  expect(await setUp([cheaper, ask]).atLimit()).toMatchObject({ kind: "refuse", isAsked: true });
  const all = setUp([cheaper, ask, refuse]);
  expect(await all.atLimit()).toMatchObject({ kind: "refuse", isAsked: false });
  expect([all.asked, all.told]).toEqual([[], []]);
});

test("tries again where there is room after all: something was freed, or more was granted", async () => {
  const rules = [rule({ dailyMicroUsd: 5 })];

  expect(await setUp(rules, { space: { grantedMicroUsd: 5 } }).atLimit()).toEqual({ kind: "retry" });
  expect(await setUp(rules).atLimit("default", 5)).toEqual({ kind: "retry" });
  expect((await setUp(rules, { space: { reservedMicroUsd: 1 } }).atLimit("default", 5)).kind).toBe("refuse");
});

test("the short form is a budget of the whole space beside the named ones", () => {
  const rules = budgetRulesOf({
    budget: { dailyUsd: 1.5 },
    budgets: { guests: { per: "peer", monthlyUsd: 0.2, atLimit: "cheaper", model: "small" } },
  });

  expect(rules).toMatchObject([
    { name: "daily", per: "space", dailyMicroUsd: 1_500_000, atLimit: "refuse" },
    { name: "guests", per: "peer", monthlyMicroUsd: 200_000, atLimit: "cheaper", cheaperModel: "small" },
  ]);
});
