import type { FinishReason, ModelCallRecord, ModelEvent } from "@troupe/contracts";

/** How a call of a model is recorded; undefined where its stream had no end. */
export function outcomeOf(end: Extract<ModelEvent, { type: "end" }> | undefined): ModelCallRecord["outcome"] {
  if (end === undefined) return "error";
  return end.reason === "stop" || end.reason === "tool-calls" ? "ok" : end.reason;
}

/** Why the reply of a turn ended, by the last of its calls; undefined where no model wrote it. */
export function finishReasonOf(
  calls: readonly Pick<ModelCallRecord, "purpose" | "outcome">[],
): FinishReason | undefined {
  switch (calls.findLast((call) => call.purpose === "turn")?.outcome) {
    case "ok":
      return "stop";
    case "length":
      return "length";
    case "content-filter":
      return "content-filter";
    default:
      return undefined;
  }
}
