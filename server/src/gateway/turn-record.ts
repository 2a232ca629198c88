import type { CallOptions, Message, Principal, Session, Storyline, Turn, TurnEvent } from "@troupe/contracts";
import { openCallsOf, TroupeError } from "@troupe/contracts";
import { finishReasonOf, isKnownToAll } from "../kit/index.ts";
import type { FaceStores } from "./deps.ts";
import type { Failure } from "./reply.ts";
import type { TurnEnd } from "./turn-follower.ts";

type RecordStores = Pick<FaceStores, "turns" | "sessions" | "ledger">;

/** Pages of messages that are looked through for a reply; a turn's reply follows it closely. */
const MOST_PAGES = 10;

/** Behind every live event of its attempt, and the name of none of them. */
const AFTER_ALL = Number.MAX_SAFE_INTEGER;

/** How a turn ended, read from what is kept, in the form of its last live event; undefined while it has not ended. */
export async function endOfTurn(
  stores: RecordStores,
  turnId: string,
  options: CallOptions,
): Promise<TurnEvent | undefined> {
  const turn = await stores.turns.get(turnId, options);
  if (turn === undefined || turn.state === "queued" || turn.state === "running") return undefined;
  const [reply, calls] = await Promise.all([
    replyOf(stores, turn, options),
    turn.state === "replied" ? stores.ledger.callsOfTurn(turnId, options) : [],
  ]);
  const open = turn.state === "replied" && reply !== undefined ? openCallsOf(reply.parts) : [];
  const finishReason = open.length > 0 ? "tool-calls" : finishReasonOf(calls);
  return {
    type: "end",
    turnId,
    attempt: turn.attempt,
    n: AFTER_ALL,
    state: turn.state,
    ...(reply === undefined ? {} : { messageId: reply.id, seq: reply.seq }),
    text: reply === undefined ? "" : replyText(reply),
    usage: turn.usage,
    costUsd: turn.costMicroUsd / 1_000_000,
    ...(finishReason === undefined ? {} : { finishReason }),
    ...(open.length === 0 ? {} : { calls: open }),
    ...(turn.error === undefined ? {} : { error: turn.error }),
  };
}

/** What the steps of a turn said, parted as the live events part it. */
function replyText(reply: Message): string {
  return reply.parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n\n");
}

/** What a turn answered: its reply, or the notice about why there is none. */
export async function replyOf(
  stores: Pick<FaceStores, "sessions">,
  turn: Turn,
  options: CallOptions,
): Promise<Message | undefined> {
  let cursor: string | undefined = String(turn.turnSeq);
  for (let page = 0; page < MOST_PAGES && cursor !== undefined; page++) {
    const found = await stores.sessions.messages({ sessionId: turn.sessionId, cursor }, options);
    const reply = found.items.find((message) => message.turnId === turn.id && message.role !== "user");
    if (reply !== undefined) return reply;
    cursor = found.next;
  }
  return undefined;
}

/** The session, when the principal may see it. Throws `request.not_found` else: nobody learns what others have. */
export async function visibleSession(
  stores: Pick<FaceStores, "sessions">,
  sessionId: string,
  principal: Principal,
  options: CallOptions,
): Promise<Session> {
  const session = await stores.sessions.get(sessionId, options);
  if (session === undefined || !maySee(session, principal)) {
    throw new TroupeError(`There is no session "${sessionId.slice(0, 64)}".`, { code: "request.not_found" });
  }
  return session;
}

/** The session as answers show it: by its name or its storyline's title. */
export async function shownSession(
  stores: Pick<FaceStores, "sessions" | "storylines">,
  sessionId: string,
  principal: Principal,
  options: CallOptions,
): Promise<Session & { readonly title: string; readonly storyline: Storyline | null }> {
  const session = await visibleSession(stores, sessionId, principal, options);
  const storyline = (await shownStoryline(stores, session, principal, options)) ?? null;
  return { ...session, title: session.name ?? storyline?.title ?? "", storyline };
}

/**
 * The storyline that a session began with, where all who read the session may know its title and summary: turns of others may have
 * been placed in it. An operator sees it anyway.
 */
export async function shownStoryline(
  { storylines }: Pick<FaceStores, "storylines">,
  session: Session,
  principal: Principal,
  options: CallOptions,
): Promise<Storyline | undefined> {
  const storyline = await storylines.ofSession(session.id, options);
  if (storyline === undefined || isOperator(principal)) return storyline;
  return isKnownToAll(storyline.audience, session.audience) ? storyline : undefined;
}

/** The turn with its session, when the principal may see it. Throws `request.not_found` else. */
export async function visibleTurn(
  stores: Pick<FaceStores, "turns" | "sessions">,
  turnId: string,
  principal: Principal,
  options: CallOptions,
): Promise<{ readonly turn: Turn; readonly session: Session }> {
  const turn = await stores.turns.get(turnId, options);
  const session = turn === undefined ? undefined : await stores.sessions.get(turn.sessionId, options);
  if (turn === undefined || session === undefined || !maySee(session, principal)) {
    throw new TroupeError(`There is no turn "${turnId.slice(0, 64)}".`, { code: "request.not_found" });
  }
  return { turn, session };
}

function maySee(session: Session, principal: Principal): boolean {
  if (session.spaceId !== principal.spaceId) return false;
  return isOperator(principal) || session.ownerId === principal.id;
}

export function isOperator(principal: Principal): boolean {
  return principal.kind === "operator" || principal.kind === "system";
}

/** Why a turn that ended has no reply. */
export function failureOfEnd(end: TurnEnd): Failure {
  const code = end.error?.code ?? (end.state === "cancelled" ? "turn.cancelled" : "turn.failed");
  const message =
    end.error?.message ?? (end.state === "cancelled" ? "The turn was cancelled." : "The turn failed.");
  // Troupe has tried again and elsewhere by itself; the same message would run a second turn.
  return { code, message: `${message} (turn ${end.turnId})`, turnId: end.turnId, isFinal: true };
}
