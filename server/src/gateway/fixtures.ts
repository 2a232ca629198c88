/** For the tests of this folder alone: the ports behind a face, in memory, with turns that do as they are told. */
import type {
  AcceptResult,
  AgentSpec,
  Clock,
  ErrorCode,
  FinishReason,
  InboundMessage,
  KeyRecord,
  Logger,
  Message,
  Principal,
  Turn,
  TurnControl,
  TurnEventBody,
  TurnState,
} from "@troupe/contracts";
import { DEFAULT_SPACE_ID, NO_USAGE, TroupeError } from "@troupe/contracts";
import { createIdGenerator, createMetrics, hashApiKey, type Metrics, systemClock } from "../kit/index.ts";
import { createBrowserRing } from "./browsers.ts";
import type { FaceDeps, FaceLimits } from "./deps.ts";
import {
  busOf,
  callOf,
  createKept,
  fakeStores,
  type Kept,
  publish,
  ring,
  subscribe,
} from "./fixture-stores.ts";
import { createKeyRing } from "./key-ring.ts";

export { createStillClock } from "./fixture-clock.ts";

/** A turn in the hands of a test. */
export interface StagedTurn {
  readonly id: string;
  readonly sessionId: string;
  readonly message: InboundMessage;
  readonly principal: Principal;
  emit(body: TurnEventBody): void;
  say(text: string): void;
  /** A later attempt begins. */
  beginAgain(): void;
  reply(text: string, finishReason?: FinishReason): void;
  fail(code: ErrorCode, message: string): void;
  cancel(): void;
  /** Ends in the record only, as when the feed lost the event. */
  replyUnheard(text: string, finishReason?: FinishReason): void;
}

export interface Stage {
  readonly deps: FaceDeps;
  readonly accepted: StagedTurn[];
  readonly cancelled: { readonly turnId: string; readonly reason: string }[];
  readonly metrics: Metrics;
  readonly logged: { readonly event: string; readonly fields: unknown }[];
  /** What each accepted turn does next; by default it says hello and ends. */
  play: (turn: StagedTurn) => void | Promise<void>;
  /** What the way in says instead of accepting. */
  answer: ((message: InboundMessage) => Promise<AcceptResult> | AcceptResult | undefined) | undefined;
  readiness: { ready: boolean; reasons: readonly string[] };
  /** How often the store was asked for a key. */
  keyLookups: number;
  addKey(options?: { readonly kind?: KeyRecord["kind"]; readonly id?: string }): string;
  turn(id: string): Turn | undefined;
}

export function createStage(
  options: {
    readonly clock?: Clock;
    readonly limits?: Partial<FaceLimits>;
    readonly agents?: readonly AgentSpec[];
  } = {},
): Stage {
  const clock = options.clock ?? systemClock();
  const ids = createIdGenerator(clock);
  const kept = createKept();
  const specs = options.agents ?? [
    { id: "ana", name: "Ana", model: "default", instructions: "Keep this between us." },
  ];
  const logged: Stage["logged"] = [];
  const metrics = createMetrics();
  const stores = fakeStores(kept, () => {
    stage.keyLookups += 1;
  });
  const stage: Stage = {
    accepted: [],
    cancelled: [],
    metrics,
    logged,
    play: (turn) => {
      turn.say("Hello ");
      turn.say("there.");
      turn.reply("Hello there.");
    },
    answer: undefined,
    readiness: { ready: true, reasons: [] },
    keyLookups: 0,
    addKey({ kind = "key", id = ids.next() } = {}) {
      const key = `trp_${"x".repeat(20)}${id}`;
      const record = {
        id,
        spaceId: DEFAULT_SPACE_ID,
        name: id,
        kind,
        hash: hashApiKey(key),
        hint: "trp_xxxx",
      };
      kept.keys.set(record.hash, { ...record, createdAt: clock.now(), revokedAt: undefined });
      return key;
    },
    turn: (id) => kept.turns.get(id),
    deps: {
      inbox: {
        async accept(message, principal) {
          const told = await stage.answer?.(message);
          return told ?? accept(kept, stage, { message, principal, id: ids.next(), at: clock.now() });
        },
      },
      bus: busOf(kept),
      feed: { subscribe: (turnId, listener) => subscribe(kept, turnId, listener) },
      control: fakeControl(kept, () => stage),
      sessionControl: { remove: async () => ({ messages: 0, turns: 0, cancelled: [] }) },
      ...{ stores, blobs: {} as FaceDeps["blobs"], catalogue: {} as FaceDeps["catalogue"] },
      jobs: {} as FaceDeps["jobs"],
      agents: {
        get: (_, id) =>
          specs
            .filter((spec) => spec.id === id)
            .map((spec) => ({ spaceId: DEFAULT_SPACE_ID, revision: 1, spec }))[0],
        list: () => specs.map((spec) => ({ spaceId: DEFAULT_SPACE_ID, revision: 1, spec })),
      },
      health: { ready: () => stage.readiness, status: async () => ({ waiting: 0 }) },
      keyRing: createKeyRing({ keys: stores.keys, clock }),
      browsers: createBrowserRing({ signIns: stores.signIns, clock }),
      ...{ clock, ids, metrics },
      logger: fakeLogger(logged),
      version: "1.2.3-test",
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    },
  };
  return stage;
}

