import type { Usage } from "@troupe/contracts";
import { createManualClock } from "@troupe/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { costMicroUsd } from "../kit/index.ts";
import { mayCost, openPriceBook } from "./price-book.ts";

const clock = createManualClock(Date.UTC(2026, 10, 20, 12));
const book = await openPriceBook(clock);

test("finds a model's price by the kind of its provider, or by the address of a compatible one", () => {
  const direct = book.find({ kind: "anthropic" }, "claude-sonnet-4-5");
  const compatible = book.find(
    { kind: "openai-compatible", baseUrl: "https://api.anthropic.com/v1" },
    "claude-sonnet-4-5",
  );

  expect(direct).toEqual({
    inputUsdPerMillion: 3,
    cachedInputUsdPerMillion: 0.3,
    cacheWriteUsdPerMillion: 3.75,
    outputUsdPerMillion: 15,
    tiers: [
      {
        aboveInputTokens: 200_000,
        inputUsdPerMillion: 6,
        cachedInputUsdPerMillion: 0.6,
        cacheWriteUsdPerMillion: 7.5,
        outputUsdPerMillion: 22.5,
      },
    ],
  });
  expect(compatible).toEqual(direct);
  expect(book.find({ kind: "openai" }, "text-embedding-3-small")).toMatchObject({
    inputUsdPerMillion: 0.02,
    outputUsdPerMillion: 0,
  });
});

test("tells of no price for a model, an address or a provider that nobody published one of", () => {
  expect(book.find({ kind: "anthropic" }, "no-such-model")).toBeUndefined();
  expect(book.find({ kind: "nobody" }, "gpt-5")).toBeUndefined();
  expect(
    book.find({ kind: "openai-compatible", baseUrl: "https://models.example/v1" }, "gpt-5"),
  ).toBeUndefined();
  expect(
    book.find({ kind: "openai-compatible", baseUrl: "http://127.0.0.1:11434/v1" }, "gpt-5"),
  ).toBeUndefined();
});

test("a price that depends on the hour is that of the hour", async () => {
  const at = (hour: number) => {
    const there = createManualClock(Date.UTC(2025, 5, 1, hour));
    return openPriceBook(there).then(
      (one) => one.find({ kind: "deepseek" }, "deepseek-chat")?.inputUsdPerMillion,
    );
  };

  expect([await at(12), await at(20)]).toEqual([0.27, 0.135]);
});

test.each([
  ["anthropic", "claude-sonnet-4-5"],
  ["openai", "gpt-5-mini"],
  ["google", "gemini-2.5-pro"],
  ["openrouter", "anthropic/claude-sonnet-4.5"],
])("costs what the catalogue itself calculates, to the millionth: %s %s", async (kind, modelId) => {
  const { calcPrice } = await import("@pydantic/genai-prices");
  const price = book.find({ kind }, modelId);
  const tokens = fc.nat(500_000);

  fc.assert(
    fc.property(tokens, tokens, tokens, tokens, (fresh, cached, written, output) => {
      const isWriting = price?.cacheWriteUsdPerMillion !== undefined;
      const cacheWriteTokens = isWriting ? written : 0;
      const usage: Usage = {
        inputTokens: fresh + cached + cacheWriteTokens,
        cachedInputTokens: cached,
        cacheWriteTokens,
        outputTokens: output,
      };
      const theirs = calcPrice(
        {
          input_tokens: usage.inputTokens,
          cache_read_tokens: cached,
          ...(isWriting ? { cache_write_tokens: written } : {}),
          output_tokens: output,
        },
        modelId,
        { providerId: kind, timestamp: new Date(clock.now()) },
      );
      expect(Math.abs(costMicroUsd(usage, price) - (theirs?.total_price ?? 0) * 1e6)).toBeLessThanOrEqual(1);
    }),
    { numRuns: 200 },
  );
});

test.each([
  ["http://localhost:11434/v1", false],
  ["http://192.168.1.20/v1", false],
  ["http://172.20.0.3:8000/v1", false],
  ["http://[::1]:8000/v1", false],
  ["http://[fd00::7]/v1", false],
  ["http://vllm:8000/v1", false],
  ["http://models.lan/v1", false],
  ["http://172.40.0.3/v1", true],
  ["https://api.deepseek.com/v1", true],
])("%s: may cost %s", (baseUrl, expected) => {
  expect(mayCost({ kind: "openai-compatible", baseUrl })).toBe(expected);
});

test("a provider without an address is its company's own, and the offline model never costs", () => {
  expect([mayCost({ kind: "openai" }), mayCost({ kind: "offline" })]).toEqual([true, false]);
});
