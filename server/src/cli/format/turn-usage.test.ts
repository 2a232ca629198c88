import { expect, test } from "vitest";
import { createOutput } from "../output.ts";
import { formatTurnUsage, type TurnUsage } from "./turn-usage.ts";

const { paint } = createOutput({ isJson: false, noColor: true });
const call = {
  ...{ model: "a/one", purpose: "turn", outcome: "ok", latencyMs: 1_240 },
  ...{ inputTokens: 900, cachedInputTokens: 0, outputTokens: 41, costUsd: 0.0021, isPriced: true },
};
const usage: TurnUsage = { ...call, calls: [call] };

test("tells each call of a model with its tokens, cost and time, and all of them where there are several", () => {
  const failed = { ...call, outcome: "error", errorCode: "model.unavailable", outputTokens: 0, costUsd: 0 };
  const summary = { ...call, model: "b/two", purpose: "summary", cachedInputTokens: 800 };
  const all = { ...call, cachedInputTokens: 800, inputTokens: 2_700, outputTokens: 82, costUsd: 0.0042 };

  expect(formatTurnUsage({ ...all, calls: [failed, call, summary] }, paint)).toEqual([
    "  models",
    "    a/one  900 in, 0 out, 0.00 USD, 1.2 s, model.unavailable",
    "    a/one  900 in, 41 out, 0.0021 USD, 1.2 s",
    "    b/two, summary  900 in (800 cached), 41 out, 0.0021 USD, 1.2 s",
    "    in all  2700 in (800 cached), 82 out, 0.0042 USD",
  ]);
  expect(formatTurnUsage(usage, paint)).toHaveLength(2);
});

test("tells of a price that nobody knows as unknown", () => {
  const free = { ...call, costUsd: 0, isPriced: false };
  const mixed: TurnUsage = { ...call, isPriced: false, calls: [call, free] };

  expect(formatTurnUsage(mixed, paint).slice(2)).toEqual([
    "    a/one  900 in, 41 out, price unknown, 1.2 s",
    "    in all  900 in, 41 out, 0.0021 USD and more of unknown price",
  ]);
});

test("says nothing of a turn that asked no model", () => {
  expect(formatTurnUsage({ ...usage, calls: [] }, paint)).toEqual([]);
  expect(formatTurnUsage(undefined, paint)).toEqual([]);
});
