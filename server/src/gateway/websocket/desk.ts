import type { Message, Principal, Turn, TurnEvent } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { enterTurn } from "../enter-turn.ts";
import type { Face } from "../face.ts";
import { inboundOf } from "../message-inbound.ts";
import { inboxOwnersOf } from "../routes/inbox.ts";
import type { TurnEnd } from "../turn-follower.ts";
import { endOfTurn, visibleSession, visibleTurn } from "../turn-record.ts";
import type { ClientFrame, Seen, ServerFrame } from "./frames.ts";
import { SessionNews } from "./session-news.ts";
import { SessionWatch } from "./session-watch.ts";
import { TurnWatch, type WatchedTurn, type WatchLines } from "./turn-watch.ts";

type Frame<Type extends ClientFrame["type"]> = Extract<ClientFrame, { readonly type: Type }>;

/** Where the answers go. */
interface Out {
  send(frame: ServerFrame): void;
  /** Resolves when the client has taken enough of what was sent. */
  drained(): Promise<void>;
}

/** Beats after which a session is read without having been rung for. */
const QUIET_BEATS = 4;

/** What a connection asks for once it is known whose it is: messages in, sessions and turns out, each told once. */
export class Desk implements WatchLines {
  readonly #face: Face;
  readonly #principal: Principal;
  readonly #out: Out;
  readonly #turns = new Map<string, { readonly stop: () => void }>();
  readonly #sessions = new Map<string, { readonly watch: SessionWatch; readonly bell: Disposable }>();
  /** Messages of one session are handed over one after the other, in the order they came. */
  readonly #sending = new Map<string, Promise<void>>();
  #news: SessionNews | undefined;
  #mail: Disposable | undefined;
  #beats = 0;
  #isClosed = false;

  constructor(face: Face, principal: Principal, out: Out) {
    this.#face = face;
    this.#principal = principal;
    this.#out = out;
  }

  /** Rejects with what the client did wrong. */
  async handle(frame: Exclude<ClientFrame, { readonly type: "hello" | "ping" }>): Promise<void> {
    // A frame that asks for something is a request, whatever carries it; the operator's own socket has no limit.
    if (this.#face.channel === "api") this.#face.rates.ofKey(this.#principal);
    switch (frame.type) {
      case "send":
        return this.#sendInOrder(frame);
      case "subscribe":
        return this.#subscribe(frame);
      case "watch":
        return this.#watch(frame);
      case "listen":
        this.#listen();
        return this.send({ type: "listening", id: frame.id });
      case "cancel":
        return this.#cancel(frame);
      case "unsubscribe":
        this.#endSession(frame.session);
        this.send({ type: "unsubscribed", id: frame.id, sessionId: frame.session });
    }
  }

  #listen(): void {
    const { ownerIds } = inboxOwnersOf(this.#principal);
    this.#news ??= new SessionNews(this.#face, this.#principal, (sessionId) =>
      this.send({ type: "changed", sessionId }),
    );
    this.#mail ??= this.#face.inboxBells.onInbox(ownerIds, () => this.send({ type: "inbox" }));
  }

