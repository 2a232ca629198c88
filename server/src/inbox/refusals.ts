import type { AcceptResult, InboundMessage, Principal } from "@troupe/contracts";
import type { Counter } from "../kit/index.ts";
import { detectLanguage, say } from "../kit/index.ts";
import type { InboxDeps, Way } from "./deps.ts";
import { type Draft, sessionIdOf } from "./draft.ts";

export type Refused = Extract<AcceptResult, { kind: "refused" }>;

/** Tells the sender, counts it, and keeps that it happened, without the text. */
export function refuse(
  deps: InboxDeps,
  outcomes: Counter,
  message: InboundMessage,
  principal: Principal,
  refused: Refused,
): Refused {
  outcomes.add(1, { outcome: "refused", code: refused.code });
  const now = deps.clock.now();
  deps.unit.ride([
    deps.inbox.refuse({
      id: deps.ids.next(),
      spaceId: principal.spaceId,
      sessionId: message.sessionKey === undefined ? "" : sessionIdOf(message, principal, message.sessionKey),
      channel: message.channel,
      // Not the platform's id: the same message may come again and be accepted then.
      platformId: undefined,
      requestHash: undefined,
      principalId: principal.id,
      principalKind: principal.kind,
      replyTo: undefined,
      reason: `${refused.code}: ${refused.message}`,
      receivedAt: message.receivedAt,
      acceptedAt: now,
    }),
  ]);
  return refused;
}

export function refuseFull(way: Way, draft: Draft, retryAfterMs: number): AcceptResult {
  const message = say(detectLanguage(draft.text), "refused.admission.full", {
    seconds: Math.ceil(retryAfterMs / 1000),
  });
  return refuse(way.deps, way.outcomes, draft.message, draft.principal, {
    kind: "refused",
    code: "admission.full",
    message,
    retryAfterMs,
  });
}
