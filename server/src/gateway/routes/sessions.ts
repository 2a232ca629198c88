import { type Call, pageOf } from "../call.ts";
import type { Face } from "../face.ts";
import { jsonReply, type Reply } from "../reply.ts";
import type { Route } from "../route.ts";
import { isOperator, visibleSession } from "../turn-record.ts";

/** Conversations and what was said in them. A key sees its own, an operator all of its space. */
export function sessionRoutes(face: Face): readonly Route[] {
  return [
    { method: "GET", path: "/api/sessions", access: "key", handle: (call) => list(face, call) },
    {
      method: "GET",
      path: "/api/sessions/:id",
      access: "key",
      handle: async (call) => {
        const session = await visibleSession(face.deps.stores, idOf(call), call.principal, face.lifetime);
        const storyline = await face.deps.stores.storylines.ofSession(session.id, face.lifetime);
        return jsonReply({ ...session, storyline: storyline ?? null });
      },
    },
    {
      method: "GET",
      path: "/api/sessions/:id/messages",
      access: "key",
      handle: async (call) => {
        const session = await visibleSession(face.deps.stores, idOf(call), call.principal, face.lifetime);
        const newest = call.context.req.query("newest") === "true";
        const query = { ...pageOf(call), sessionId: session.id, newest };
        return jsonReply(await face.deps.stores.sessions.messages(query, face.lifetime));
      },
    },
  ];
}

async function list(face: Face, call: Call): Promise<Reply> {
  const { principal, context } = call;
  const agentId = context.req.query("agent");
  const page = await face.deps.stores.sessions.list(
    {
      ...pageOf(call),
      spaceId: principal.spaceId,
      ...(isOperator(principal) ? {} : { ownerId: principal.id }),
      ...(agentId === undefined ? {} : { agentId }),
      ...(context.req.query("stateless") === "true" ? { includeStateless: true } : {}),
    },
    face.lifetime,
  );
  return jsonReply(page);
}

function idOf(call: Call): string {
  return call.context.req.param("id") ?? "";
}
