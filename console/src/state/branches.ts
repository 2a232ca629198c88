import type { SessionSummary } from "../api/types.ts";
import type { ChatState, Thread } from "./chat-state.ts";
import type { Exchange } from "./exchanges.ts";

/**
 * The versions of a conversation that part at an exchange, the eldest first, the shown one among them; none where nothing
 * parts. Messages that a branch took over from its parent have ids that begin with the branch's own.
 */
export function versionsAt(
  state: Pick<ChatState, "sessions">,
  thread: Thread,
  exchange: Exchange,
  isFirstOwn: boolean,
): readonly SessionSummary[] {
  const { sessions } = state;
  const own = sessions.find(({ id }) => id === thread.id);
  if (own === undefined) return [];
  if (isFirstOwn && own.parent !== undefined) {
    const { sessionId, messageId } = own.parent;
    const siblings = sessions.filter(
      ({ parent }) => parent?.sessionId === sessionId && parent.messageId === messageId,
    );
    const parent = sessions.filter(({ id }) => id === sessionId);
    return [...parent, ...byAge(siblings)];
  }
  const ids = new Set(exchange.questions.flatMap((one) => (one.kind === "kept" ? [one.message.id] : [])));
  if (exchange.reply !== undefined) ids.add(exchange.reply.id);
  const children = sessions.filter(({ parent }) => parent?.sessionId === own.id && ids.has(parent.messageId));
  return children.length === 0 ? [] : [own, ...byAge(children)];
}

function byAge(sessions: readonly SessionSummary[]): readonly SessionSummary[] {
  return sessions.toSorted((a, b) => a.createdAt - b.createdAt);
}

/** Id of the first exchange that a branch did not take over from its parent. */
export function firstOwnExchange(thread: Thread, exchanges: readonly Exchange[]): string | undefined {
  const isTaken = (exchange: Exchange): boolean =>
    exchange.questions.some((one) => one.kind === "kept" && one.message.id.startsWith(`${thread.id}.`)) ||
    exchange.reply?.id.startsWith(`${thread.id}.`) === true;
  return exchanges.find((exchange) => !isTaken(exchange))?.id;
}
