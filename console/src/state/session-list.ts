import type { SessionSummary } from "../api/types.ts";
import type { ChatState } from "./chat-state.ts";
import { withSeen } from "./seen.ts";

/** The latest conversations as they were read just now; further ones, read before, stay behind them. */
export function withLatest(
  state: ChatState,
  items: readonly SessionSummary[],
  next: string | undefined,
): ChatState {
  const listed = new Set(items.map(({ id }) => id));
  const oldest = items.at(-1)?.updatedAt ?? 0;
  const further = state.sessions.filter(({ id, updatedAt }) => !listed.has(id) && updatedAt < oldest);
  const hasFurther = next !== undefined && further.length > 0;
  return {
    ...state,
    sessions: hasFurther ? [...items, ...further] : items,
    moreSessions: hasFurther ? state.moreSessions : next,
    // What was there before this browser came is not news.
    seen: state.seen.since === undefined ? { ...state.seen, since: newestOf(items) } : state.seen,
  };
}

function newestOf(items: readonly SessionSummary[]): number {
  return Math.max(0, ...items.map(({ updatedAt }) => updatedAt));
}

export function withFurther(
  state: ChatState,
  items: readonly SessionSummary[],
  next: string | undefined,
): ChatState {
  const known = new Set(state.sessions.map(({ id }) => id));
  const sessions = [...state.sessions, ...items.filter(({ id }) => !known.has(id))];
  return { ...state, sessions, moreSessions: next };
}

/** One conversation as it was made or changed here; a new one stands first and holds no news. */
export function withSession(state: ChatState, session: SessionSummary): ChatState {
  if (state.sessions.some(({ id }) => id === session.id)) {
    return { ...state, sessions: state.sessions.map((one) => (one.id === session.id ? session : one)) };
  }
  const seen = { ...state.seen, sessions: withSeen(state.seen.sessions, session.id, session.lastSeq) };
  return { ...state, sessions: [session, ...state.sessions], seen };
}

export function withoutSession(state: ChatState, sessionId: string): ChatState {
  const { [sessionId]: _, ...threads } = state.threads;
  return { ...state, threads, sessions: state.sessions.filter(({ id }) => id !== sessionId) };
}
