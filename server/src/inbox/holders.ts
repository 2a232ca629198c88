import { type MessageBus, SUBJECTS } from "@troupe/contracts";

/** Which process ran the last turn of a session, as far as this one heard: a hint, for the store decides who runs what. */
export interface Holders {
  of(sessionId: string): string | undefined;
  /** It did not answer. */
  forget(sessionId: string, processId: string): void;
  start(): void;
  stop(): void;
}

const MOST = 50_000;

export function createHolders(bus: Pick<MessageBus, "subscribe">): Holders {
  const bySession = new Map<string, string>();
  let heard: Disposable | undefined;
  return {
    of: (sessionId) => bySession.get(sessionId),
    forget(sessionId, processId) {
      if (bySession.get(sessionId) === processId) bySession.delete(sessionId);
    },
    start() {
      heard ??= bus.subscribe(SUBJECTS.sessionChanged, ({ payload: { sessionId, by } }) => {
        if (typeof sessionId !== "string" || typeof by !== "string") return;
        bySession.delete(sessionId);
        bySession.set(sessionId, by);
        if (bySession.size > MOST)
          for (const oldest of bySession.keys()) {
            bySession.delete(oldest);
            break;
          }
      });
    },
    stop() {
      heard?.[Symbol.dispose]();
      heard = undefined;
    },
  };
}
