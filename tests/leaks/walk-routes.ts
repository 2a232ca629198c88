// Every operation of the API: how it is walked, or why it is not.

export type Kind = "session" | "turn" | "response" | "job" | "item" | "blob" | "agent";

export interface Plan {
  /** What its ids are of: one's own are read, others' must be refused. */
  readonly of?: Kind;
  readonly queries?: (words: readonly string[], foreignIds: readonly string[]) => readonly string[];
}

const each = (name: string, values: readonly string[]): readonly string[] =>
  values.map((value) => `?${name}=${encodeURIComponent(value)}`);

/** What whoever has a key may read, all pages of it. */
export const READS: Readonly<Record<string, Plan>> = {
  "GET /": {},
  "GET /health": {},
  "GET /ready": {},
  "GET /api/openapi.json": {},
  "GET /.well-known/agent-card.json": {},
  "GET /a2a/{id}/.well-known/agent-card.json": { of: "agent" },
  "GET /api/me": {},
  "GET /api/agents": {},
  "GET /api/agents/{id}": { of: "agent" },
  "GET /api/commands": {},
  "GET /v1/models": {},
  "GET /v1/models/{id}": { of: "agent" },
  "GET /api/sessions": {
    queries: (words) => [
      ...["", "?stateless=true", "?mine=true", "?agent=bob", "?limit=2"],
      ...each("query", words),
    ],
  },
  "GET /api/sessions/{id}": { of: "session" },
  "GET /api/sessions/{id}/messages": { of: "session", queries: () => ["", "?newest=true&limit=3"] },
  "GET /api/sessions/{id}/export": { of: "session", queries: () => ["", "?format=markdown"] },
  "GET /api/sessions/{id}/compare/{other}": { of: "session" },
  "GET /api/turns": { of: "session", queries: (_, foreignIds) => ["", ...each("session", foreignIds)] },
  "GET /api/turns/{id}": { of: "turn" },
  "GET /api/turns/{id}/events": { of: "turn" },
  "GET /v1/responses/{id}": { of: "response" },
  "GET /api/usage": { queries: () => each("by", ["agent", "peer", "model", "day", "purpose"]) },
  "GET /api/inbox": { queries: () => ["", "?unread=true"] },
  "GET /api/inbox/{id}": { of: "item" },
  "GET /api/jobs": { queries: () => ["", "?all=true", "?mine=true"] },
  "GET /api/jobs/{id}": { of: "job" },
  "GET /api/jobs/{id}/runs": { of: "job" },
  "GET /api/blobs/{id}": { of: "blob" },
};

/** What would change something: tried with what is others'. */
export const FOREIGN: Readonly<Record<string, { readonly of: Kind; readonly body?: unknown }>> = {
  "PATCH /api/sessions/{id}": { of: "session", body: { title: "mine" } },
  "DELETE /api/sessions/{id}": { of: "session" },
  "POST /api/sessions/{id}/branches": { of: "session", body: { messageId: "x" } },
  "POST /api/sessions/{id}/messages": { of: "session", body: { text: "Hello!" } },
  "POST /api/turns/{id}/cancel": { of: "turn" },
  "POST /api/inbox/{id}/read": { of: "item" },
  "POST /api/inbox/{id}/unread": { of: "item" },
  "DELETE /api/inbox/{id}": { of: "item" },
  "PATCH /api/jobs/{id}": { of: "job", body: { title: "mine" } },
  "POST /api/jobs/{id}/pause": { of: "job" },
  "POST /api/jobs/{id}/resume": { of: "job" },
  "POST /api/jobs/{id}/cancel": { of: "job" },
  "POST /api/jobs/{id}/run": { of: "job" },
};

/** Refused to every key that is no operator's. */
export const OPERATORS: Readonly<Record<string, true>> = {
  "POST /api/links": true,
  "GET /api/models": true,
  "GET /api/keys": true,
  "POST /api/keys": true,
  "DELETE /api/keys/{id}": true,
  "GET /api/status": true,
  "GET /api/flows": true,
  "POST /api/flows": true,
  "GET /api/flows/definitions": true,
  "POST /api/flows/events": true,
  "GET /api/flows/{id}": true,
  "POST /api/flows/{id}/resume": true,
  "POST /api/flows/{id}/cancel": true,
};

/** Walked elsewhere, or by nobody, with the reason. */
export const OTHERWISE: Readonly<Record<string, string>> = {
  "GET /ws": "walk-socket.ts reads by it",
  "POST /a2a/{id}": "walk-socket.ts asks it for tasks, and people talk by it",
  "POST /api/agents/{id}/messages": "people talk by it, and each answer is looked at",
  "POST /v1/chat/completions": "people talk by it, and each answer is looked at",
  "POST /v1/responses": "people talk by it, and each answer is looked at",
  "POST /api/blobs": "people send files by it; it answers with what it was given",
  "POST /api/jobs": "it answers with what it was given; agents make the jobs here",
  "POST /api/inbox/read": "it answers with a number, and marks one's own alone",
  "POST /v1/embeddings": "it answers with vectors of what it was given",
  "POST /api/sign-in": "it changes the code of a link for a cookie of the same principal",
  "DELETE /api/sign-in": "it ends the cookie that it is called with",
  "GET /assets/{name}": "files of the build, the same for everybody",
};
