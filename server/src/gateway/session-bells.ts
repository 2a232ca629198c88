import { type MessageBus, SUBJECTS } from "@troupe/contracts";

/** Calls back when somebody wrote to a session, here or in another process. May miss one: whoever listens looks, too. */
export interface SessionBells {
  onSession(sessionId: string, ring: () => void): Disposable;
}

/** One subscription of the bus for all sessions of a face, from the first listener to the last. */
export function createSessionBells(bus: Pick<MessageBus, "subscribe">): SessionBells {
  const listeners = new Map<string, Set<() => void>>();
  let subscription: Disposable | undefined;
  return {
    onSession(sessionId, ring) {
      subscription ??= bus.subscribe(SUBJECTS.sessionChanged, ({ payload }) => {
        for (const one of listeners.get(String(payload.sessionId)) ?? []) one();
      });
      const own = listeners.get(sessionId) ?? new Set();
      listeners.set(sessionId, own.add(ring));
      return {
        [Symbol.dispose]() {
          own.delete(ring);
          if (own.size === 0 && listeners.get(sessionId) === own) listeners.delete(sessionId);
          if (listeners.size > 0) return;
          subscription?.[Symbol.dispose]();
          subscription = undefined;
        },
      };
    },
  };
}
