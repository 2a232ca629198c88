import type { Gate, Verdict } from "@troupe/contracts";
import { detectLanguage, type RateLimit, say } from "../kit/index.ts";

const ALLOW: Verdict = { kind: "allow" };

/** An agent never answers itself: its own messages come back on some platforms. */
export function neverAnswerYourself(): Gate {
  return {
    id: "self",
    check: (message) =>
      message.peerId === `agent:${message.agentId}`
        ? { kind: "deny", code: "request.invalid", reason: "An agent does not answer itself." }
        : ALLOW,
  };
}

/** A message without anything in it never reaches a model. Source: feature NR-014. */
export function notEmpty(): Gate {
  return {
    id: "empty",
    check: (message) =>
      message.direct !== undefined ||
      message.parts.some(
        (part) =>
          part.type === "file" ||
          part.type === "tool-result" ||
          (part.type === "text" && part.text.trim() !== ""),
      )
        ? ALLOW
        : { kind: "deny", code: "request.invalid", reason: "The message is empty." },
  };
}

/** So many messages a minute from one peer of one principal. */
export function rateLimited(limit: RateLimit): Gate {
  return {
    id: "rate",
    check(message, principal) {
      const waitMs = limit.take(`${principal.id}/${message.channel}/${message.peerId}`);
      if (waitMs === 0) return ALLOW;
      const text = message.parts.map((part) => (part.type === "text" ? part.text : "")).join(" ");
      return {
        kind: "deny",
        code: "rate.limited",
        reason: say(detectLanguage(text), "refused.rate.limited", { seconds: Math.ceil(waitMs / 1000) }),
        retryAfterMs: waitMs,
      };
    },
  };
}
