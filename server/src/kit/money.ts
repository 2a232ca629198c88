import type { AccountKey, ModelPrice, TokenPrice, Usage } from "@troupe/contracts";

/** Cost of one call in millionths of a US dollar, rounded up so that nothing is free by rounding. */
export function costMicroUsd(usage: Usage, price: ModelPrice | undefined): number {
  if (price === undefined) return 0;
  const rate = tierOf(price, usage.inputTokens);
  const written = usage.cacheWriteTokens ?? 0;
  const fresh = Math.max(0, usage.inputTokens - usage.cachedInputTokens - written);
  // Dollars per million tokens are the same number as millionths of a dollar per token.
  const cost =
    fresh * rate.inputUsdPerMillion +
    usage.cachedInputTokens * rate.cachedInputUsdPerMillion +
    written * (rate.cacheWriteUsdPerMillion ?? rate.inputUsdPerMillion) +
    usage.outputTokens * rate.outputUsdPerMillion;
  // Sums of decimal fractions are off by less than a billionth, which is no millionth more to pay.
  return Math.ceil(cost - 1e-6);
}

/** The price that holds for a whole call that reads so much. */
function tierOf(price: ModelPrice, inputTokens: number): TokenPrice {
  return price.tiers?.findLast(({ aboveInputTokens }) => inputTokens > aboveInputTokens) ?? price;
}

/** Sum of two usages. */
export function addUsage(one: Usage, other: Usage): Usage {
  const cacheWriteTokens = (one.cacheWriteTokens ?? 0) + (other.cacheWriteTokens ?? 0);
  const reasoningTokens = (one.reasoningTokens ?? 0) + (other.reasoningTokens ?? 0);
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    cachedInputTokens: one.cachedInputTokens + other.cachedInputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    ...(cacheWriteTokens === 0 ? {} : { cacheWriteTokens }),
    ...(reasoningTokens === 0 ? {} : { reasoningTokens }),
  };
}

/** UTC day of a time, `2026-11-21`. */
export function dayOf(ms: number): string {
  const date = new Date(ms);
  // Built by hand: `toISOString` costs ten times as much, and a turn asks several times.
  return `${date.getUTCFullYear()}-${twoDigits(date.getUTCMonth() + 1)}-${twoDigits(date.getUTCDate())}`;
}

function twoDigits(number: number): string {
  return number < 10 ? `0${number}` : String(number);
}

/** UTC month of a time, `2026-11`. */
export function monthOf(ms: number): string {
  return dayOf(ms).slice(0, 7);
}

/** The account of the whole space for the UTC day of a time. */
export function spaceDay(spaceId: string, ms: number): AccountKey {
  return { spaceId, scope: "space", subject: "", period: dayOf(ms) };
}
