/** What clients and Troupe say to each other over `/ws`: one JSON object a text frame. Documented in docs/guide/api.md. */
import type { Message, TurnEvent, TurnState } from "@troupe/contracts";
import type { Entered } from "../enter-turn.ts";
import { arrayAt, type Fields, is, objectAt, oneOf, onlyKnown, optional, stringAt } from "../fields.ts";
import { type MessageRequest, readMessage } from "../message-request.ts";
import { FieldError } from "../reply.ts";

export const PROTOCOL_VERSION = 1;

/** How far a client has seen a turn. */
export interface Seen {
  readonly attempt: number;
  readonly n: number;
}

export type ClientFrame =
  | { readonly type: "hello"; readonly key: string }
  | {
      readonly type: "send";
      /** The client's own id of the message: the same one is accepted once. */
      readonly id: string;
      readonly agent: string;
      /** Whether the turn's events are wanted here. */
      readonly watch: boolean;
      readonly message: MessageRequest;
    }
  | {
      readonly type: "subscribe";
      readonly id: string;
      readonly session: string;
      /** What is kept after this `seq` is told; undefined: only what comes from now on. */
      readonly after: number | undefined;
      readonly turns: ReadonlyMap<string, Seen>;
    }
  | {
      readonly type: "watch";
      readonly id: string;
      readonly turn: string;
      readonly seen: Seen | undefined;
    }
  | { readonly type: "unsubscribe"; readonly id: string; readonly session: string }
  /** Which of the principal's own sessions something is kept in, and that the inbox changed, from now on. */
  | { readonly type: "listen"; readonly id: string }
  | { readonly type: "cancel"; readonly id: string; readonly turn: string }
  | { readonly type: "ping"; readonly id: string | undefined };

export type ServerFrame =
  | {
      readonly type: "welcome";
      readonly v: number;
      readonly principal: { readonly kind: string; readonly id: string };
      /** A client that hears nothing, pings included, for three times as long should come back. */
      readonly heartbeatMs: number;
      readonly maxFrameBytes: number;
    }
  | ({ readonly type: "accepted"; readonly id: string } & Omit<
      Extract<Entered, { kind: "accepted" }>,
      "kind"
    >)
  | {
      readonly type: "joined";
      readonly id: string;
      readonly turnId: string;
      readonly sessionId: string;
      readonly state: TurnState;
    }
  | {
      readonly type: "subscribed";
      readonly id: string;
      readonly sessionId: string;
      /** Everything up to here was told, before this frame. */
      readonly seq: number;
    }
  | { readonly type: "watching"; readonly id: string; readonly turnId: string; readonly sessionId: string }
  | { readonly type: "unsubscribed"; readonly id: string; readonly sessionId: string }
  | { readonly type: "listening"; readonly id: string }
  /** Something was kept in a session: a message, or the answer of a turn. A hint, not a record: one may be missing. */
  | { readonly type: "changed"; readonly sessionId: string }
  /** Something came into the principal's inbox, or was read or removed there. A hint, too. */
  | { readonly type: "inbox" }
  | { readonly type: "message"; readonly sessionId: string; readonly seq: number; readonly message: Message }
  | { readonly type: "event"; readonly sessionId: string; readonly seq: number; readonly event: TurnEvent }
  | {
      /** Takes the place of all that was shown of the turn. */
      readonly type: "snapshot";
      readonly sessionId: string;
      readonly seq: number;
      readonly turnId: string;
      readonly attempt: number;
      readonly n: number;
      readonly events: readonly TurnEvent[];
    }
  | {
      readonly type: "cancelled";
      readonly id: string;
      readonly turnId: string;
      readonly result: string;
      readonly state: TurnState;
    }
  | { readonly type: "pong"; readonly id?: string }
  | {
      readonly type: "error";
      /** Of the frame that failed, where it had one. */
      readonly id?: string;
      readonly code: string;
      readonly message: string;
      readonly field?: string;
      readonly retryAfterMs?: number;
    };

const LONGEST_NAME = 200;
/** Each is looked up; a client that comes back had at most as many open as one connection may watch. */
const MOST_TURNS = 256;
const TYPES = ["hello", "send", "subscribe", "watch", "unsubscribe", "listen", "cancel", "ping"] as const;
const typeAt = oneOf<(typeof TYPES)[number]>(TYPES);
const nameAt = (value: unknown, field: string): string => stringAt(value, field, LONGEST_NAME);
const countAt = (value: unknown, field: string): number => {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new FieldError(field, `${field} ${is(value)}; it must be a whole number of at least 0.`);
};

const KNOWN: Readonly<Record<Exclude<ClientFrame["type"], "send">, ReadonlySet<string>>> = {
  hello: new Set(["type", "key"]),
  subscribe: new Set(["type", "id", "session", "after", "turns"]),
  watch: new Set(["type", "id", "turn", "attempt", "n"]),
  unsubscribe: new Set(["type", "id", "session"]),
  listen: new Set(["type", "id"]),
  cancel: new Set(["type", "id", "turn"]),
  ping: new Set(["type", "id"]),
};

/** The id of a frame that may be broken otherwise, so that its error can be told apart. */
export function idOf(value: unknown): string | undefined {
  const id = typeof value === "object" && value !== null && "id" in value ? value.id : undefined;
  return typeof id === "string" && id.length <= LONGEST_NAME ? id : undefined;
}

/** Throws a `FieldError`. */
export function readFrame(value: unknown): ClientFrame {
  const fields = objectAt(value, "frame");
  const type = typeAt(fields.type, "type");
  if (type !== "send") onlyKnown(fields, KNOWN[type]);
  switch (type) {
    case "send":
      return readSend(fields);
    case "hello":
      return { type, key: stringAt(fields.key, "key") };
    case "subscribe":
      return {
        type,
        id: nameAt(fields.id, "id"),
        session: nameAt(fields.session, "session"),
        after: optional(fields.after, "after", countAt),
        turns: optional(fields.turns, "turns", turnsAt) ?? new Map(),
      };
    case "watch":
      return {
        type,
        id: nameAt(fields.id, "id"),
        turn: nameAt(fields.turn, "turn"),
        seen: fields.attempt === undefined ? undefined : seenAt(fields, ""),
      };
    case "unsubscribe":
      return { type, id: nameAt(fields.id, "id"), session: nameAt(fields.session, "session") };
    case "listen":
      return { type, id: nameAt(fields.id, "id") };
    case "cancel":
      return { type, id: nameAt(fields.id, "id"), turn: nameAt(fields.turn, "turn") };
    case "ping":
      return { type, id: optional(fields.id, "id", nameAt) };
  }
}

function readSend({ type: _, id, agent, watch, ...message }: Fields): ClientFrame {
  return {
    type: "send",
    id: nameAt(id, "id"),
    agent: nameAt(agent, "agent"),
    watch: watch !== false,
    message: readMessage(message),
  };
}

function turnsAt(value: unknown, field: string): ReadonlyMap<string, Seen> {
  const list = arrayAt(value, field);
  if (list.length > MOST_TURNS) {
    throw new FieldError(field, `${field} names ${list.length} turns; ${MOST_TURNS} are the most.`);
  }
  return new Map(
    list.map((item, index) => {
      const at = `${field}[${index}]`;
      const turn = objectAt(item, at);
      return [nameAt(turn.id, `${at}.id`), seenAt(turn, `${at}.`)];
    }),
  );
}

function seenAt(fields: Fields, prefix: string): Seen {
  return {
    attempt: countAt(fields.attempt, `${prefix}attempt`),
    n: countAt(fields.n ?? 0, `${prefix}n`),
  };
}
