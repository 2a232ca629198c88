import { type Call, pageOf } from "../call.ts";
import type { Face } from "../face.ts";
import { FieldError, jsonReply, type Reply, SECURITY_HEADERS } from "../reply.ts";
import type { Route } from "../route.ts";
import { compareSessions } from "../session-compare.ts";
import { EXPORT_TYPES, type ExportFormat, exportSession } from "../session-export.ts";
import { searchSessions } from "../session-search.ts";
import { isOperator, shownSession, visibleSession } from "../turn-record.ts";

/** Conversations and what was said in them. A key sees its own, an operator all of its space. */
export function sessionRoutes(face: Face): readonly Route[] {
  const { stores } = face.deps;
  return [
    { method: "GET", path: "/api/sessions", access: "key", handle: (call) => list(face, call) },
    {
      method: "GET",
      path: "/api/sessions/:id",
      access: "key",
      handle: async (call) =>
        jsonReply(await shownSession(stores, idOf(call), call.principal, face.lifetime)),
    },
    {
      method: "GET",
      path: "/api/sessions/:id/messages",
      access: "key",
      handle: async (call) => {
        const session = await visibleSession(stores, idOf(call), call.principal, face.lifetime);
        const newest = call.context.req.query("newest") === "true";
        const query = { ...pageOf(call), sessionId: session.id, newest };
        return jsonReply(await stores.sessions.messages(query, face.lifetime));
      },
    },
    {
      method: "GET",
      path: "/api/sessions/:id/export",
      access: "key",
      handle: (call) => sendExport(face, call),
    },
    {
      method: "GET",
      path: "/api/sessions/:id/compare/:other",
      access: "key",
      handle: async (call) => {
        const [left, right] = await Promise.all(
          [idOf(call), call.context.req.param("other") ?? ""].map((id) =>
            shownSession(stores, id, call.principal, face.lifetime),
          ),
        );
        if (left === undefined || right === undefined) throw new TypeError("Two were asked for.");
        return jsonReply(await compareSessions(stores, left, right, face.lifetime));
      },
    },
  ];
}

const LONGEST_QUERY = 200;
const FOUND = 20;

async function list(face: Face, call: Call): Promise<Reply> {
  const { principal, context } = call;
  const { stores } = face.deps;
  const agentId = context.req.query("agent");
  const text = context.req.query("query")?.trim() ?? "";
  const page = pageOf(call);
  const scope = { spaceId: principal.spaceId, ...(agentId === undefined ? {} : { agentId }) };
  if (text !== "") {
    if (text.length > LONGEST_QUERY)
      throw new FieldError("query", `query is longer than ${LONGEST_QUERY} characters.`);
    const search = { ...scope, text, limit: page.limit ?? FOUND };
    return jsonReply({ items: await searchSessions(stores, principal, search, face.lifetime) });
  }
  const query = {
    ...page,
    ...scope,
    ...(isOperator(principal) && context.req.query("mine") !== "true" ? {} : { ownerId: principal.id }),
    ...(context.req.query("stateless") === "true" ? { includeStateless: true } : {}),
  };
  return jsonReply(await stores.sessions.list(query, face.lifetime));
}

/** Streamed as it is read: whoever takes it slowly is waited for, and nothing is read for one that is gone. */
async function sendExport(face: Face, call: Call): Promise<Response> {
  const { stores } = face.deps;
  const format = formatOf(call.context.req.query("format"));
  const session = await shownSession(stores, idOf(call), call.principal, face.lifetime);
  const pieces = exportSession(stores, session, format, face.lifetime);
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
  const name = `${session.id}.${format === "json" ? "json" : "md"}`;
  return new Response(body, {
    headers: {
      ...SECURITY_HEADERS,
      "content-type": EXPORT_TYPES[format],
      "content-disposition": `attachment; filename="${name}"`,
    },
  });
}

function formatOf(text: string | undefined): ExportFormat {
  if (text === undefined || text === "json") return "json";
  if (text === "markdown") return "markdown";
  throw new FieldError("format", `format is "${text.slice(0, 20)}"; it must be json or markdown.`);
}

function idOf(call: Call): string {
  return call.context.req.param("id") ?? "";
}
