import type { SessionSummary } from "../api/types.ts";
import type { Exchange } from "./exchanges.ts";

/**
 * The versions of a conversation that part at an exchange, the eldest first, the shown one among them; none where nothing
 * parts. Messages that a branch took over from its parent have ids that begin with the branch's own.
 */
function versionsAt(
  sessions: readonly SessionSummary[],
  own: SessionSummary,
  exchange: Exchange,
  isFirstOwn: boolean,
): readonly SessionSummary[] {
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

/** The versions by exchange, of those where a conversation parts. */
export function versionsOf(
  sessions: readonly SessionSummary[],
  threadId: string,
  exchanges: readonly Exchange[],
  firstOwn: string | undefined,
): ReadonlyMap<string, readonly SessionSummary[]> {
  const own = sessions.find(({ id }) => id === threadId);
  // Most conversations have no branches, and this is asked for with every word that is written.
  const isParted = own?.parent !== undefined || sessions.some(({ parent }) => parent?.sessionId === threadId);
  if (own === undefined || !isParted) return new Map();
  const versions = exchanges.map(
    (exchange) => [exchange.id, versionsAt(sessions, own, exchange, exchange.id === firstOwn)] as const,
  );
  return new Map(versions.filter(([, found]) => found.length > 0));
}

/** Id of the first exchange that a branch did not take over from its parent. */
export function firstOwnExchange(threadId: string, exchanges: readonly Exchange[]): string | undefined {
  const isTaken = (exchange: Exchange): boolean =>
    exchange.questions.some((one) => one.kind === "kept" && one.message.id.startsWith(`${threadId}.`)) ||
    exchange.reply?.id.startsWith(`${threadId}.`) === true;
  return exchanges.find((exchange) => !isTaken(exchange))?.id;
}
