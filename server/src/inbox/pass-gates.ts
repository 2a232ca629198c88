import type { Gate, InboundMessage, Logger, Principal } from "@troupe/contracts";
import type { Refused } from "./refusals.ts";

/** A message that no gate denied, as the gates left it. */
export function passGates(
  gates: readonly Gate[],
  original: InboundMessage,
  principal: Principal,
  logger: Logger,
): { readonly kind: "passed"; readonly message: InboundMessage; readonly untilMs: number } | Refused {
  let message = original;
  let untilMs = 0;
  for (const gate of gates) {
    try {
      const verdict = gate.check(message, principal);
      if (verdict.kind === "deny") {
        const { code, reason, retryAfterMs } = verdict;
        return {
          kind: "refused",
          code,
          message: reason,
          ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        };
      }
      if (verdict.kind === "modify") message = verdict.message;
      if (verdict.kind === "defer") untilMs = Math.max(untilMs, verdict.untilMs);
    } catch (error) {
      // No answer means no. Source: design §2 rule 9.
      logger.error("inbox.gate_failed", { gate: gate.id, error });
      return {
        kind: "refused",
        code: "internal",
        message: "The message could not be checked, so it was not accepted.",
      };
    }
  }
  return { kind: "passed", message, untilMs };
}