function fakeControl(kept: Kept, stage: () => Stage): TurnControl {
  return {
    async cancel(turnId, { reason }) {
      const { cancelled, accepted } = stage();
      cancelled.push({ turnId, reason });
      const state = kept.turns.get(turnId)?.state;
      if (state === undefined) {
        throw new TroupeError(`There is no turn ${turnId}.`, { code: "request.not_found" });
      }
      if (state !== "running") return { kind: "ended", state };
      accepted.find((turn) => turn.id === turnId)?.cancel();
      return { kind: "requested", state };
    },
  };
}

function fakeLogger(logged: { event: string; fields: unknown }[]): Logger {
  const log = (event: string, fields?: unknown): void => void logged.push({ event, fields });
  return { debug: () => undefined, info: log, warn: log, error: log, child: () => fakeLogger(logged) };
}

interface Arrival {
  readonly message: InboundMessage;
  readonly principal: Principal;
  readonly id: string;
  readonly at: number;
}

/** Joins what is known and accepts the rest, as the port says. */
function accept(kept: Kept, stage: Stage, { message, principal, id, at }: Arrival): AcceptResult {
  const { platformId, requestHash, watch } = message;
  const known = kept.inbound.find(
    (row) =>
      row.principalId === principal.id &&
      ((platformId !== undefined && row.platformId === platformId) ||
        (message.isRetry === true && row.requestHash === requestHash)),
  );
  if (known !== undefined) {
    if (platformId !== undefined && known.requestHash !== requestHash) {
      return {
        kind: "refused",
        code: "request.conflict",
        message: "This idempotency key was used for another request.",
      };
    }
    if (watch !== undefined) subscribe(kept, known.turnId, watch);
    const state = kept.turns.get(known.turnId)?.state ?? "running";
    return { kind: "duplicate", turnId: known.turnId, sessionId: known.sessionId, state };
  }
  const sessionId = `session-${principal.id}-${message.sessionKey ?? id}`;
  const turnSeq = keep(kept, { message, principal, id, at }, sessionId);
  if (watch !== undefined) subscribe(kept, id, watch);
  const turn = stagedTurn(kept, { message, principal, id, at }, { sessionId, turnSeq });
  stage.accepted.push(turn);
  ring(kept, sessionId, id);
  queueMicrotask(() => void stage.play(turn));
  return { kind: "accepted", turnId: id, messageId: `m-${id}`, sessionId, seq: turnSeq, position: "running" };
}

function keep(kept: Kept, { message, principal, id, at }: Arrival, sessionId: string): number {
  const { spaceId } = principal;
  const before = kept.sessions.get(sessionId);
  const turnSeq = (before?.lastSeq ?? 0) + 1;
  kept.sessions.set(sessionId, {
    id: sessionId,
    spaceId,
    agentId: message.agentId,
    channel: message.channel,
    key: message.sessionKey ?? id,
    peerId: message.peerId,
    ownerId: principal.id,
    audience: message.audience,
    stateless: message.sessionKey === undefined,
    lastSeq: turnSeq,
    createdAt: before?.createdAt ?? at,
    updatedAt: at,
  });
  kept.messages.push(
    messageOf({ id: `m-${id}`, turnId: id, sessionId, seq: turnSeq, role: "user", at }, message),
  );
  kept.turns.set(id, {
    ...newTurn(id, sessionId, turnSeq, at),
    spaceId,
    agentId: message.agentId,
    trigger: message.trigger,
    lane: message.lane,
  });
  kept.inbound.push({
    id: `m-${id}`,
    spaceId,
    sessionId,
    turnId: id,
    channel: message.channel,
    platformId: message.platformId,
    requestHash: message.requestHash,
    principalId: principal.id,
    principalKind: principal.kind,
    replyTo: undefined,
    state: "accepted",
    reason: undefined,
    receivedAt: message.receivedAt,
    acceptedAt: at,
    endedAt: undefined,
  });
  return turnSeq;
}

