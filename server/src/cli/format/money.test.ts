import type { UsageSum } from "@troupe/contracts";
import { expect, test } from "vitest";
import type { BudgetLine } from "../../app/index.ts";
import { createOutput } from "../output.ts";
import { formatBudgets } from "./budgets.ts";
import { formatUsage } from "./usage.ts";

const { paint } = createOutput({ isJson: false, noColor: true });
const sum: UsageSum = {
  ...{ calls: 3, failedCalls: 0, unpricedCalls: 0, inputTokens: 12_000, cachedInputTokens: 8_000 },
  ...{ cacheWriteTokens: 0, outputTokens: 410, reasoningTokens: 0, costMicroUsd: 52_000 },
};
const span = { by: "model", from: "2026-11-01", to: "2026-11-20" };

test("usage is a line a group, what was left out, and all of it", () => {
  const local = { ...sum, key: "local/llama", calls: 2, failedCalls: 1, unpricedCalls: 2, costMicroUsd: 0 };
  const total = { ...sum, calls: 1_006, unpricedCalls: 2 };

  expect(
    formatUsage({ ...span, items: [{ ...sum, key: "a/one" }, local], total }, paint).split("\n"),
  ).toEqual([
    "Usage by model, 2026-11-01 to 2026-11-20 (UTC)",
    "  a/one        3 calls            12,000 in (8,000 cached)  410 out  0.05 USD",
    "  local/llama  2 calls, 1 failed  12,000 in (8,000 cached)  410 out  0.00 USD  2 of unknown price",
    "  the rest     1,001 calls",
    "  in all       1,006 calls        12,000 in (8,000 cached)  410 out  0.05 USD  2 of unknown price",
  ]);
});

test("usage of days on which nothing was asked says so", () => {
  const none = { ...sum, calls: 0 };

  expect(formatUsage({ ...span, to: "2026-11-01", items: [], total: none }, paint)).toBe(
    "No model was asked, 2026-11-01 (UTC).",
  );
});

const line: BudgetLine = {
  ...{ name: "all", per: "space", subject: "", period: "2026-11-20", atLimit: "refuse", asked: 0 },
  ...{ limitMicroUsd: 5_000_000, spentMicroUsd: 1_200_000, reservedMicroUsd: 0, grantedMicroUsd: 0 },
  resetsAt: Date.UTC(2026, 10, 21),
};

test("budgets are a line an account, with what is spent, reserved and granted, and who asks for more", () => {
  const spent: BudgetLine = {
    ...{ ...line, name: "guests", per: "peer", subject: "ivan", atLimit: "ask", asked: 2 },
    ...{ spentMicroUsd: 5_900_000, reservedMicroUsd: 100_000, grantedMicroUsd: 1_000_000 },
  };
  const text = formatBudgets(
    [line, spent, { ...line, name: "each", atLimit: "cheaper", model: "small" }],
    paint,
  );

  expect(text.split("\n")).toEqual(
    [
      "all     the space  2026-11-20  1.20 USD of 5.00 USD                                        anew 2026-11-21  refuse",
      "guests  peer ivan  2026-11-20  5.90 USD of 6.00 USD (1.00 USD of it granted)  0.10 USD reserved  anew 2026-11-21  ask         used up, asked for more 2 times",
      "each    the space  2026-11-20  1.20 USD of 5.00 USD                                        anew 2026-11-21  then small",
    ].map((expected) => expect.stringContaining(expected.slice(0, 40))),
  );
  expect(text.split("\n")[1]).toMatch(
    /0\.10 USD reserved {2}anew 2026-11-21 {2}ask +used up, asked for more 2 times$/,
  );
  expect(text.split("\n")[2]).toMatch(/then small$/);
});

test("without budgets it says how to write one", () => {
  expect(formatBudgets([], paint)).toContain("under budgets in troupe.yaml");
});
