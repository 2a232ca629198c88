import type { AgentCard, FilePart, Message, SessionSummary, Turn } from "../api/types.ts";
import { NOTHING_SEEN, type Seen } from "./seen.ts";
import type { LiveTurn } from "./turn-view.ts";

/** A message on its way: typed here, not yet read back from the conversation. */
export interface Outgoing {
  readonly key: string;
  readonly text: string;
  readonly files: readonly FilePart[];
  readonly state: "sending" | "accepted" | "refused";
  /** Once accepted. */
  readonly turnId: string | undefined;
  /** What it was refused with. */
  readonly problem: unknown;
  readonly at: number;
}

/** One conversation as far as this page knows it. */
export interface Thread {
  /** The session's id; `new:` and the key while it has none. */
  readonly id: string;
  readonly agentId: string;
  /** Name that a new conversation is begun under. */
  readonly key: string;
  /** As it was read with the conversation; the list knows a newer one, where it has the conversation. */
  readonly title: string;
  readonly load: "none" | "loading" | "ready" | "failed";
  readonly problem: unknown;
  /** In order of `seq`. */
  readonly messages: readonly Message[];
  /** Cursor of the messages before. */
  readonly older: string | undefined;
  readonly turns: Readonly<Record<string, Turn>>;
  readonly live: Readonly<Record<string, LiveTurn>>;
  readonly outgoing: readonly Outgoing[];
  /** The message to bring into view. */
  readonly focus: string | undefined;
}

export interface ChatState {
  readonly agents: readonly AgentCard[];
  readonly sessions: readonly SessionSummary[];
  readonly moreSessions: string | undefined;
  readonly threads: Readonly<Record<string, Thread>>;
  /** Id of the thread that is shown. */
  readonly current: string | undefined;
  /** The inbox is shown instead: this item of it, or empty for the list. */
  readonly inbox: string | undefined;
  readonly isAway: boolean;
  /** Somebody may look at the page now: it is not behind another one. */
  readonly isWatched: boolean;
  readonly seen: Seen;
}

export const EMPTY_CHAT: ChatState = {
  agents: [],
  sessions: [],
  moreSessions: undefined,
  threads: {},
  current: undefined,
  inbox: undefined,
  isAway: false,
  isWatched: true,
  seen: NOTHING_SEEN,
};

export function isNew(threadId: string): boolean {
  return threadId.startsWith("new:");
}

export function newThread(agentId: string, key: string): Thread {
  return { ...threadOf(`new:${key}`, agentId), key, load: "ready" };
}

export function threadOf(id: string, agentId: string): Thread {
  return {
    ...{ id, agentId, key: "", title: "", load: "none", problem: undefined, messages: [], older: undefined },
    ...{ turns: {}, live: {}, outgoing: [], focus: undefined },
  };
}

export function changeThread(state: ChatState, id: string, change: (thread: Thread) => Thread): ChatState {
  const thread = state.threads[id];
  if (thread === undefined) return state;
  return { ...state, threads: { ...state.threads, [id]: change(thread) } };
}

/** Shows an empty conversation. Empty ones that were left are nothing to come back to. */
export function withNewThread(state: ChatState, thread: Thread): ChatState {
  const used = Object.entries(state.threads).filter(
    ([id, { outgoing }]) => !isNew(id) || outgoing.length > 0,
  );
  const threads = { ...Object.fromEntries(used), [thread.id]: thread };
  return { ...state, threads, current: thread.id, inbox: undefined };
}

/** A message is on its way in a conversation, which need not have been shown yet. */
export function withOutgoing(
  state: ChatState,
  { threadId, agentId }: { readonly threadId: string; readonly agentId: string },
  outgoing: Outgoing,
): ChatState {
  const made = isNew(threadId)
    ? newThread(agentId, threadId.slice("new:".length))
    : threadOf(threadId, agentId);
  const thread = state.threads[threadId] ?? made;
  const others = thread.outgoing.filter(({ key }) => key !== outgoing.key);
  return {
    ...state,
    threads: { ...state.threads, [threadId]: { ...thread, outgoing: [...others, outgoing] } },
  };
}

/** A new conversation got its id with its first message. */
export function adoptSession(state: ChatState, from: string, sessionId: string): ChatState {
  const thread = state.threads[from];
  if (thread === undefined || from === sessionId) return state;
  const { [from]: _, ...others } = state.threads;
  return {
    ...state,
    threads: { ...others, [sessionId]: { ...thread, id: sessionId } },
    current: state.current === from ? sessionId : state.current,
  };
}

/** Adds messages that were read, once each and in order; what was typed here and is among them now is on its way no more. */
export function withMessages(thread: Thread, read: readonly Message[]): Thread {
  const known = new Map([...thread.messages, ...read].map((message) => [message.id, message]));
  const messages = [...known.values()].toSorted((a, b) => a.seq - b.seq);
  const kept = new Set(messages.filter(({ role }) => role === "user").map(({ turnId }) => turnId));
  const answered = new Set(messages.filter(({ role }) => role !== "user").map(({ turnId }) => turnId));
  // What is kept ends a turn, also where the line that told of it died before its end.
  const live = Object.fromEntries(Object.entries(thread.live).filter(([turnId]) => !answered.has(turnId)));
  const outgoing = thread.outgoing.filter(({ turnId }) => turnId === undefined || !kept.has(turnId));
  return { ...thread, messages, live, outgoing };
}

export function withTurns(thread: Thread, turns: readonly Turn[]): Thread {
  return {
    ...thread,
    turns: { ...thread.turns, ...Object.fromEntries(turns.map((turn) => [turn.id, turn])) },
  };
}

export function lastSeq(thread: Thread): number {
  return thread.messages.at(-1)?.seq ?? 0;
}

export function isUnread(state: ChatState, session: SessionSummary): boolean {
  const { since = 0, sessions } = state.seen;
  if (session.id === state.current && state.inbox === undefined && state.isWatched) return false;
  return session.updatedAt > since && session.lastSeq > (sessions[session.id] ?? 0);
}

/** Whether an answer is being written in it. */
export function isBusy(thread: Thread | undefined): boolean {
  if (thread === undefined) return false;
  return (
    Object.values(thread.live).some(({ end }) => end === undefined) ||
    // Accepted, and nothing of its turn has come yet.
    thread.outgoing.some(
      ({ state, turnId }) =>
        state === "sending" || (turnId !== undefined && thread.live[turnId] === undefined),
    )
  );
}

const LONGEST_TITLE = 80;

/** What a conversation is called: its title, and before it has one what was asked first; empty where nothing is known. */
export function titleOf(state: ChatState, threadId: string): string {
  const title = state.sessions.find(({ id }) => id === threadId)?.title ?? "";
  if (title !== "") return title;
  const thread = state.threads[threadId];
  if (thread === undefined || thread.title !== "") return thread?.title ?? "";
  if (thread.older !== undefined) return "";
  const [first] = thread.messages;
  const text = first?.parts.find((part) => part.type === "text");
  const asked = text?.type === "text" ? text.text : (thread.outgoing[0]?.text ?? "");
  return asked.replace(/\s+/g, " ").trim().slice(0, LONGEST_TITLE);
}
