import {
  type FailedModelCall,
  type ModelCallRecord,
  type ModelChoice,
  type ModelEvent,
  NO_USAGE,
  type Usage,
} from "@troupe/contracts";
import { outcomeOf } from "./model-end.ts";
import { addUsage, costMicroUsd } from "./money.ts";

/** What all calls for one purpose have in common. */
export type CallAbout = Pick<
  ModelCallRecord,
  "spaceId" | "agentId" | "sessionId" | "turnId" | "peerId" | "ownerId" | "storylineId" | "purpose" | "day"
>;

/** What of a model its calls are paid by. */
type PaidModel = Pick<ModelChoice, "name" | "price" | "keyId">;

/** The row of a call that answered, or broke off after it had begun to. */
export function callRecord(
  about: CallAbout,
  call: {
    readonly id: string;
    readonly at: number;
    readonly choice: PaidModel;
    /** Undefined where the stream had no end. */
    readonly end: Extract<ModelEvent, { type: "end" }> | undefined;
    readonly latencyMs: number;
  },
): ModelCallRecord {
  const { choice, end, latencyMs, ...rest } = call;
  const usage = end?.usage ?? NO_USAGE;
  return {
    ...about,
    ...rest,
    ...paidOf(choice, usage),
    outcome: outcomeOf(end),
    errorCode: end?.error?.code,
    estimated: end?.estimated ?? true,
    latencyMs: Math.round(latencyMs),
  };
}

/** The row of a call that failed before it yielded anything. */
export function failedCallRecord(
  about: CallAbout,
  { choice, error, usage, estimated, latencyMs }: FailedModelCall,
  { id, at }: { readonly id: string; readonly at: number },
): ModelCallRecord {
  return {
    ...about,
    ...{ id, at },
    ...paidOf(choice, usage),
    outcome: "error",
    errorCode: error.code,
    estimated,
    latencyMs: Math.round(latencyMs),
  };
}

function paidOf(choice: PaidModel, usage: Usage) {
  return {
    model: choice.name,
    keyId: choice.keyId,
    inputTokens: usage.inputTokens,
    cachedInputTokens: usage.cachedInputTokens,
    cacheWriteTokens: usage.cacheWriteTokens ?? 0,
    outputTokens: usage.outputTokens,
    reasoningTokens: usage.reasoningTokens ?? 0,
    costMicroUsd: costMicroUsd(usage, choice.price),
    isPriced: choice.price !== undefined,
  };
}

/** What some calls came to. */
export function sumCalls(calls: readonly (Usage & Pick<ModelCallRecord, "costMicroUsd">)[]): {
  readonly usage: Usage;
  readonly costMicroUsd: number;
} {
  return {
    usage: calls.reduce<Usage>(addUsage, NO_USAGE),
    costMicroUsd: calls.reduce((sum, call) => sum + call.costMicroUsd, 0),
  };
}