  /** At a slow beat: a doorbell may have been lost. */
  tick(): void {
    this.#beats += 1;
    if (this.#beats % QUIET_BEATS !== 0) return;
    for (const { watch } of this.#sessions.values()) void watch.read();
  }

  close(): void {
    this.#isClosed = true;
    this.#news?.stop();
    this.#mail?.[Symbol.dispose]();
    for (const sessionId of [...this.#sessions.keys()]) this.#endSession(sessionId);
    for (const turnId of [...this.#turns.keys()]) this.#forget(turnId);
  }

  send(frame: ServerFrame): void {
    this.#out.send(frame);
  }

  cursorOf(sessionId: string): number | undefined {
    return this.#sessions.get(sessionId)?.watch.cursor;
  }

  ended(at: WatchedTurn, end: TurnEnd): void {
    this.#forget(at.turnId);
    const { sessionId, seq } = at;
    const told = this.#sessions.get(sessionId)?.watch.read() ?? Promise.resolve();
    void told.then(() => this.#tell(sessionId, seq, end));
  }

  #tell(sessionId: string, turnSeq: number, event: TurnEvent): void {
    const own = event.type === "end" ? event.seq : undefined;
    const seq = this.cursorOf(sessionId) ?? own ?? turnSeq;
    this.send({ type: "event", sessionId, seq, event });
  }

  #forget(turnId: string): void {
    this.#turns.get(turnId)?.stop();
    this.#turns.delete(turnId);
  }

  #endSession(sessionId: string): void {
    const known = this.#sessions.get(sessionId);
    known?.watch.stop();
    known?.bell[Symbol.dispose]();
    this.#sessions.delete(sessionId);
  }

  #isFull(): boolean {
    return this.#turns.size + this.#sessions.size >= this.#face.limits.watchesPerSocket;
  }

  #refuseFull(): void {
    if (!this.#isFull()) return;
    const most = this.#face.limits.watchesPerSocket;
    const message = `One WebSocket watches at most ${most} sessions and turns. Unsubscribe from some, or open another.`;
    throw new TroupeError(message, { code: "request.conflict" });
  }

  async #sendInOrder(frame: Frame<"send">): Promise<void> {
    const { session } = frame.message;
    if (session === undefined) return this.#enter(frame);
    const line = `${frame.agent}\n${session}`;
    const mine = (this.#sending.get(line) ?? Promise.resolve()).then(() => this.#enter(frame));
    const settled = mine.catch(() => undefined);
    this.#sending.set(line, settled);
    try {
      await mine;
    } finally {
      if (this.#sending.get(line) === settled) this.#sending.delete(line);
    }
  }

  async #enter(frame: Frame<"send">): Promise<void> {
    if (frame.watch) this.#refuseFull();
    const message = inboundOf(this.#face, this.#principal, {
      agentId: frame.agent,
      request: frame.message,
      receivedAt: this.#face.deps.clock.now(),
      platformId: frame.id,
      hashed: `ws\n${frame.agent}\n${JSON.stringify(frame.message)}`,
    });
    const waiting = await enterTurn(this.#face, this.#principal, message, () => new TurnWatch(this));
    const { entered, sink } = waiting;
    const { turnId, sessionId } = entered;
    if (entered.kind === "accepted") {
      const { kind: _, ...told } = entered;
      this.send({ type: "accepted", id: frame.id, ...told });
    } else this.send({ type: "joined", id: frame.id, turnId, sessionId, state: entered.state });
    if (!frame.watch || this.#isClosed || this.#turns.has(turnId)) return waiting.letGo();
    this.#turns.set(turnId, { stop: () => waiting.letGo() });
    if (entered.kind === "accepted") sink.open({ turnId, sessionId, seq: entered.seq });
    else sink.open({ turnId, sessionId, seq: 0 }, { seen: undefined });
    waiting.begin();
  }

  async #subscribe(frame: Frame<"subscribe">): Promise<void> {
    const { deps, lifetime, bells } = this.#face;
    const session = await visibleSession(deps.stores, frame.session, this.#principal, lifetime);
    // It left while its session was looked up: nobody would stop the watch.
    if (this.#isClosed) return;
    const { id: sessionId } = session;
    // Asking again begins anew, from where the client says that it is.
    this.#endSession(sessionId);
    this.#refuseFull();
    const lines = {
      tell: (message: Message) => this.send({ type: "message", sessionId, seq: message.seq, message }),
      attach: (turn: Turn, seen: Seen | undefined) => this.#attach(turn, seen),
      drained: () => this.#out.drained(),
    };
    const watch = new SessionWatch(this.#face, session, lines, frame);
    const bell = bells.onSession(sessionId, () => void watch.read());
    this.#sessions.set(sessionId, { watch, bell });
    await watch.read();
    for (const turnId of frame.turns.keys()) await this.#tellKeptEnd(turnId, sessionId);
    this.send({ type: "subscribed", id: frame.id, sessionId, seq: watch.cursor });
  }

  /** Of a turn that ended while the client was away; nothing of one that runs, or is not of this session. */
  async #tellKeptEnd(turnId: string, sessionId: string): Promise<void> {
    if (this.#turns.has(turnId)) return;
    const { deps, lifetime } = this.#face;
    const turn = await deps.stores.turns.get(turnId, lifetime);
    if (turn?.sessionId !== sessionId) return;
    const event = await endOfTurn(deps.stores, turnId, lifetime);
    if (event !== undefined) this.#tell(sessionId, turn.turnSeq, event);
  }

  async #watch(frame: Frame<"watch">): Promise<void> {
    const { deps, lifetime } = this.#face;
    const { turn } = await visibleTurn(deps.stores, frame.turn, this.#principal, lifetime);
    const { id: turnId, sessionId, turnSeq } = turn;
    this.#refuseFull();
    const open = this.#attach(turn, frame.seen);
    this.send({ type: "watching", id: frame.id, turnId, sessionId });
    if (open === undefined) return;
    // Listens first and reads then: an end that fell in between is in the record.
    try {
      const event = await endOfTurn(deps.stores, turnId, lifetime);
      if (event === undefined) return open();
      this.#forget(turnId);
      this.#tell(sessionId, turnSeq, event);
    } catch (error) {
      // Half open it would hold the turn's events for ever, and a second asking would find it there.
      this.#forget(turnId);
      throw error;
    }
  }

  /** Listens to a turn that runs or waits already; the result opens it. Undefined where this is done already. */
  #attach(turn: Turn, seen: Seen | undefined): (() => void) | undefined {
    const { id: turnId, sessionId, turnSeq } = turn;
    if (this.#isClosed || this.#turns.has(turnId) || this.#isFull()) return undefined;
    const watch = new TurnWatch(this);
    const follower = this.#face.follower(watch);
    const feed = this.#face.deps.feed.subscribe(turnId, follower.listener);
    const stop = (): void => {
      feed[Symbol.dispose]();
      follower.stop();
    };
    this.#turns.set(turnId, { stop });
    follower.follow(turnId);
    return () => watch.open({ turnId, sessionId, seq: turnSeq }, { seen });
  }

  async #cancel(frame: Frame<"cancel">): Promise<void> {
    const { deps, lifetime } = this.#face;
    const { turn } = await visibleTurn(deps.stores, frame.turn, this.#principal, lifetime);
    const reason = `asked for by ${this.#principal.kind} ${this.#principal.id}`;
    const { kind, state } = await deps.control.cancel(turn.id, { reason, tree: true }, lifetime);
    this.send({ type: "cancelled", id: frame.id, turnId: turn.id, result: kind, state });
  }
}
