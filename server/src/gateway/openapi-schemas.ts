/** Shapes that the API description names. Kept beside the routes by hand; the test compares paths, not shapes. */

type Schema = Readonly<Record<string, unknown>>;

export type SchemaName =
  | "Problem"
  | "OpenAiError"
  | "Health"
  | "Readiness"
  | "ChatCompletionRequest"
  | "ChatCompletion"
  | "ModelList"
  | "Model"
  | "MessageRequest"
  | "MessageOutcome"
  | "Receipt"
  | "Turn"
  | "TurnPage"
  | "TurnChain"
  | "CancelResult"
  | "Session"
  | "SessionPage"
  | "MessagePage"
  | "Agent"
  | "AgentList"
  | "KeyRequest"
  | "Key"
  | "KeyList"
  | "NewKey"
  | "Status";

const text: Schema = { type: "string" };
const flag: Schema = { type: "boolean" };
const whole: Schema = { type: "integer" };
const time: Schema = { type: "integer", description: "UTC milliseconds" };

function object(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: "object", properties, ...(required.length === 0 ? {} : { required }) };
}

function list(items: Schema): Schema {
  return { type: "array", items };
}

export function ref(name: SchemaName): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

function choice(...values: readonly string[]): Schema {
  return { type: "string", enum: values };
}

const usage = object({ inputTokens: whole, cachedInputTokens: whole, outputTokens: whole });
const turnState = choice("queued", "running", "replied", "failed", "cancelled", "suppressed", "dead");
const page = (items: Schema): Schema =>
  object(
    { items: list(items), next: { ...text, description: "Cursor of the next page; absent on the last" } },
    ["items"],
  );

const session = object(
  {
    id: text,
    agentId: text,
    channel: text,
    key: { ...text, description: "What the client calls the conversation" },
    peerId: text,
    ownerId: text,
    audience: list(text),
    stateless: flag,
    lastSeq: whole,
    title: text,
    turns: whole,
    createdAt: time,
    updatedAt: time,
  },
  ["id", "agentId", "key", "peerId"],
);

const turn = object(
  {
    id: text,
    agentId: text,
    agentRevision: whole,
    sessionId: text,
    turnSeq: whole,
    trigger: text,
    lane: choice("realtime", "background", "heavy"),
    state: turnState,
    attempt: whole,
    costMicroUsd: whole,
    usage,
    error: object({ code: text, message: text }),
    trace: list(object({ at: time, what: text, detail: text })),
    createdAt: time,
    finishedAt: time,
  },
  ["id", "state"],
);

const message = object(
  {
    id: text,
    turnId: text,
    seq: whole,
    turnSeq: whole,
    role: choice("user", "assistant", "notice"),
    parts: list(object({ type: choice("text", "tool-call", "tool-result"), text })),
    outcome: choice("ok", "failed", "cancelled"),
    createdAt: time,
  },
  ["id", "role", "parts"],
);

const key = object({
  id: text,
  name: text,
  kind: choice("key", "operator"),
  hint: text,
  createdAt: time,
  revokedAt: time,
});

const records = list({ type: "object" });

export const SCHEMAS: Readonly<Record<SchemaName, Schema>> = {
  Problem: {
    ...object(
      {
        type: text,
        title: text,
        status: whole,
        detail: text,
        code: { ...text, description: "Troupe's error code, such as request.invalid" },
        field: text,
        instance: text,
        turnId: text,
      },
      ["type", "title", "status", "detail", "code"],
    ),
    description: "RFC 9457 problem details",
  },
  OpenAiError: object({
    error: object({ message: text, type: text, code: text, param: text, turn_id: text }),
  }),
  Health: object({ status: text, version: text }),
  Readiness: object({ ready: flag, reasons: list(text) }, ["ready", "reasons"]),
  ChatCompletionRequest: {
    ...object(
      {
        model: { ...text, description: "Id of an agent" },
        messages: list(object({ role: text, content: {} })),
        user: { ...text, description: "Who is talking; the key's id by default" },
        stream: flag,
        stream_options: object({ include_usage: flag }),
        max_tokens: whole,
        max_completion_tokens: whole,
        temperature: { type: "number", minimum: 0, maximum: 2 },
      },
      ["model", "messages"],
    ),
    description:
      "As OpenAI's. tools, functions, response_format other than text, n above 1, stop, logprobs and logit_bias are refused by name; other fields are ignored.",
  },
  ChatCompletion: object({
    id: text,
    object: text,
    created: whole,
    model: text,
    choices: records,
    usage: object({}),
  }),
  ModelList: object({
    object: text,
    data: list(object({ id: text, object: text, created: whole, owned_by: text })),
  }),
  Model: object({ id: text, object: text, created: whole, owned_by: text }),
  MessageRequest: object({
    text,
    session: { ...text, description: "Name of the conversation; without it the call stands alone" },
    user: text,
    command: {
      ...object({ tool: text, input: {} }, ["tool"]),
      description: "Calls a tool without asking a model; text may then be absent",
    },
    instructions: text,
    whileBusy: choice("queue", "steer", "interrupt"),
    maxOutputTokens: whole,
    temperature: { type: "number", minimum: 0, maximum: 2 },
  }),
  MessageOutcome: object(
    {
      turnId: text,
      sessionId: text,
      state: turnState,
      messageId: text,
      text,
      usage,
      costUsd: { type: "number" },
    },
    ["turnId", "sessionId", "state", "text"],
  ),
  Receipt: object(
    {
      turnId: text,
      sessionId: text,
      messageId: text,
      seq: whole,
      position: choice("running", "queued", "merged", "steered"),
      state: turnState,
      joined: flag,
    },
    ["turnId", "sessionId", "joined"],
  ),
  Turn: turn,
  TurnPage: page(turn),
  TurnChain: object({
    turn,
    session,
    storyline: { type: ["object", "null"] },
    inbound: records,
    messages: list(message),
    reply: { type: ["object", "null"] },
    steps: records,
    modelCalls: records,
    outbox: records,
    effects: records,
  }),
  CancelResult: object({ turnId: text, result: choice("cancelled", "requested", "ended"), state: turnState }),
  Session: session,
  SessionPage: page(session),
  MessagePage: page(message),
  Agent: object({ id: text, name: text, description: text, model: text, revision: whole }, ["id", "name"]),
  AgentList: object({ items: list({ $ref: "#/components/schemas/Agent" }) }),
  KeyRequest: object({ name: text, kind: choice("key", "operator") }, ["name"]),
  Key: key,
  KeyList: object({ items: list(key) }),
  NewKey: { allOf: [key, object({ key: { ...text, description: "Shown once" } }, ["key"])] },
  Status: { type: "object" },
};
