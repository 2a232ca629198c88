import type {
  CallOptions,
  Committed,
  FinishedTurn,
  InboundRecord,
  NewMessage,
  NewTurn,
  SessionTouch,
  Stores,
  Write,
} from "@troupe/contracts";
import { NO_USAGE } from "@troupe/contracts";

/** A store under test: fresh, empty, alone. */
export interface StoreHarness {
  readonly stores: Stores;
  /** The database's clock, UTC milliseconds. */
  now(): number;
  /** Lets at least `ms` milliseconds of the database's clock pass. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

export type GetHarness = () => StoreHarness;

export const SPACE = "default";
export const OWNER = "key-1";
export const DAY = "2026-11-20";
const AT = Date.UTC(2026, 10, 20, 12, 0, 0);

export const options: CallOptions = { signal: new AbortController().signal };

export async function commit(
  { stores }: StoreHarness,
  ...writes: readonly Write<unknown>[]
): Promise<Committed> {
  return stores.unit.commit(writes, options);
}

/** Commits one write and gives its result. */
export async function result<Result>(harness: StoreHarness, write: Write<Result>): Promise<Result> {
  return (await commit(harness, write)).read(write);
}

export function session(change: Partial<SessionTouch> = {}): SessionTouch {
  const id = change.id ?? "session-1";
  return {
    id,
    spaceId: SPACE,
    agentId: "ana",
    channel: "api",
    key: `key of ${id}`,
    peerId: "peer-1",
    ownerId: OWNER,
    audience: ["peer-1"],
    stateless: false,
    at: AT,
    count: 1,
    ...change,
  };
}

export function message(
  change: Partial<NewMessage> & { readonly id: string; readonly text?: string },
): NewMessage {
  const { text = `text of ${change.id}`, ...rest } = change;
  return {
    spaceId: SPACE,
    sessionId: "session-1",
    turnId: "turn-1",
    turnSeq: "same",
    role: "user",
    parts: [{ type: "text", text }],
    audience: ["peer-1"],
    outcome: "ok",
    createdAt: AT,
    fromLast: 0,
    ...rest,
  };
}

export function turn(change: Partial<NewTurn> = {}): NewTurn {
  return {
    id: "turn-1",
    spaceId: SPACE,
    agentId: "ana",
    sessionId: "session-1",
    trigger: "chat",
    lane: "realtime",
    payload: {},
    dueAt: 0,
    deadlineAt: AT + 60_000,
    reservedMicroUsd: 0,
    createdAt: AT,
    owner: undefined,
    ...change,
  };
}

export function inboundRow(
  change: Partial<InboundRecord> = {},
): Omit<InboundRecord, "state" | "reason" | "endedAt"> {
  return {
    id: "inbound-1",
    spaceId: SPACE,
    sessionId: "session-1",
    turnId: "turn-1",
    channel: "api",
    platformId: undefined,
    requestHash: undefined,
    principalId: OWNER,
    principalKind: "key",
    replyTo: undefined,
    receivedAt: AT - 5,
    acceptedAt: AT,
    ...change,
  };
}

export function finished(change: Partial<FinishedTurn> = {}): FinishedTurn {
  return {
    id: "turn-1",
    epoch: 1,
    inboundCount: 1,
    state: "replied",
    agentRevision: 1,
    costMicroUsd: 0,
    usage: NO_USAGE,
    error: undefined,
    trace: [],
    at: AT + 1000,
    ...change,
  };
}

/** The writes of accepting one message: session, message, inbound row and turn. */
export function accepting(
  { stores }: StoreHarness,
  n: number,
  change: {
    readonly sessionId?: string;
    readonly turn?: Partial<NewTurn>;
    readonly inbound?: Partial<InboundRecord>;
    readonly text?: string;
  } = {},
): readonly Write<unknown>[] {
  const sessionId = change.sessionId ?? "session-1";
  const turnId = `turn-${n}`;
  return [
    stores.sessions.touch(session({ id: sessionId })),
    stores.sessions.append(
      message({
        id: `message-${n}`,
        sessionId,
        turnId,
        ...(change.text === undefined ? {} : { text: change.text }),
      }),
    ),
    stores.inbox.accept(inboundRow({ id: `inbound-${n}`, sessionId, turnId, ...change.inbound })),
    stores.turns.open(turn({ id: turnId, sessionId, ...change.turn })),
  ];
}

/** Keeps one whole turn: a question and its answer. */
export async function keepTurn(
  harness: StoreHarness,
  n: number,
  change: {
    readonly sessionId?: string;
    readonly question?: string;
    readonly answer?: string;
    readonly outcome?: "ok" | "failed";
  } = {},
): Promise<void> {
  const { stores } = harness;
  const sessionId = change.sessionId ?? "session-1";
  const outcome = change.outcome ?? "ok";
  const touch = stores.sessions.touch(session({ id: sessionId, count: 2 }));
  const ids = { sessionId, turnId: `turn-${n}`, outcome } as const;
  const { lastSeq } = (
    await commit(
      harness,
      touch,
      stores.sessions.append(
        message({ id: `q-${n}`, text: change.question ?? `question ${n}`, fromLast: 1, ...ids }),
      ),
    )
  ).read(touch);
  await commit(
    harness,
    stores.sessions.append(
      message({
        id: `a-${n}`,
        text: change.answer ?? `answer ${n}`,
        role: "assistant",
        turnSeq: lastSeq - 1,
        ...ids,
      }),
    ),
  );
}

/** The code of the error that a promise rejects with; `"kept"` when it does not. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "kept",
    (error: unknown) => (error as { readonly code?: unknown }).code ?? error,
  );
}
