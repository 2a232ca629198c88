import { modelCall } from "@troupe/testing";
import { expect, test } from "vitest";
import { usageOf } from "./turn-usage.ts";

test("sums all calls of a turn, failed and background ones included, and tells each of them in dollars", () => {
  const failed = modelCall({ id: "c-1", outcome: "error", errorCode: "model.unavailable", outputTokens: 0 });
  const answer = modelCall({ id: "c-2", cacheWriteTokens: 3, reasoningTokens: 1, costMicroUsd: 2_100 });
  const summary = modelCall({ id: "c-3", purpose: "summary", isPriced: false, costMicroUsd: 0 });

  const usage = usageOf([failed, answer, summary]);

  expect(usage).toMatchObject({
    ...{ inputTokens: 15, cachedInputTokens: 3, cacheWriteTokens: 3, outputTokens: 4, reasoningTokens: 1 },
    ...{ costUsd: 0.002109, isPriced: false },
  });
  expect(usage.calls.map(({ id, costUsd, errorCode }) => [id, costUsd, errorCode])).toEqual([
    ["c-1", 0.000009, "model.unavailable"],
    ["c-2", 0.0021, undefined],
    ["c-3", 0, undefined],
  ]);
});
