import type { Message, Session, Turn } from "@troupe/contracts";
import type { Face } from "../face.ts";
import type { Seen } from "./frames.ts";

/** What a subscription needs of its connection. */
export interface SessionLines {
  tell(message: Message): void;
  /** Begins to listen to a running turn, unless the connection does already; the result opens it. */
  attach(turn: Turn, seen: Seen | undefined): (() => void) | undefined;
  /** Resolves when the client has taken enough of what was sent. */
  drained(): Promise<void>;
}

const PAGE = 100;

/**
 * One session, told to one connection: what is kept after the cursor, in the order of `seq`, and the events of every turn
 * that runs in it. It reads anew whenever the session's doorbell rings or a turn of it ends; one reading at a time.
 */
export class SessionWatch {
  readonly #face: Face;
  readonly #session: Session;
  readonly #lines: SessionLines;
  readonly #seen: Map<string, Seen>;
  #cursor: number;
  #isDirty = false;
  #isStopped = false;
  #reading: Promise<void> | undefined;

  constructor(
    face: Face,
    session: Session,
    lines: SessionLines,
    from: { readonly after: number | undefined; readonly turns: ReadonlyMap<string, Seen> },
  ) {
    this.#face = face;
    this.#session = session;
    this.#lines = lines;
    this.#cursor = from.after ?? session.lastSeq;
    this.#seen = new Map(from.turns);
  }

  /** Everything up to here was told. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Resolves when all that is kept by now was told. Never rejects. */
  read(): Promise<void> {
    this.#isDirty = true;
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #readAll(): Promise<void> {
    try {
      while (this.#isDirty && !this.#isStopped) {
        this.#isDirty = false;
        await this.#readOnce();
      }
    } catch (error) {
      // The next doorbell or heartbeat reads it.
      this.#face.deps.logger.warn("gateway.session_unreadable", { sessionId: this.#session.id, error });
    }
  }

  /** Listens first and reads then: a turn that ends in between tells so. Its events follow its messages. */
  async #readOnce(): Promise<void> {
    const { stores } = this.#face.deps;
    const { spaceId, id: sessionId } = this.#session;
    const turns = await stores.turns.list(
      { spaceId, sessionId, states: ["queued", "running"] },
      this.#face.lifetime,
    );
    if (this.#isStopped) return;
    const opening = turns.items.map((turn) => {
      const seen = this.#seen.get(turn.id);
      this.#seen.delete(turn.id);
      return this.#lines.attach(turn, seen);
    });
    try {
      await this.#tellMessages(sessionId);
    } finally {
      // Also where the messages cannot be read just now: a turn that is not opened is never told, not even its end.
      for (const open of opening) open?.();
    }
  }

  async #tellMessages(sessionId: string): Promise<void> {
    for (;;) {
      const query = { sessionId, cursor: String(this.#cursor), limit: PAGE };
      const page = await this.#face.deps.stores.sessions.messages(query, this.#face.lifetime);
      for (const message of page.items) {
        if (this.#isStopped) return;
        await this.#lines.drained();
        this.#cursor = message.seq;
        this.#lines.tell(message);
      }
      if (page.next === undefined || page.items.length === 0) return;
    }
  }
}
