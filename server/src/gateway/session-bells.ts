import { type MessageBus, SUBJECTS } from "@troupe/contracts";

/** Calls back when something was kept in a session, here or in another process. May miss one: whoever listens looks, too. */
export interface SessionBells {
  onSession(sessionId: string, ring: () => void): Disposable;
  /** Whatever session it is. */
  onAny(ring: (sessionId: string) => void): Disposable;
}

/** One subscription of the bus for all sessions of a face, from the first listener to the last. */
export function createSessionBells(bus: Pick<MessageBus, "subscribe">): SessionBells {
  const listeners = new Map<string, Set<() => void>>();
  const ofAny = new Set<{ readonly ring: (sessionId: string) => void }>();
  let subscription: Disposable | undefined;
  const begin = (): void => {
    subscription ??= bus.subscribe(SUBJECTS.sessionChanged, ({ payload }) => {
      const sessionId = String(payload.sessionId);
      for (const one of listeners.get(sessionId) ?? []) one();
      for (const { ring } of ofAny) ring(sessionId);
    });
  };
  const endUnused = (): void => {
    if (listeners.size > 0 || ofAny.size > 0) return;
    subscription?.[Symbol.dispose]();
    subscription = undefined;
  };
  return {
    onSession(sessionId, ring) {
      begin();
      const own = listeners.get(sessionId) ?? new Set();
      listeners.set(sessionId, own.add(ring));
      return {
        [Symbol.dispose]() {
          own.delete(ring);
          if (own.size === 0 && listeners.get(sessionId) === own) listeners.delete(sessionId);
          endUnused();
        },
      };
    },
    onAny(ring) {
      begin();
      const own = { ring };
      ofAny.add(own);
      return {
        [Symbol.dispose]() {
          ofAny.delete(own);
          endUnused();
        },
      };
    },
  };
}
