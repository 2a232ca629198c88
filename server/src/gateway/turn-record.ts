import type { CallOptions, Message, Principal, Session, Turn, TurnEvent } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { FaceStores } from "./deps.ts";

type RecordStores = Pick<FaceStores, "turns" | "sessions">;

/** Pages of messages that are looked through for a reply; a turn's reply follows it closely. */
const MOST_PAGES = 10;

/** How a turn ended, read from what is kept, in the form of its last live event; undefined while it has not ended. */
export async function endOfTurn(
  stores: RecordStores,
  turnId: string,
  options: CallOptions,
): Promise<TurnEvent | undefined> {
  const turn = await stores.turns.get(turnId, options);
  if (turn === undefined || turn.state === "queued" || turn.state === "running") return undefined;
  const reply = await replyOf(stores, turn, options);
  return {
    type: "end",
    turnId,
    attempt: turn.attempt,
    n: 0,
    state: turn.state,
    ...(reply === undefined ? {} : { messageId: reply.id }),
    text: reply === undefined ? "" : replyText(reply),
    usage: turn.usage,
    costUsd: turn.costMicroUsd / 1_000_000,
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

/** The turn with its session, when the principal may see it. Throws `request.not_found` else. */
export async function visibleTurn(
  stores: RecordStores,
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
