import type { ModelCallRecord } from "@troupe/contracts";

/** A call as a store keeps it: an answer of 5 tokens in and 2 out, unless told otherwise. */
export function modelCall(change: Partial<ModelCallRecord> = {}): ModelCallRecord {
  return {
    id: "call-1",
    spaceId: "default",
    agentId: "ana",
    sessionId: "session-1",
    turnId: "turn-1",
    peerId: "peer-1",
    ownerId: "key-1",
    storylineId: undefined,
    model: "offline/guide",
    keyId: undefined,
    purpose: "turn",
    outcome: "ok",
    errorCode: undefined,
    inputTokens: 5,
    cachedInputTokens: 1,
    cacheWriteTokens: 0,
    outputTokens: 2,
    reasoningTokens: 0,
    estimated: false,
    costMicroUsd: 9,
    isPriced: true,
    latencyMs: 30,
    day: "2026-11-20",
    at: 100,
    ...change,
  };
}
