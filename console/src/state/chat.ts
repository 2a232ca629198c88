import type { ChatApi } from "../api/chat.ts";
import { followTurn } from "../api/follow.ts";
import { awayProblem, isAway } from "../api/problem.ts";
import type { FilePart, Turn } from "../api/types.ts";
import {
  adoptSession,
  type ChatState,
  changeThread,
  EMPTY_CHAT,
  isNew,
  lastSeq,
  newThread,
  type Outgoing,
  type Thread,
  threadOf,
  withMessages,
  withNewThread,
  withOutgoing,
  withTurns,
} from "./chat-state.ts";
import { createEventBatch, type TakenEvent } from "./event-batch.ts";
import { gathered } from "./gathered.ts";
import { isStillMeant, type Outbox, type Unsent } from "./outbox.ts";
import { type Seen, withSeen } from "./seen.ts";
import { withFurther, withLatest, withoutSession, withSession } from "./session-list.ts";
import { createStore, type Store } from "./store.ts";
import { newLiveTurn, takeEvent } from "./turn-view.ts";

/** Turns whose state is asked for when a conversation is opened; those before are asked for when they are looked at. */
const TURNS_OF_A_PAGE = 100;
const LATEST_TURNS = 5;
const MESSAGES_OF_A_PAGE = 60;
/** While a message is looked for that was said long ago. */
const MESSAGES_OF_A_LEAP = 200;

export interface ChatDeps {
  readonly api: ChatApi;
  /** A key that nothing else has. */
  readonly newKey: () => string;
  readonly now: () => number;
  /** What was seen in this browser before. */
  readonly seen?: Seen;
  /** Messages that a page before this one sent and did not see accepted. */
  readonly outbox?: Outbox;
}

