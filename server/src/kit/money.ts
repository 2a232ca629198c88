import type { ModelPrice, Usage } from "@troupe/contracts";

/** Cost of `usage` in millionths of a US dollar, rounded up so that nothing is free by rounding. */
export function costMicroUsd(usage: Usage, price: ModelPrice | undefined): number {
  if (price === undefined) return 0;
  const fresh = Math.max(0, usage.inputTokens - usage.cachedInputTokens);
  // Dollars per million tokens are the same number as millionths of a dollar per token.
  return Math.ceil(
    fresh * price.inputUsdPerMillion +
      usage.cachedInputTokens * price.cachedInputUsdPerMillion +
      usage.outputTokens * price.outputUsdPerMillion,
  );
}

/** Sum of two usages. */
export function addUsage(one: Usage, other: Usage): Usage {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    cachedInputTokens: one.cachedInputTokens + other.cachedInputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
  };
}

/** UTC day of a time, `2026-11-21`: the ledger's period. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
