/** For the tests of this folder alone: what `fixtures.ts` keeps in memory, behind the ports that the faces read. */
import type {
  Effect,
  InboundRecord,
  KeyRecord,
  Message,
  ModelCallRecord,
  Session,
  SessionSummary,
  Turn,
  TurnEvent,
  TurnListener,
  TurnState,
  Write,
} from "@troupe/contracts";
import type { FaceDeps } from "./deps.ts";

export interface Kept {
  readonly turns: Map<string, Turn>;
  readonly sessions: Map<string, Session>;
  readonly messages: Message[];
  readonly inbound: InboundRecord[];
  readonly keys: Map<string, KeyRecord>;
  readonly listeners: Map<string, Set<TurnListener>>;
  readonly live: Map<string, TurnEvent[]>;
}

export function createKept(): Kept {
  return {
    turns: new Map(),
    sessions: new Map(),
    messages: [],
    inbound: [],
    keys: new Map(),
    listeners: new Map(),
    live: new Map(),
  };
}

type Doing = Write<never> & { readonly apply: () => void };
const doing = <Result>(apply: () => void): Write<Result> => ({ apply }) as Doing as unknown as Write<Result>;

export function publish(kept: Kept, event: TurnEvent): void {
  const live = kept.live.get(event.turnId) ?? [];
  kept.live.set(event.turnId, event.type === "attempt-start" ? [event] : [...live, event]);
  if (event.type === "end") kept.live.delete(event.turnId);
  for (const listener of kept.listeners.get(event.turnId) ?? []) listener(event);
}

export function subscribe(kept: Kept, turnId: string, listener: TurnListener): Disposable {
  const listeners = kept.listeners.get(turnId) ?? new Set();
  kept.listeners.set(turnId, listeners.add(listener));
  for (const event of kept.live.get(turnId) ?? []) listener(event);
  return { [Symbol.dispose]: () => void listeners.delete(listener) };
}

export function fakeStores(kept: Kept, onKeyLookup: () => void): FaceDeps["stores"] {
  const summaries = (): SessionSummary[] =>
    [...kept.sessions.values()].map((session) => ({ ...session, title: "", turns: 1 }));
  const stores = {
    unit: {
      commit: async (writes: readonly Write<unknown>[]) => {
        for (const write of writes) (write as unknown as Doing).apply();
        return { read: () => undefined as never };
      },
    },
    sessions: {
      get: async (id: string) => kept.sessions.get(id),
      list: async (query: { ownerId?: string; agentId?: string; includeStateless?: boolean }) => ({
        items: summaries().filter(
          (session) =>
            (query.ownerId === undefined || session.ownerId === query.ownerId) &&
            (query.agentId === undefined || session.agentId === query.agentId) &&
            (query.includeStateless === true || !session.stateless),
        ),
      }),
      messages: async (query: { sessionId: string; cursor?: string; limit?: number }) => ({
        items: kept.messages
          .filter(
            (message) => message.sessionId === query.sessionId && message.seq > Number(query.cursor ?? 0),
          )
          .slice(0, query.limit ?? 50),
      }),
    },
    turns: {
      get: async (id: string) => kept.turns.get(id),
      steps: async () => [],
      inbound: async (id: string) => kept.messages.filter((one) => one.turnId === id && one.role === "user"),
      list: async (query: { ownerId?: string; sessionId?: string; states?: readonly TurnState[] }) => ({
        items: [...kept.turns.values()].filter(
          (turn) =>
            (query.ownerId === undefined || kept.sessions.get(turn.sessionId)?.ownerId === query.ownerId) &&
            (query.sessionId === undefined || turn.sessionId === query.sessionId) &&
            (query.states?.includes(turn.state) ?? true),
        ),
      }),
    },
    inbox: { ofTurn: async (id: string) => kept.inbound.filter((row) => row.turnId === id) },
    outbox: { ofTurn: async () => [] },
    effects: { ofTurn: async (): Promise<readonly Effect[]> => [] },
    ledger: { callsOfTurn: async (): Promise<readonly ModelCallRecord[]> => [] },
    storylines: { ofSession: async () => undefined },
    keys: {
      put: (key: KeyRecord) => doing(() => void kept.keys.set(key.hash, key)),
      revoke: (id: string, at: number) =>
        doing(() => {
          for (const key of kept.keys.values())
            if (key.id === id) kept.keys.set(key.hash, { ...key, revokedAt: at });
        }),
      findByHash: async (hash: string) => {
        onKeyLookup();
        return kept.keys.get(hash);
      },
      list: async () => [...kept.keys.values()],
    },
  };
  // Only what the faces call is there; the ports have more members.
  return stores as unknown as FaceDeps["stores"];
}
