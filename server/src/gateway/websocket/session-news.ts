import type { Principal } from "@troupe/contracts";
import type { Face } from "../face.ts";

/** Sessions whose owner a connection remembers, and those that it asks for at one time. */
const MOST_KNOWN = 1_024;
const MOST_ASKED = 64;

/**
 * Tells a connection which of its principal's own sessions something was kept in, without what: for a list that is to be
 * read anew. Bells of sessions past the bound are let go: whoever listens looks by itself now and then.
 */
export class SessionNews {
  readonly #face: Face;
  readonly #principal: Principal;
  readonly #tell: (sessionId: string) => void;
  readonly #isOwn = new Map<string, boolean>();
  readonly #asked = new Set<string>();
  readonly #bell: Disposable;

  constructor(face: Face, principal: Principal, tell: (sessionId: string) => void) {
    this.#face = face;
    this.#principal = principal;
    this.#tell = tell;
    this.#bell = face.bells.onAny((sessionId) => this.#ring(sessionId));
  }

  stop(): void {
    this.#bell[Symbol.dispose]();
  }

  #ring(sessionId: string): void {
    const isOwn = this.#isOwn.get(sessionId);
    if (isOwn === true) this.#tell(sessionId);
    if (isOwn !== undefined || this.#asked.has(sessionId) || this.#asked.size >= MOST_ASKED) return;
    this.#asked.add(sessionId);
    void this.#ask(sessionId).finally(() => this.#asked.delete(sessionId));
  }

  /** Never rejects: a session that cannot be read now is asked for at its next bell. */
  async #ask(sessionId: string): Promise<void> {
    const { id, spaceId } = this.#principal;
    try {
      const session = await this.#face.deps.stores.sessions.get(sessionId, this.#face.lifetime);
      const isOwn = session?.ownerId === id && session.spaceId === spaceId;
      this.#isOwn.set(sessionId, isOwn);
      const oldest = this.#isOwn.keys().next();
      if (this.#isOwn.size > MOST_KNOWN && oldest.done !== true) this.#isOwn.delete(oldest.value);
      if (isOwn) this.#tell(sessionId);
    } catch (error) {
      this.#face.deps.logger.warn("gateway.session_unreadable", { sessionId, error });
    }
  }
}
