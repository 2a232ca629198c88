import type { AcceptResult, CallOptions, InboundMessage, InboundRecord, Principal } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { Counter } from "../kit/index.ts";
import type { InboxDeps, Way } from "./deps.ts";
import type { Draft } from "./draft.ts";

/** A client's retry joins a turn that began so long ago at most. Source: design §8, HTTP. */
const RETRY_JOIN_MS = 10 * 60_000;

/** The message that a client's retry repeats, if we have it. */
export async function findRetry(
  deps: InboxDeps,
  message: InboundMessage,
  principal: Principal,
  options: CallOptions,
): Promise<InboundRecord | undefined> {
  if (message.isRetry !== true || message.requestHash === undefined) return undefined;
  const by = {
    spaceId: principal.spaceId,
    principalId: principal.id,
    requestHash: message.requestHash,
    since: deps.clock.now() - RETRY_JOIN_MS,
  };
  return deps.inbox.find(by, options);
}

/** A message whose id is known: its turn, or a refusal when the id was used for another request. */
export async function joinKnown(way: Way, draft: Draft, options: CallOptions): Promise<AcceptResult> {
  const { deps } = way;
  const { channel, platformId, requestHash } = draft.message;
  const by = {
    spaceId: draft.principal.spaceId,
    principalId: draft.principal.id,
    channel,
    platformId: platformId ?? "",
  };
  const known = await deps.inbox.find(by, options);
  if (known === undefined)
    throw new TroupeError("A known message could not be found again. Try once more.", {
      code: "store.failed",
      retryable: true,
    });
  if (requestHash !== undefined && known.requestHash !== undefined && known.requestHash !== requestHash) {
    return {
      kind: "refused",
      code: "request.conflict",
      message: "This idempotency key was used for another request. Use a new key.",
    };
  }
  return duplicateOf(deps, way.outcomes, known, draft.message, options);
}

export async function duplicateOf(
  deps: InboxDeps,
  outcomes: Counter,
  known: { readonly turnId: string; readonly sessionId: string },
  message: InboundMessage,
  options: CallOptions,
): Promise<AcceptResult> {
  outcomes.add(1, { outcome: "duplicate" });
  // Watch first, read then: an end that falls in between is in the record.
  const watch = message.watch === undefined ? undefined : deps.feed.subscribe(known.turnId, message.watch);
  const turn = await deps.turns.get(known.turnId, options).catch((error: unknown) => {
    watch?.[Symbol.dispose]();
    throw error;
  });
  const isOpen = turn?.state === "queued" || turn?.state === "running";
  // Of an ended turn nothing more is told, and a watch on it would stay for good.
  if (!isOpen) watch?.[Symbol.dispose]();
  if (turn === undefined)
    throw new TroupeError("The turn of a known message is gone.", { code: "request.not_found" });
  return { kind: "duplicate", turnId: known.turnId, sessionId: known.sessionId, state: turn.state };
}
