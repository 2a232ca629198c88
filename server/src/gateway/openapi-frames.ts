/** Schemas of what is said over `/ws`; see websocket/frames.ts for the same in types. */

export type FrameSchemaName = "ClientFrame" | "ServerFrame" | "TurnState" | "TurnEvent";

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: "string" };
const whole: Schema = { type: "integer", minimum: 0 };

function frame(
  type: string,
  description: string,
  properties: Readonly<Record<string, Schema>>,
  optional: readonly string[] = [],
): Schema {
  return {
    type: "object",
    description,
    properties: { type: { const: type }, ...properties },
    required: ["type", ...Object.keys(properties).filter((name) => !optional.includes(name))],
  };
}

const seen: Schema = {
  type: "object",
  description: "How far the client has seen a turn",
  properties: { id: text, attempt: whole, n: whole },
  required: ["id", "attempt"],
};
const id: Schema = { ...text, maxLength: 200 };
const sessionId: Schema = text;
const seq: Schema = { ...whole, description: "All that is kept up to here was told" };
const state: Schema = { $ref: "#/components/schemas/TurnState" };
const event: Schema = { $ref: "#/components/schemas/TurnEvent" };

const CLIENT: readonly Schema[] = [
  frame("hello", "First, where no authorization header could be sent", { key: text }),
  {
    type: "object",
    description: "A message, with the fields of MessageRequest. The same id is accepted once",
    allOf: [
      frame(
        "send",
        "",
        { id, agent: text, watch: { type: "boolean", description: "false: no events of its turn" } },
        ["watch"],
      ),
      { $ref: "#/components/schemas/MessageRequest" },
    ],
  },
  frame(
    "subscribe",
    "All that is said in a session: what is kept after `after`, the turns that run, and what comes",
    { id, session: text, after: whole, turns: { type: "array", items: seen } },
    ["after", "turns"],
  ),
  frame("watch", "The events of one turn", { id, turn: text, attempt: whole, n: whole }, ["attempt", "n"]),
  frame("unsubscribe", "No more of a session", { id, session: text }),
  frame(
    "listen",
    "Which of your own sessions something is kept in, and that your inbox changed, from now on",
    { id },
  ),
  frame("cancel", "Stops a turn, for everybody", { id, turn: text }),
  frame("ping", "Answered with pong", { id }, ["id"]),
];

const SERVER: readonly Schema[] = [
  frame("welcome", "The key is known", {
    v: { const: 1 },
    principal: { type: "object", properties: { kind: text, id: text }, required: ["kind", "id"] },
    heartbeatMs: whole,
    maxFrameBytes: whole,
  }),
  frame("accepted", "The message is kept", {
    id,
    turnId: text,
    messageId: text,
    sessionId,
    seq: whole,
    position: { type: "string", enum: ["running", "queued", "merged", "steered"] },
  }),
  frame("joined", "The message was known already", { id, turnId: text, sessionId, state }),
  frame("subscribed", "What was kept was told before this", { id, sessionId, seq }),
  frame("watching", "The turn's events follow", { id, turnId: text, sessionId }),
  frame("unsubscribed", "No more of the session follows", { id, sessionId }),
  frame("listening", "Answers listen", { id }),
  frame(
    "changed",
    "Something was kept in a session: a message, or the answer of a turn. One may be missing",
    {
      sessionId,
    },
  ),
  frame("inbox", "Something came into your inbox, or was read or removed there. One may be missing", {}),
  frame("message", "A kept message, once and in the order of seq", {
    sessionId,
    seq,
    message: { $ref: "#/components/schemas/Message" },
  }),
  frame("event", "A live event; provisional until the turn's end", { sessionId, seq, event }),
  frame("snapshot", "Takes the place of all that was shown of the turn", {
    sessionId,
    seq,
    turnId: text,
    attempt: whole,
    n: whole,
    events: { type: "array", items: event },
  }),
  frame("cancelled", "What became of cancel", {
    id,
    turnId: text,
    result: { type: "string", enum: ["cancelled", "requested", "ended"] },
    state,
  }),
  frame("pong", "The answer to ping", { id }, ["id"]),
  frame(
    "error",
    "A frame was refused; the connection goes on",
    { id, code: text, message: text, field: text, retryAfterMs: whole },
    ["id", "field", "retryAfterMs"],
  ),
];

const at: Readonly<Record<string, Schema>> = { turnId: text, attempt: whole, n: whole };
const body = (type: string, properties: Readonly<Record<string, Schema>>, optional?: readonly string[]) =>
  frame(type, "", { ...at, ...properties }, optional);

export const FRAME_SCHEMAS: Readonly<Record<FrameSchemaName, Schema>> = {
  ClientFrame: { oneOf: CLIENT },
  ServerFrame: { oneOf: SERVER },
  TurnState: {
    type: "string",
    enum: ["queued", "running", "replied", "failed", "cancelled", "suppressed", "dead"],
  },
  TurnEvent: {
    description: "(turnId, attempt, n) names each event once; attempt-start replaces what was shown",
    oneOf: [
      body("attempt-start", {}),
      body("step", { step: text, status: text, detail: text }, ["detail"]),
      body("text-delta", { text }),
      body("reasoning-delta", { text }),
      body("tool", { status: text, callId: text, name: text, detail: text }, ["detail"]),
      body(
        "end",
        {
          state,
          messageId: text,
          seq: whole,
          text,
          usage: { type: "object" },
          costUsd: { type: "number" },
          finishReason: text,
          error: { type: "object", properties: { code: text, message: text } },
        },
        ["messageId", "seq", "finishReason", "error"],
      ),
    ],
  },
};
