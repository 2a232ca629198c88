import type { Agent, InboundMessage, LanguageModel, ModelChoice, ToolSpec } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { createManualClock, createScriptedModel } from "@troupe/testing";
import { expect, test } from "vitest";
import { createMetrics } from "../kit/index.ts";
import { type BudgetRule, createBudgets } from "./budgets.ts";
import { outlayOf } from "./outlay.ts";

const model: LanguageModel = createScriptedModel();
const price = { inputUsdPerMillion: 1, cachedInputUsdPerMillion: 1, outputUsdPerMillion: 2 };
const agent: Agent = {
  spaceId: "default",
  revision: 1,
  spec: { id: "ana", name: "Ana", model: "default", instructions: "Help." },
};
const message: InboundMessage = {
  agentId: "ana",
  channel: "api",
  sessionKey: "s1",
  peerId: "p1",
  audience: ["p1"],
  parts: [{ type: "text", text: "hello" }],
  trigger: "chat",
  lane: "realtime",
  debounceMs: 0,
  receivedAt: 0,
};
const AT = Date.UTC(2026, 10, 20, 12);
const clock = createManualClock(AT);
const budgetsOf = (rules: readonly BudgetRule[]) =>
  createBudgets({
    ...{ clock, metrics: createMetrics(), unit: { ride() {} } },
    ledger: { accounts: async () => [], ask: () => ({}) },
    rules: () => rules,
  });
const limited = budgetsOf([
  {
    ...{ name: "daily", per: "space", only: undefined, monthlyMicroUsd: undefined },
    ...{ atLimit: "refuse", cheaperModel: undefined, dailyMicroUsd: 7 },
  },
]);
const tool: ToolSpec = { name: "time", description: "Tells the time.", kind: "pure", inputSchema: {} };

function reserve(
  over: { choices?: readonly ModelChoice[]; tools?: readonly ToolSpec[] } = {},
  more: Partial<InboundMessage> = {},
  budgets = limited,
  historyTokens?: number,
) {
  const { choices = [{ model, name: "scripted/model", price }], tools = [] } = over;
  return outlayOf(
    agent,
    { ...message, ...more },
    {
      router: { choices: () => choices },
      toolbox: { select: () => ({ specs: tools, kindOf: () => undefined }) },
      ...{ budgets, historyTokens },
    },
    AT,
  );
}

test("reserves one call of the dearest model, and two where the agent has tools", () => {
  const cheap = { model, name: "scripted/cheap", price: { ...price, outputUsdPerMillion: 1 } };
  const dear = { model, name: "scripted/dear", price };

  const one = reserve({ choices: [cheap, dear] });
  const two = reserve({ choices: [cheap, dear], tools: [tool] });

  // 4,000 tokens of history, a few of the message, and 4,096 of an answer at two dollars a million.
  expect(one.microUsd).toBeGreaterThan(12_192);
  expect(one.microUsd).toBeLessThan(12_292);
  expect(two.microUsd).toBe(2 * one.microUsd);
  expect(two.budgets).toMatchObject([{ name: "daily", period: "2026-11-20", limitMicroUsd: 7 }]);
});

test("reserves for the history that the prompt will show, so that a long conversation needs no commit before its call", () => {
  const usual = reserve().microUsd;

  expect(reserve({}, {}, limited, 100).microUsd).toBe(usual);
  // 26,000 tokens more than the 4,000 that are allowed for without knowing, at one dollar a million.
  expect(reserve({}, {}, limited, 28_000).microUsd).toBe(usual + 26_000);
  expect(reserve({}, { given: [{ role: "user", text: "hi" }] }, limited, 28_000).microUsd).toBeLessThan(
    usual,
  );
});

test("reserves for the longest answer that the message allows", () => {
  expect(reserve({}, { maxOutputTokens: 10 }).microUsd).toBeLessThan(reserve().microUsd);
});

test("reserves nothing for a call without a model, or for models without a price", () => {
  const free = [{ model, name: "scripted/model", price: undefined }];

  expect(reserve({}, { direct: { tool: "time", input: {} } }).microUsd).toBe(0);
  expect(reserve({ choices: free, tools: [tool] }).microUsd).toBe(0);
});

test("a model that nobody knows costs nothing here, so that the message is kept and its turn says so", () => {
  const unknown = (): never => {
    throw new TroupeError('No model is configured under the name "default".', { code: "model.unknown" });
  };
  const toolbox = { select: () => ({ specs: [tool], kindOf: () => undefined }) };

  const outlay = outlayOf(
    agent,
    message,
    { router: { choices: unknown }, toolbox, budgets: limited, historyTokens: undefined },
    AT,
  );

  expect(outlay.microUsd).toBe(0);
});

test("reserves nothing where no budget pays for it", () => {
  const none = budgetsOf([]);

  expect(reserve({}, {}, none)).toEqual({ microUsd: 0, budgets: [] });
});