function newTurn(id: string, sessionId: string, turnSeq: number, at: number): Turn {
  return {
    id,
    spaceId: DEFAULT_SPACE_ID,
    agentId: "ana",
    agentRevision: 1,
    sessionId,
    turnSeq,
    trigger: "chat",
    lane: "realtime",
    state: "running",
    attempt: 1,
    epoch: 1,
    owner: "here",
    inboundCount: 1,
    payload: {},
    dueAt: at,
    deadlineAt: at + 60_000,
    cancelRequested: false,
    reservedMicroUsd: 0,
    costMicroUsd: 0,
    usage: NO_USAGE,
    error: undefined,
    trace: [],
    createdAt: at,
    finishedAt: undefined,
  } as Turn;
}

interface Place {
  readonly id: string;
  readonly turnId: string;
  readonly sessionId: string;
  readonly seq: number;
  readonly role: Message["role"];
  readonly at: number;
}

function messageOf(
  place: Place,
  from: { readonly parts: Message["parts"]; readonly audience: Message["audience"] },
): Message {
  const { at, ...rest } = place;
  return {
    ...rest,
    spaceId: DEFAULT_SPACE_ID,
    turnSeq: place.seq,
    parts: from.parts,
    audience: from.audience,
    outcome: "ok",
    createdAt: at,
  };
}

const USAGE = { inputTokens: 12, cachedInputTokens: 4, outputTokens: 3 };

function stagedTurn(
  kept: Kept,
  arrival: Arrival,
  at: { readonly sessionId: string; readonly turnSeq: number },
): StagedTurn {
  const { id, message, principal } = arrival;
  const { sessionId, turnSeq } = at;
  let attempt = 1;
  let n = 0;
  const emit = (body: TurnEventBody): void => publish(kept, { ...body, turnId: id, attempt, n: n++ });
  const end = (
    state: Exclude<TurnState, "queued" | "running">,
    text: string,
    { error, finishReason }: { readonly error?: Turn["error"]; readonly finishReason?: FinishReason } = {},
  ): TurnEventBody => {
    const turn = kept.turns.get(id);
    if (turn !== undefined)
      kept.turns.set(id, { ...turn, state, attempt, error, usage: USAGE, costMicroUsd: 42 });
    if (finishReason !== undefined) kept.calls.push(callOf(id, finishReason, USAGE));
    const role = state === "replied" ? "assistant" : "notice";
    const session = kept.sessions.get(sessionId);
    if (session !== undefined) kept.sessions.set(sessionId, { ...session, lastSeq: turnSeq + 1 });
    const place: Place = { id: `r-${id}`, turnId: id, sessionId, seq: turnSeq + 1, role, at: arrival.at };
    kept.messages.push(messageOf(place, { parts: [{ type: "text", text }], audience: message.audience }));
    return {
      type: "end",
      state,
      messageId: place.id,
      text,
      usage: USAGE,
      costUsd: 0.000042,
      ...(error && { error }),
      ...(finishReason && { finishReason }),
    };
  };
  emit({ type: "attempt-start" });
  return {
    id,
    sessionId,
    message,
    principal,
    emit,
    say: (text) => emit({ type: "text-delta", text }),
    beginAgain() {
      attempt += 1;
      n = 0;
      emit({ type: "attempt-start" });
    },
    reply: (text, finishReason) => emit(end("replied", text, { ...(finishReason && { finishReason }) })),
    fail: (code, text) => emit(end("failed", text, { error: { code, message: text } })),
    cancel: () => emit(end("cancelled", "Stopped.")),
    replyUnheard: (text, finishReason) =>
      void end("replied", text, { ...(finishReason && { finishReason }) }),
  };
}

/** An answer whose JSON is loosely typed: each test says itself what it expects of it. */
export type Answered = Omit<Response, "json"> & {
  // biome-ignore lint/suspicious/noExplicitAny: a precise type would repeat what the assertion says.
  json(): Promise<any>;
};

/** How many requests wait for a turn just now, by the counters. */
export function openWaits(stage: Stage): number {
  const page = stage.metrics.render();
  const read = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(page)?.[1] ?? 0);
  return read("http_waits_begun_total") - read("http_waits_ended_total");
}

/** Resolves when `condition` holds; fails the test by its own timeout else. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