/** All conversations of the page: what is known of them, and what can be done. Lives as long as the page. */
export class Chat {
  readonly store: Store<ChatState>;
  readonly #deps: ChatDeps;
  readonly #life = new AbortController();
  /** Turns that are being followed, so that none is followed twice. */
  readonly #following = new Set<string>();
  /** Messages on their way, so that they can be given up. */
  readonly #sending = new Map<string, AbortController>();
  #hasBegun = false;
  #awayCount = 0;
  /** Something is new. Never rejects: what cannot be read now comes with the next look. */
  readonly refreshSoon: () => Promise<void> = gathered(() => this.refresh(), this.#life.signal);
  readonly #batch = createEventBatch((events) => {
    for (const taken of events) this.#take(taken);
  });

  constructor(deps: ChatDeps) {
    this.#deps = deps;
    this.store = createStore<ChatState>({
      ...EMPTY_CHAT,
      ...(deps.seen === undefined ? {} : { seen: deps.seen }),
    });
  }

  close(): void {
    this.#life.abort(new Error("The page is closed."));
  }

  /** Reads who is there and what was said, at first and now and then. */
  async look(): Promise<void> {
    const [agents] = await Promise.all([this.#deps.api.agents(), this.refresh()]);
    if (!this.#hasBegun) for (const unsent of this.#deps.outbox?.all() ?? []) this.#bringBack(unsent);
    this.#hasBegun = true;
    const isSame = JSON.stringify(this.store.get().agents) === JSON.stringify(agents.items);
    if (!isSame) this.store.update((state) => ({ ...state, agents: agents.items }));
  }

  /** Looks what is new; cheap when nothing is. */
  async refresh(): Promise<void> {
    const { api } = this.#deps;
    const { items, next } = await api.sessions();
    this.store.update((state) => withLatest(state, items, next));
    await this.#catchUpCurrent();
  }

  async loadMoreSessions(): Promise<void> {
    const cursor = this.store.get().moreSessions;
    if (cursor === undefined) return;
    const { items, next } = await this.#deps.api.sessions(cursor);
    this.store.update((state) => withFurther(state, items, next));
  }

  /** Shows an empty conversation with an agent. */
  startNew(agentId: string): void {
    const thread = newThread(agentId, this.#deps.newKey());
    this.store.update((state) => withNewThread(state, thread));
  }

  /** As `startNew`, but goes on with one that was begun before the page was loaded and did not get through yet. */
  resumeNew(agentId: string): void {
    const threads = Object.values(this.store.get().threads).filter(({ id }) => isNew(id));
    const begun = threads.find((one) => one.agentId === agentId && one.outgoing.length > 0);
    if (begun === undefined) this.startNew(agentId);
    else this.store.update((state) => ({ ...state, current: begun.id, inbox: undefined }));
  }

  /** Shows a conversation that is there. */
  open(sessionId: string, focus?: string): void {
    this.store.update((state) => {
      const agentId = state.sessions.find(({ id }) => id === sessionId)?.agentId ?? "";
      const thread = { ...(state.threads[sessionId] ?? threadOf(sessionId, agentId)), focus };
      const threads = { ...state.threads, [sessionId]: thread };
      return { ...state, threads, current: sessionId, inbox: undefined };
    });
    const { load } = this.#thread(sessionId) ?? {};
    if (load === "none" || load === "failed") void this.#load(sessionId);
    else void this.#catchUp(sessionId).catch(() => undefined);
  }

  focusDone(sessionId: string): void {
    this.#change(sessionId, (thread) => ({ ...thread, focus: undefined }));
  }

  /** All that is shown of the current conversation was seen by a person. */
  markSeen(sessionId: string): void {
    const thread = this.#thread(sessionId);
    const listed = this.store.get().sessions.find(({ id }) => id === sessionId)?.lastSeq ?? 0;
    const seq = Math.max(listed, thread === undefined ? 0 : lastSeq(thread));
    this.store.update((state) => {
      const sessions = withSeen(state.seen.sessions, sessionId, seq);
      return sessions === state.seen.sessions ? state : { ...state, seen: { ...state.seen, sessions } };
    });
  }

  /** `onRead`: before what was read is shown. */
  async loadOlder(sessionId: string, onRead?: () => void): Promise<void> {
    const { older, focus } = this.#thread(sessionId) ?? {};
    if (older === undefined) return;
    const limit = focus === undefined ? MESSAGES_OF_A_PAGE : MESSAGES_OF_A_LEAP;
    const { items, next } = await this.#deps.api.latestMessages(sessionId, limit, older);
    onRead?.();
    this.#change(sessionId, (thread) => ({ ...withMessages(thread, items), older: next }));
  }

  async #load(sessionId: string): Promise<void> {
    const { api } = this.#deps;
    this.#change(sessionId, (thread) => ({ ...thread, load: "loading", problem: undefined }));
    try {
      const [session, messages, turns] = await Promise.all([
        api.session(sessionId),
        api.latestMessages(sessionId, MESSAGES_OF_A_PAGE),
        api.turns(sessionId, TURNS_OF_A_PAGE),
      ]);
      // What a branch took over belongs to its parent's turns; the parent may be gone.
      const taken = session.parent === undefined ? [] : await this.#turnsOf(session.parent.sessionId);
      this.#change(sessionId, (thread) => ({
        ...withTurns(withMessages(thread, messages.items), [...taken, ...turns.items]),
        ...{ agentId: session.agentId, title: session.title, load: "ready", older: messages.next },
      }));
      this.#followOpen(sessionId);
    } catch (problem) {
      this.#change(sessionId, (thread) => ({ ...thread, load: "failed", problem }));
    }
  }

  async #turnsOf(sessionId: string): Promise<readonly Turn[]> {
    const none = { items: [] };
    return (await this.#deps.api.turns(sessionId, TURNS_OF_A_PAGE).catch(() => none)).items;
  }

  async #catchUpCurrent(): Promise<void> {
    const { current, sessions } = this.store.get();
    if (current === undefined || isNew(current)) return;
    const thread = this.#thread(current);
    const listed = sessions.find(({ id }) => id === current);
    if (thread?.load === "failed" && isAway(thread.problem)) await this.#load(current);
    else if (thread?.load === "ready" && (listed?.lastSeq ?? 0) > lastSeq(thread))
      await this.#catchUp(current);
  }

  /** Reads what was said since, here or elsewhere, and follows what is being answered. */
  async #catchUp(sessionId: string): Promise<void> {
    const { api } = this.#deps;
    const thread = this.#thread(sessionId);
    // What loads now, or failed to, reads all of it.
    if (thread?.load !== "ready") return;
    const [messages, turns] = await Promise.all([
      api.messagesAfter(sessionId, lastSeq(thread)),
      api.turns(sessionId, LATEST_TURNS),
    ]);
    this.#change(sessionId, (now) => withTurns(withMessages(now, messages.items), turns.items));
    this.#followOpen(sessionId);
  }

  #followOpen(sessionId: string): void {
    for (const { id, state, sessionId: of } of Object.values(this.#thread(sessionId)?.turns ?? {})) {
      if (of !== sessionId) continue;
      if (state === "queued" || state === "running") void this.#follow(sessionId, id);
    }
  }

  /** Sends a message. Resolves when its turn has ended or it was refused; what became of it is in the thread. */
  async send(threadId: string, text: string, files: readonly FilePart[] = []): Promise<void> {
    const { newKey, now } = this.#deps;
    const outgoing: Outgoing = {
      ...{ key: newKey(), text, files, state: "sending", turnId: undefined, problem: undefined, at: now() },
    };
    this.store.update((state) => withOutgoing(state, { threadId, agentId: "" }, outgoing));
    await this.#deliver(threadId, outgoing);
  }

  /** What a page before this one could not send. */
  #bringBack({ threadId, agentId, ...message }: Unsent): void {
    const isFresh = isStillMeant(message, this.#deps.now());
    const outgoing: Outgoing = {
      ...message,
      state: isFresh ? "sending" : "refused",
      turnId: undefined,
      problem: awayProblem(),
    };
    this.store.update((state) => withOutgoing(state, { threadId, agentId }, outgoing));
    if (isFresh) void this.#deliver(threadId, outgoing);
  }

  /** Sends a refused message again, as the same one. */
  async sendAgain(threadId: string, key: string): Promise<void> {
    const outgoing = this.#thread(threadId)?.outgoing.find((one) => one.key === key);
    if (outgoing === undefined) return;
    this.#changeOutgoing(key, { state: "sending", problem: undefined });
    await this.#deliver(threadId, outgoing);
  }

  discard(threadId: string, key: string): void {
    this.#deps.outbox?.remove(key);
    this.#change(threadId, (thread) => ({
      ...thread,
      outgoing: thread.outgoing.filter((one) => one.key !== key),
    }));
  }

  /** Parts a conversation at a message and shows the branch; what the message said can be said there otherwise. */
  async branch(sessionId: string, messageId: string, before: boolean): Promise<string> {
    const session = await this.#deps.api.branch(sessionId, { messageId, before, key: this.#deps.newKey() });
    this.store.update((state) => withSession(state, session));
    this.open(session.id);
    return session.id;
  }

  async rename(sessionId: string, title: string): Promise<void> {
    const session = await this.#deps.api.rename(sessionId, title.trim() === "" ? null : title);
    this.store.update((state) => withSession(state, session));
  }

  async remove(sessionId: string): Promise<void> {
    await this.#deps.api.remove(sessionId);
    const { threads, current, agents } = this.store.get();
    const agentId = threads[sessionId]?.agentId ?? agents[0]?.id ?? "";
    this.store.update((state) => withoutSession(state, sessionId));
    if (current === sessionId) this.startNew(agentId);
  }

  async stop(threadId: string): Promise<void> {
    const thread = this.#thread(threadId);
    const open = Object.values(thread?.live ?? {}).filter(({ end }) => end === undefined);
    for (const { key } of thread?.outgoing ?? []) this.#sending.get(key)?.abort(awayProblem());
    await Promise.all(open.map(({ turnId }) => this.#deps.api.cancel(turnId)));
  }

  async #deliver(threadId: string, { key, text, files, at }: Outgoing): Promise<void> {
    const { api, outbox } = this.#deps;
    const thread = this.#thread(threadId);
    if (thread === undefined || this.#sending.has(key)) return;
    let id = threadId;
    const own = new AbortController();
    const signal = AbortSignal.any([own.signal, this.#life.signal]);
    this.#sending.set(key, own);
    outbox?.put({ key, threadId, agentId: thread.agentId, text, files, at });
    const watched: { turnId?: string } = {};
    try {
      await followTurn({
        send: (using) =>
          isNew(threadId)
            ? api.sendNew(thread.agentId, thread.key, { key, text, files }, using)
            : api.sendTo(threadId, { key, text, files }, using),
        watch: api.events,
        onAccepted: (turnId, sessionId) => {
          this.store.update((state) => adoptSession(state, id, sessionId));
          id = sessionId;
          outbox?.remove(key);
          this.#sending.delete(key);
          this.#changeOutgoing(key, { state: "accepted", turnId });
          // A turn that another stream of this page follows already needs no second one.
          if (this.#following.has(turnId)) own.abort(new Error("It is followed already."));
          else {
            watched.turnId = turnId;
            this.#following.add(turnId);
            this.#showLive(id, turnId);
          }
          void this.refreshSoon();
        },
        onEvent: (event, isFirst) => this.#batch({ threadId: id, event, isFirst }),
        onAway: (away) => this.#away(away),
        signal,
      });
      await this.#ended(id, watched.turnId);
    } catch (problem) {
      if (this.#life.signal.aborted) return;
      if (watched.turnId !== undefined) this.#hideLive(id, watched.turnId);
      else if (this.#sending.has(key)) this.#changeOutgoing(key, { state: "refused", problem });
    } finally {
      this.#sending.delete(key);
      if (watched.turnId !== undefined) this.#following.delete(watched.turnId);
    }
  }

  async #follow(sessionId: string, turnId: string): Promise<void> {
    if (this.#following.has(turnId)) return;
    this.#following.add(turnId);
    this.#showLive(sessionId, turnId);
    try {
      await followTurn({
        turnId,
        watch: this.#deps.api.events,
        onEvent: (event, isFirst) => this.#batch({ threadId: sessionId, event, isFirst }),
        onAway: (away) => this.#away(away),
        signal: this.#life.signal,
      });
      await this.#ended(sessionId, turnId);
    } catch {
      this.#hideLive(sessionId, turnId);
    } finally {
      this.#following.delete(turnId);
    }
  }

  #showLive(sessionId: string, turnId: string): void {
    this.#change(sessionId, (thread) => ({
      ...thread,
      live: { ...thread.live, [turnId]: thread.live[turnId] ?? newLiveTurn(turnId) },
    }));
  }

  /** Aborted, or the turn is gone: nothing of it is shown as running any more. */
  #hideLive(sessionId: string, turnId: string): void {
    this.#change(sessionId, (thread) => {
      const { [turnId]: _, ...live } = thread.live;
      return { ...thread, live };
    });
  }

  #take({ threadId, event, isFirst }: TakenEvent): void {
    const { turnId } = event;
    this.#change(threadId, (thread) => ({
      ...thread,
      live: {
        ...thread.live,
        [turnId]: takeEvent(thread.live[turnId] ?? newLiveTurn(turnId), event, isFirst),
      },
    }));
  }

  /** The kept reply takes the place of what was streamed. Until it is read, the streamed one stays. */
  async #ended(sessionId: string, turnId: string | undefined): Promise<void> {
    if (turnId === undefined) return;
    // What cannot be read now, the next look brings.
    await this.#catchUp(sessionId).catch(() => undefined);
    await this.refreshSoon();
  }

  #away(isGone: boolean): void {
    this.#awayCount = Math.max(0, this.#awayCount + (isGone ? 1 : -1));
    const isAwayNow = this.#awayCount > 0;
    this.store.update((state) => (state.isAway === isAwayNow ? state : { ...state, isAway: isAwayNow }));
  }

  #thread(id: string): Thread | undefined {
    return this.store.get().threads[id];
  }

  #change(id: string, change: (thread: Thread) => Thread): void {
    this.store.update((state) => changeThread(state, id, change));
  }

  /** Wherever it is by now: a new conversation gets its id while further messages to it are on their way. */
  #changeOutgoing(key: string, change: Partial<Outgoing>): void {
    const threads = Object.values(this.store.get().threads);
    const threadId = threads.find(({ outgoing }) => outgoing.some((one) => one.key === key))?.id ?? "";
    this.#change(threadId, (thread) => ({
      ...thread,
      outgoing: thread.outgoing.map((one) => (one.key === key ? { ...one, ...change } : one)),
    }));
  }
}
