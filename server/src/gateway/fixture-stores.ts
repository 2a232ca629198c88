/** For the tests of this folder alone: what `fixtures.ts` keeps in memory, behind the ports that the faces read. */
import type {
  Effect,
  EnvelopeHandler,
  FinishReason,
  InboundRecord,
  KeyRecord,
  Message,
  ModelCallRecord,
  Session,
  SessionSummary,
  SignInRecord,
  SignInStore,
  Turn,
  TurnEvent,
  TurnListener,
  TurnState,
  Usage,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { FaceDeps } from "./deps.ts";

/** The call of the model that ended a staged turn so. */
export function callOf(turnId: string, finishReason: FinishReason, usage: Usage): ModelCallRecord {
  const isCut = finishReason === "length" || finishReason === "content-filter";
  const outcome = isCut ? finishReason : "ok";
  return {
    ...{ id: `c-${turnId}`, spaceId: "default", agentId: "ana", sessionId: "", turnId, model: "a/b" },
    ...{ peerId: "", ownerId: "", storylineId: undefined, keyId: undefined, purpose: "turn", outcome },
    ...{ errorCode: undefined, cacheWriteTokens: 0, reasoningTokens: 0, ...usage, estimated: false },
    ...{ costMicroUsd: 42, isPriced: true, latencyMs: 1, day: "1970-01-01", at: 1 },
  };
}

export interface Kept {
  readonly turns: Map<string, Turn>;
  readonly sessions: Map<string, Session>;
  readonly messages: Message[];
  readonly inbound: InboundRecord[];
  readonly keys: Map<string, KeyRecord>;
  readonly signIns: Map<string, SignInRecord>;
  readonly listeners: Map<string, Set<TurnListener>>;
  readonly calls: ModelCallRecord[];
  readonly live: Map<string, TurnEvent[]>;
  /** Whoever listens for changed sessions. */
  readonly bells: Set<EnvelopeHandler>;
}

export function createKept(): Kept {
  return {
    turns: new Map(),
    sessions: new Map(),
    messages: [],
    inbound: [],
    keys: new Map(),
    signIns: new Map(),
    listeners: new Map(),
    calls: [],
    live: new Map(),
    bells: new Set(),
  };
}

export function busOf(kept: Kept): FaceDeps["bus"] {
  return {
    subscribe(pattern, handler) {
      const own: EnvelopeHandler = (envelope, subject) => {
        if (subject === pattern) handler(envelope, subject);
      };
      kept.bells.add(own);
      return { [Symbol.dispose]: () => void kept.bells.delete(own) };
    },
    publish(subject, envelope) {
      for (const handler of kept.bells) handler(envelope, subject);
    },
  };
}

export function ring(kept: Kept, sessionId: string, turnId: string): void {
  const bell = { id: turnId, kind: "session.changed", v: 1, at: 0, payload: { sessionId, turnId } };
  for (const handler of kept.bells) handler(bell, bell.kind);
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
      list: async (query: {
        ownerId?: string;
        sessionId?: string;
        parentTurnId?: string;
        states?: readonly TurnState[];
      }) => ({
        items: [...kept.turns.values()].filter(
          (turn) =>
            (query.parentTurnId === undefined || turn.payload.cause?.parentTurnId === query.parentTurnId) &&
            (query.ownerId === undefined || kept.sessions.get(turn.sessionId)?.ownerId === query.ownerId) &&
            (query.sessionId === undefined || turn.sessionId === query.sessionId) &&
            (query.states?.includes(turn.state) ?? true),
        ),
      }),
    },
    inboxItems: { countUnread: async () => 0 },
    agentDeliveries: { ofTurn: async () => [] },
    jobs: { list: async () => ({ items: [] }) },
    inbox: { ofTurn: async (id: string) => kept.inbound.filter((row) => row.turnId === id) },
    outbox: { ofTurn: async () => [] },
    effects: { ofTurn: async (): Promise<readonly Effect[]> => [] },
    ledger: { callsOfTurn: async (id: string) => kept.calls.filter((call) => call.turnId === id) },
    storylines: { ofSession: async () => undefined },
    signIns: fakeSignIns(kept),
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

function fakeSignIns({ signIns }: Kept): SignInStore {
  return {
    put: (link) => doing(() => void signIns.set(link.id, link)),
    use: ({ codeHash, at, ...change }) =>
      doing(() => {
        const link = [...signIns.values()].find((one) => one.codeHash === codeHash);
        if (link === undefined || link.usedAt !== undefined)
          throw new TroupeError("No.", { code: "store.conflict" });
        signIns.set(link.id, { ...link, ...change, usedAt: at });
      }),
    revoke: (id, at) =>
      doing(() => {
        for (const one of signIns.values()) {
          if (one.id === id || one.principalId === id) signIns.set(one.id, { ...one, revokedAt: at });
        }
      }),
    findByCode: async (hash) => [...signIns.values()].find((one) => one.codeHash === hash),
    findByToken: async (hash) => [...signIns.values()].find((one) => one.tokenHash === hash),
    list: async () => [...signIns.values()].filter((one) => one.usedAt !== undefined),
  };
}
