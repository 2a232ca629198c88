import type { ModelCallRecord, Usage } from "@troupe/contracts";
import { sumCalls } from "../kit/index.ts";

/** What a turn was billed for, in all and call by call: for people and pages, so in dollars. */
export interface TurnUsage extends Required<Usage> {
  readonly costUsd: number;
  /** False: a model without a known price took part, so that the true cost is not known. */
  readonly isPriced: boolean;
  readonly calls: readonly CallUsage[];
}

export interface CallUsage extends Required<Usage> {
  readonly id: string;
  /** `provider/model`. */
  readonly model: string;
  readonly purpose: ModelCallRecord["purpose"];
  readonly outcome: ModelCallRecord["outcome"];
  readonly errorCode?: string;
  /** We counted the tokens, because the provider told of none. */
  readonly estimated: boolean;
  readonly costUsd: number;
  readonly isPriced: boolean;
  readonly latencyMs: number;
  readonly at: number;
}

/** Calls in the background, such as a summary's, are the turn's too. */
export function usageOf(calls: readonly ModelCallRecord[]): TurnUsage {
  const { usage, costMicroUsd } = sumCalls(calls);
  return {
    inputTokens: usage.inputTokens,
    cachedInputTokens: usage.cachedInputTokens,
    cacheWriteTokens: usage.cacheWriteTokens ?? 0,
    outputTokens: usage.outputTokens,
    reasoningTokens: usage.reasoningTokens ?? 0,
    costUsd: costMicroUsd / 1e6,
    isPriced: calls.every(({ isPriced }) => isPriced),
    calls: calls.map(callUsage),
  };
}

function callUsage(call: ModelCallRecord): CallUsage {
  const { id, model, purpose, outcome, errorCode, estimated, isPriced, latencyMs, at } = call;
  const { inputTokens, cachedInputTokens, cacheWriteTokens, outputTokens, reasoningTokens } = call;
  return {
    ...{ id, model, purpose, outcome },
    ...(errorCode === undefined ? {} : { errorCode }),
    ...{ inputTokens, cachedInputTokens, cacheWriteTokens, outputTokens, reasoningTokens },
    ...{ estimated, costUsd: call.costMicroUsd / 1e6, isPriced, latencyMs, at },
  };
}
