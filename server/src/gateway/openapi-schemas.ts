/** Shapes that the API description names. Kept beside the routes by hand; the test compares paths, not shapes. */

import { ERROR_STATUS } from "./error-status.ts";
import { DIALECT_SCHEMAS, type DialectSchemaName } from "./openapi-dialects.ts";
import { FLOW_SCHEMAS, type FlowSchemaName } from "./openapi-flow-schemas.ts";
import { FRAME_SCHEMAS, type FrameSchemaName } from "./openapi-frames.ts";
import { JOB_SCHEMAS, type JobSchemaName } from "./openapi-job-schemas.ts";

type Schema = Readonly<Record<string, unknown>>;

export type SchemaName =
  | "Problem"
  | "Health"
  | "Readiness"
  | "MessageRequest"
  | "File"
  | "ModelCatalogue"
  | "MessageOutcome"
  | "Receipt"
  | "Turn"
  | "TurnPage"
  | "TurnChain"
  | "CancelResult"
  | "Session"
  | "SessionPage"
  | "InboxPage"
  | "InboxItem"
  | "InboxRead"
  | "InboxRemoval"
  | "SessionChange"
  | "SessionRemoval"
  | "BranchRequest"
  | "SessionExport"
  | "SessionComparison"
  | "MessagePage"
  | "Agent"
  | "AgentList"
  | "SignInRequest"
  | "SignedIn"
  | "Me"
  | "LinkRequest"
  | "Link"
  | "CommandList"
  | "KeyRequest"
  | "Key"
  | "KeyList"
  | "NewKey"
  | "Usage"
  | "Status"
  | "Message"
  | FlowSchemaName
  | FrameSchemaName
  | JobSchemaName
  | DialectSchemaName;

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

const file = object({ blobId: text, mediaType: text, name: text, sizeBytes: whole }, ["blobId", "mediaType"]);
const amount: Schema = { type: "number", description: "US dollars" };
const tokens = {
  inputTokens: whole,
  cachedInputTokens: whole,
  cacheWriteTokens: whole,
  outputTokens: whole,
  reasoningTokens: whole,
};
const usage = object(tokens);
const sum = { calls: whole, failedCalls: whole, unpricedCalls: whole, ...tokens, costMicroUsd: whole };
/** What a turn was billed for, in all and call by call. */
const turnUsage = object({
  ...tokens,
  costUsd: amount,
  isPriced: { ...flag, description: "False: a model without a known price took part" },
  calls: list(
    object({
      ...{
        id: text,
        model: text,
        purpose: choice("turn", "decision", "summary", "memory", "embedding", "check"),
      },
      ...{ outcome: choice("ok", "length", "content-filter", "error", "aborted"), errorCode: text },
      ...tokens,
      ...{ estimated: flag, costUsd: amount, isPriced: flag, latencyMs: whole, at: time },
    }),
  ),
});
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
    title: { ...text, description: "Its name, else the title of its storyline" },
    name: { ...text, description: "What a person called it; absent until somebody does" },
    parent: {
      ...object({ sessionId: text, messageId: text }),
      description: "Where it was branched from",
    },
    handedTo: {
      ...text,
      description: "The agent that answers people here in place of its own; absent for none",
    },
    turns: whole,
    inTitle: { ...flag, description: "Of a search: the words stand in its title" },
    matches: {
      ...list(object({ messageId: text, turnSeq: whole, role: text, text, createdAt: time, score: {} })),
      description: "Of a search: where the words stand, best first",
    },
    createdAt: time,
    updatedAt: time,
  },
  ["id", "agentId", "key", "peerId"],
);

/** An earlier message or memory that recall or a tool showed. */
const source = object({ kind: choice("message", "memory"), id: text, sessionId: text, turnSeq: whole }, [
  "kind",
  "id",
]);

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
    trace: list(
      object({
        at: time,
        what: text,
        detail: text,
        sources: list(source),
        blocks: list(object({ block: text, tokens: whole, why: text })),
      }),
    ),
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
    parts: list(object({ type: choice("text", "file", "tool-call", "tool-result"), text })),
    outcome: choice("ok", "failed", "cancelled", "suppressed"),
    createdAt: time,
    author: {
      ...object({ peerId: text, name: text }),
      description: "Who wrote it, where several people read and the channel says so",
    },
  },
  ["id", "role", "parts"],
);

const comparedTurn = object({
  turnId: text,
  turnSeq: whole,
  question: text,
  answer: text,
  tools: list(text),
  state: turnState,
  usage,
  costMicroUsd: whole,
  tookMs: whole,
});

const key = object({
  id: text,
  name: text,
  kind: choice("key", "operator"),
  hint: text,
  createdAt: time,
  revokedAt: time,
});

const principal = object({ kind: choice("operator", "key", "channel", "system"), id: text }, ["kind", "id"]);

const records = list({ type: "object" });

