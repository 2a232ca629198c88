import { ref, SCHEMAS, type SchemaName } from "./openapi-schemas.ts";

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly summary: string;
  readonly tag: "system" | "openai" | "agents" | "turns" | "sessions" | "operator";
  readonly isPublic?: boolean;
  readonly body?: SchemaName;
  readonly answers: Readonly<Record<string, SchemaName | "html" | "events" | "nothing">>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

const PAGE_QUERY = { cursor: "Where the last page ended", limit: "Items of a page, 1 to 200" };
const IDEMPOTENCY = {
  "idempotency-key": "The same key with the same body joins the first turn; with another body it is refused",
};

const OPERATIONS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  "/": {
    get: {
      summary: "A page that says how to talk to Troupe",
      tag: "system",
      isPublic: true,
      answers: { 200: "html" },
    },
  },
  "/health": {
    get: { summary: "Whether the process lives", tag: "system", isPublic: true, answers: { 200: "Health" } },
  },
  "/ready": {
    get: {
      summary: "Whether it takes work, and if not, why",
      tag: "system",
      isPublic: true,
      answers: { 200: "Readiness", 503: "Readiness" },
    },
  },
  "/api/openapi.json": {
    get: { summary: "This description", tag: "system", isPublic: true, answers: { 200: "Status" } },
  },
  "/v1/chat/completions": {
    post: {
      summary: "Talk to an agent in OpenAI's dialect",
      tag: "openai",
      body: "ChatCompletionRequest",
      answers: { 200: "ChatCompletion" },
      headers: {
        ...IDEMPOTENCY,
        "x-troupe-session":
          "Name of the conversation. With it Troupe keeps the history, and only what follows the last assistant message is new",
        "x-stainless-retry-count": "Above 0: joins the turn of the same request of the last ten minutes",
      },
    },
  },
  "/v1/models": { get: { summary: "The agents, as models", tag: "openai", answers: { 200: "ModelList" } } },
  "/v1/models/{id}": { get: { summary: "One agent, as a model", tag: "openai", answers: { 200: "Model" } } },
  "/api/agents": { get: { summary: "The agents", tag: "agents", answers: { 200: "AgentList" } } },
  "/api/agents/{id}": { get: { summary: "One agent", tag: "agents", answers: { 200: "Agent" } } },
  "/api/agents/{id}/messages": {
    post: {
      summary: "Send a message. With accept: text/event-stream the turn's events are streamed",
      tag: "agents",
      body: "MessageRequest",
      answers: { 200: "MessageOutcome", 202: "Receipt" },
      query: { wait: "false: answer with a receipt as soon as the message is kept" },
      headers: { ...IDEMPOTENCY, prefer: "respond-async: the same as wait=false" },
    },
  },
  "/api/turns": {
    get: {
      summary: "Turns, newest first",
      tag: "turns",
      answers: { 200: "TurnPage" },
      query: {
        ...PAGE_QUERY,
        session: "Only of this session",
        state: "Only in these states, joined by commas",
      },
    },
  },
  "/api/turns/{id}": {
    get: {
      summary: "All that is kept of a turn, from receipt to delivery",
      tag: "turns",
      answers: { 200: "TurnChain" },
    },
  },
  "/api/turns/{id}/events": {
    get: {
      summary: "The turn's events, replayed and live; of an ended one its end",
      tag: "turns",
      answers: { 200: "events" },
    },
  },
  "/api/turns/{id}/cancel": {
    post: { summary: "Stop a turn", tag: "turns", answers: { 200: "CancelResult" } },
  },
  "/api/sessions": {
    get: {
      summary: "Conversations, last used first",
      tag: "sessions",
      answers: { 200: "SessionPage" },
      query: { ...PAGE_QUERY, agent: "Only of this agent", stateless: "true: calls that stood alone, too" },
    },
  },
  "/api/sessions/{id}": {
    get: { summary: "One conversation", tag: "sessions", answers: { 200: "Session" } },
  },
  "/api/sessions/{id}/messages": {
    get: {
      summary: "What was said, in order",
      tag: "sessions",
      answers: { 200: "MessagePage" },
      query: { ...PAGE_QUERY, newest: "true: the last page instead of the first" },
    },
  },
  "/api/keys": {
    get: { summary: "The keys, without the keys themselves", tag: "operator", answers: { 200: "KeyList" } },
    post: { summary: "Make a key", tag: "operator", body: "KeyRequest", answers: { 201: "NewKey" } },
  },
  "/api/keys/{id}": { delete: { summary: "Revoke a key", tag: "operator", answers: { 204: "nothing" } } },
  "/api/status": {
    get: {
      summary: "What waits, since when, and what is wrong",
      tag: "operator",
      answers: { 200: "Status" },
    },
  },
};

/** OpenAPI 3.1 of the public face. Source: spec.openapis.org/oas/v3.1.1. */
export function openApiDocument(version: string): Json {
  const paths = Object.entries(OPERATIONS).map(([path, methods]) => [
    path,
    Object.fromEntries(
      Object.entries(methods).map(([method, operation]) => [method, describe(path, operation)]),
    ),
  ]);
  return {
    openapi: "3.1.1",
    info: {
      title: "Troupe",
      version,
      description: "A self-hosted runtime for a cast of AI agents.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }, { apiKey: [] }],
    paths: Object.fromEntries(paths),
    components: {
      schemas: SCHEMAS,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        apiKey: { type: "apiKey", in: "header", name: "x-api-key" },
      },
    },
  };
}

function describe(path: string, operation: Operation): Json {
  const failure = operation.tag === "openai" ? ref("OpenAiError") : ref("Problem");
  const failureType = operation.tag === "openai" ? "application/json" : "application/problem+json";
  const answers = Object.entries(operation.answers).map(([status, shape]) => [status, answerOf(shape)]);
  return {
    summary: operation.summary,
    tags: [operation.tag],
    ...(operation.isPublic === true ? { security: [] } : {}),
    parameters: parametersOf(path, operation),
    ...(operation.body === undefined
      ? {}
      : {
          requestBody: { required: true, content: { "application/json": { schema: ref(operation.body) } } },
        }),
    responses: {
      ...Object.fromEntries(answers),
      default: { description: "What went wrong", content: { [failureType]: { schema: failure } } },
    },
  };
}

function answerOf(shape: Operation["answers"][string]): Json {
  if (shape === "nothing") return { description: "Done" };
  if (shape === "html") return { description: "A page", content: { "text/html": {} } };
  if (shape === "events") return { description: "Events", content: { "text/event-stream": {} } };
  return { description: shape, content: { "application/json": { schema: ref(shape) } } };
}

function parametersOf(path: string, operation: Operation): readonly Json[] {
  const named = (place: string, fields: Readonly<Record<string, string>> = {}): Json[] =>
    Object.entries(fields).map(([name, description]) => ({
      name,
      in: place,
      description,
      schema: { type: "string" },
    }));
  const ids = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  return [...ids, ...named("query", operation.query), ...named("header", operation.headers)];
}
