import type { Health } from "../deps.ts";
import type { Face } from "../face.ts";
import { failureReply, jsonReply, type Reply } from "../reply.ts";
import type { Route } from "../route.ts";

/** What Troupe says about itself. `/health` and `/ready` are for supervisors: feature NR-020. */
export function systemRoutes(face: Face): readonly Route[] {
  let description: string | undefined;
  return [
    {
      method: "GET",
      path: "/health",
      access: "public",
      handle: () => jsonReply({ status: "ok", version: face.deps.version }),
    },
    { method: "GET", path: "/ws", access: "public", handle: noSocket },
    {
      method: "GET",
      path: "/ready",
      access: "public",
      handle: () => {
        const said = readiness(face);
        return jsonReply(said, { status: said.ready ? 200 : 503 });
      },
    },
    {
      method: "GET",
      path: "/api/status",
      access: "operator",
      handle: async () => jsonReply(await face.deps.health.status()),
    },
    {
      method: "GET",
      path: "/api/openapi.json",
      access: "public",
      handle: async () => {
        description ??= JSON.stringify((await import("../openapi.ts")).openApiDocument(face.deps.version));
        return { ...jsonReply(null), body: description };
      },
    },
  ];
}

/** A WebSocket's handshake never gets here; a plain request is told what this is. Source: RFC 9110 §15.5.22. */
function noSocket(): Reply {
  const message = "This is a WebSocket; connect to it with ws:// or wss://, subprotocol none.";
  const reply = failureReply({ code: "request.invalid", status: 426, message }, "problem");
  return { ...reply, headers: { ...reply.headers, upgrade: "websocket" } };
}

export function readiness(face: Face): ReturnType<Health["ready"]> {
  return face.isClosing() ? { ready: false, reasons: ["Troupe is closing."] } : face.deps.health.ready();
}