const inboxEntry = {
  ...{ id: text, spaceId: text, ownerId: { ...text, description: "Whose inbox: your id, or operator" } },
  kind: { ...choice("reply", "notice"), description: "An agent's, or Troupe's own" },
  ...{ agentId: text, sessionId: text, turnId: text, title: text, createdAt: time },
  readAt: { ...time, description: "UTC milliseconds; absent for what is unread" },
};
const INBOX_ALWAYS = ["id", "spaceId", "ownerId", "kind", "title", "createdAt"];

export const SCHEMAS: Readonly<Record<SchemaName, Schema>> = {
  Problem: {
    ...object(
      {
        type: text,
        title: text,
        status: whole,
        detail: text,
        code: { ...choice(...Object.keys(ERROR_STATUS)), description: "Troupe's error code" },
        field: text,
        instance: text,
        turnId: text,
      },
      ["type", "title", "status", "detail", "code"],
    ),
    description: "RFC 9457 problem details",
  },
  Health: object({ status: text, version: text }),
  Readiness: object({ ready: flag, reasons: list(text), notes: list(text) }, ["ready", "reasons"]),
  ...DIALECT_SCHEMAS,
  File: file,
  ModelCatalogue: object({ items: records, failures: records }),
  MessageRequest: object({
    text,
    files: { ...list(file), description: "As POST /api/blobs answered them; text may then be absent" },
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
      finishReason: {
        ...choice("stop", "length", "content-filter"),
        description: "Why the model ended the reply; absent where no model wrote it",
      },
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
    usage: turnUsage,
    outbox: records,
    effects: records,
    origin: {
      type: ["object", "null"],
      description: "What caused the turn: turns above it, the schedule or flow; null where a person began it",
    },
    caused: {
      type: "object",
      description:
        "All that the turn caused: messages to agents, effects, schedules, and turns with what those caused",
    },
  }),
  CancelResult: object({ turnId: text, result: choice("cancelled", "requested", "ended"), state: turnState }),
  Session: session,
  SessionPage: page(session),
  InboxPage: {
    allOf: [
      page(object({ ...inboxEntry, excerpt: text }, [...INBOX_ALWAYS, "excerpt"])),
      object({ unread: { ...whole, description: "How many are unread, in all" } }, ["unread"]),
    ],
  },
  InboxItem: object({ ...inboxEntry, text: { ...text, description: "Markdown" } }, [...INBOX_ALWAYS, "text"]),
  InboxRead: object({ read: { ...whole, description: "How many were unread before" } }, ["read"]),
  InboxRemoval: object({ id: text, deleted: flag }, ["id", "deleted"]),
  SessionChange: object({ title: { type: ["string", "null"], maxLength: 200 } }, ["title"]),
  SessionRemoval: object({
    id: text,
    deleted: flag,
    messages: whole,
    turns: whole,
    cancelled: { ...list(text), description: "Turns that were stopped for it" },
  }),
  BranchRequest: object(
    {
      messageId: { ...text, description: "Everything up to this message is copied" },
      before: { ...flag, description: "true: without the message itself, to send another in its place" },
      title: text,
    },
    ["messageId"],
  ),
  SessionExport: object({ kind: choice("troupe.session"), v: whole, session, messages: list(message) }),
  SessionComparison: object({
    left: session,
    right: session,
    common: list(comparedTurn),
    rows: list(object({ left: comparedTurn, right: comparedTurn, sameQuestion: flag })),
    totals: object({ left: { type: "object" }, right: { type: "object" } }),
    isCut: flag,
  }),
  MessagePage: page(message),
  Agent: object({ id: text, name: text, description: text, model: text, revision: whole }, ["id", "name"]),
  AgentList: object({ items: list({ $ref: "#/components/schemas/Agent" }) }),
  SignInRequest: object({ code: text }, ["code"]),
  SignedIn: object({ principal, until: whole }, ["principal", "until"]),
  Me: object(
    {
      principal,
      version: text,
      bodyBytes: whole,
      fileBytes: whole,
      unread: { ...whole, description: "Items of the inbox that are unread" },
      browser: object({ id: text, name: text, until: whole }),
    },
    ["principal", "version"],
  ),
  LinkRequest: object(
    { key: { ...text, description: "Id of the key to act for; the operator where absent" } },
    [],
  ),
  Link: object({ id: text, code: text, url: text, until: whole }, ["id", "code", "url", "until"]),
  CommandList: object({ items: list(object({ names: list(text), usage: text, help: text })) }),
  KeyRequest: object({ name: text, kind: choice("key", "operator") }, ["name"]),
  Key: key,
  KeyList: object({ items: list(key), browsers: records }),
  NewKey: { allOf: [key, object({ key: { ...text, description: "Shown once" } }, ["key"])] },
  Usage: object(
    {
      ...{ by: text, from: text, to: text },
      items: list(object({ key: text, ...sum }, ["key"])),
      total: object(sum),
    },
    ["by", "from", "to", "items", "total"],
  ),
  Status: { type: "object" },
  Message: message,
  ...FLOW_SCHEMAS,
  ...FRAME_SCHEMAS,
  ...JOB_SCHEMAS,
};
