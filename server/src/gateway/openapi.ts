import { FLOW_OPERATIONS } from "./openapi-flows.ts";
import { INBOX_OPERATIONS } from "./openapi-inbox.ts";
import { JOB_OPERATIONS } from "./openapi-jobs.ts";
import { type Operation, PAGE_QUERY } from "./openapi-operation.ts";
import { ref, SCHEMAS } from "./openapi-schemas.ts";

type Json = Readonly<Record<string, unknown>>;

const IDEMPOTENCY = {
  "idempotency-key": "The same key with the same body joins the first turn; with another body it is refused",
};

const CLIENT_TOOLS = {
  "x-troupe-tools":
    "client: only the request's tools are offered; both (the default): beside the agent's own",
};

const OPERATIONS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  "/": {
    get: {
      summary: "The chat page",
      tag: "page",
      isPublic: true,
      answers: { 200: "html" },
    },
  },
  "/assets/{name}": {
    get: { summary: "A file of the chat page", tag: "page", isPublic: true, answers: { 200: "file" } },
  },
  "/api/sign-in": {
    post: {
      summary: "Exchange the code of a link for a cookie; for the chat page",
      tag: "page",
      isPublic: true,
      body: "SignInRequest",
      answers: { 200: "SignedIn" },
    },
    delete: { summary: "Sign this browser out", tag: "page", answers: { 200: "Status" } },
  },
  "/api/me": { get: { summary: "Who asks, and as which browser", tag: "page", answers: { 200: "Me" } } },
  "/api/links": {
    post: {
      summary: "Make a link that signs one browser in, within ten minutes",
      tag: "operator",
      body: "LinkRequest",
      answers: { 201: "Link" },
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
  "/ws": {
    get: {
      summary: "A WebSocket for many sessions: frames are ClientFrame and ServerFrame, one JSON object each",
      tag: "system",
      isPublic: true,
      answers: { 101: "socket", 426: "Problem" },
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
        ...CLIENT_TOOLS,
        "x-troupe-session":
          "Name of the conversation. With it Troupe keeps the history, and only what follows the last assistant message is new",
        "x-stainless-retry-count": "Above 0: joins the turn of the same request of the last ten minutes",
      },
    },
  },
  "/v1/responses": {
    post: {
      summary: "Talk to an agent in OpenAI's newer dialect",
      tag: "openai",
      body: "ResponsesRequest",
      answers: { 200: "Response" },
      headers: {
        ...IDEMPOTENCY,
        ...CLIENT_TOOLS,
        "x-troupe-session": "Name of the conversation, instead of previous_response_id",
      },
    },
  },
  "/v1/responses/{id}": {
    get: { summary: "A response, running or ended", tag: "openai", answers: { 200: "Response" } },
  },
  "/v1/embeddings": {
    post: {
      summary: "Vectors of texts, from the embedding models of a configured list",
      tag: "openai",
      body: "EmbeddingsRequest",
      answers: { 200: "EmbeddingList" },
    },
  },
  "/.well-known/agent-card.json": {
    get: {
      summary: "The first agent's card for other programs' agents, where a2a.enabled is set",
      tag: "a2a",
      isPublic: true,
      answers: { 200: "AgentCard" },
    },
  },
  "/a2a/{id}/.well-known/agent-card.json": {
    get: { summary: "An agent's card", tag: "a2a", isPublic: true, answers: { 200: "AgentCard" } },
  },
  "/a2a/{id}": {
    post: {
      summary: "A2A over JSON-RPC, version 1.0 and 0.3: messages, streams and tasks of one agent",
      tag: "a2a",
      body: "JsonRpcRequest",
      answers: { 200: "JsonRpcResponse" },
      headers: { "a2a-version": "1.0 or 0.3; absent: by how the method is written" },
    },
  },
  "/v1/models": { get: { summary: "The agents, as models", tag: "openai", answers: { 200: "ModelList" } } },
  "/v1/models/{id}": { get: { summary: "One agent, as a model", tag: "openai", answers: { 200: "Model" } } },
  "/api/agents": { get: { summary: "The agents", tag: "agents", answers: { 200: "AgentList" } } },
  "/api/commands": {
    get: {
      summary: "The commands that may be typed in a conversation",
      tag: "agents",
      answers: { 200: "CommandList" },
      query: { language: "en or uk" },
    },
  },
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
  "/api/models": {
    get: {
      summary: "The models of the configured providers, with what is known of them",
      tag: "operator",
      answers: { 200: "ModelCatalogue" },
      query: { provider: "Only of this one" },
    },
  },
  "/api/blobs": {
    post: {
      summary:
        "Upload an image or another file, to name it in a message. The body is the file, content-type its kind",
      tag: "agents",
      answers: { 201: "File" },
      query: { name: "What the file is called" },
    },
  },
  "/api/blobs/{id}": {
    get: { summary: "A file of a message that you may read", tag: "agents", answers: { 200: "file" } },
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
      query: {
        ...PAGE_QUERY,
        agent: "Only of this agent",
        stateless: "true: calls that stood alone, too",
        mine: "true: only of whoever asks; operators see all else",
        query: "Words to find in titles and messages of the 1,000 last used; best first, one page",
      },
    },
  },
  "/api/sessions/{id}": {
    get: { summary: "One conversation", tag: "sessions", answers: { 200: "Session" } },
    patch: {
      summary: "Name a conversation; null gives the name up, and its storyline's title shows again",
      tag: "sessions",
      body: "SessionChange",
      answers: { 200: "Session" },
    },
    delete: {
      summary: "Delete a conversation for good, with all that was said and done in it",
      tag: "sessions",
      answers: { 200: "SessionRemoval" },
      query: { cancel: "true: stop what waits or runs in it first; else that refuses it" },
    },
  },
  "/api/sessions/{id}/branches": {
    post: {
      summary: "Copy a conversation up to a message, to go on from there differently",
      tag: "sessions",
      body: "BranchRequest",
      answers: { 200: "Session", 201: "Session" },
      headers: IDEMPOTENCY,
    },
  },
  "/api/sessions/{id}/export": {
    get: {
      summary: "The whole conversation, streamed",
      tag: "sessions",
      answers: { 200: "SessionExport" },
      query: { format: "json (the default) or markdown" },
    },
  },
  "/api/sessions/{id}/compare/{other}": {
    get: {
      summary: "Two conversations beside each other: what they share, and how each went on",
      tag: "sessions",
      answers: { 200: "SessionComparison" },
    },
  },
  "/api/sessions/{id}/messages": {
    get: {
      summary: "What was said, in order",
      tag: "sessions",
      answers: { 200: "MessagePage" },
      query: { ...PAGE_QUERY, newest: "true: the last page instead of the first" },
    },
    post: {
      summary: "Go on with a conversation of one's own, as POST /api/agents/{id}/messages does",
      tag: "sessions",
      body: "MessageRequest",
      answers: { 200: "MessageOutcome", 202: "Receipt" },
      query: { wait: "false: answer with a receipt as soon as the message is kept" },
      headers: { ...IDEMPOTENCY, prefer: "respond-async: the same as wait=false" },
    },
  },
  ...INBOX_OPERATIONS,
  ...JOB_OPERATIONS,
  ...FLOW_OPERATIONS,
  "/api/keys": {
    get: { summary: "The keys, without the keys themselves", tag: "operator", answers: { 200: "KeyList" } },
    post: { summary: "Make a key", tag: "operator", body: "KeyRequest", answers: { 201: "NewKey" } },
  },
  "/api/keys/{id}": { delete: { summary: "Revoke a key", tag: "operator", answers: { 204: "nothing" } } },
  "/api/usage": {
    get: {
      summary: "What models were asked and what it cost: an operator sees all, a key its own",
      tag: "turns",
      query: {
        by: "agent, peer, model, day (the default) or purpose",
        from: "First UTC day, 2026-11-01; by default the first of this month",
        to: "Last UTC day; by default today",
        limit: "Lines, 1 to 1000; by default 200",
      },
      answers: { 200: "Usage" },
    },
  },
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
      Object.entries(methods).map(([method, operation]) => [method, describe(method, path, operation)]),
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

/** `postAgentsByIdMessages`, `postV1ChatCompletions`: names that generated clients give their methods. */
function operationIdOf(method: string, path: string): string {
  const words = path
    .replace(/^\/api\//, "/")
    .replace(/\{(\w+)\}/g, "by-$1")
    .split(/\W+/)
    .filter((word) => word !== "");
  return [method, ...words.map((word) => word.charAt(0).toUpperCase() + word.slice(1))].join("");
}

function describe(method: string, path: string, operation: Operation): Json {
  const failure = operation.tag === "openai" ? ref("OpenAiError") : ref("Problem");
  const failureType = operation.tag === "openai" ? "application/json" : "application/problem+json";
  const answers = Object.entries(operation.answers).map(([status, shape]) => [status, answerOf(shape)]);
  return {
    operationId: operationIdOf(method, path),
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
  if (shape === "socket") return { description: "From here on: WebSocket frames (RFC 6455)" };
  if (shape === "nothing") return { description: "Done" };
  if (shape === "html") return { description: "A page", content: { "text/html": {} } };
  if (shape === "file") return { description: "A file", content: { "*/*": {} } };
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
