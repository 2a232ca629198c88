import { headerOf } from "../call.ts";
import type { Face } from "../face.ts";
import { openApiDocument } from "../openapi.ts";
import { createPage } from "../page.ts";
import { jsonReply, SECURITY_HEADERS } from "../reply.ts";
import type { Route } from "../route.ts";

/** What Troupe says about itself. `/health` and `/ready` are for supervisors: feature NR-020. */
export function systemRoutes(face: Face): readonly Route[] {
  const page = createPage(face.deps.version);
  let description: string | undefined;
  return [
    {
      method: "GET",
      path: "/",
      access: "public",
      handle: (call) => {
        const { html, contentSecurityPolicy, language } = page(
          headerOf(call, "accept-language"),
          headerOf(call, "host"),
        );
        const headers = {
          ...SECURITY_HEADERS,
          "content-type": "text/html; charset=utf-8",
          "content-language": language,
          "content-security-policy": contentSecurityPolicy,
          vary: "accept-language",
        };
        return { status: 200, headers, body: html };
      },
    },
    {
      method: "GET",
      path: "/health",
      access: "public",
      handle: () => jsonReply({ status: "ok", version: face.deps.version }),
    },
    {
      method: "GET",
      path: "/ready",
      access: "public",
      handle: () => {
        const { ready, reasons } = readiness(face);
        return jsonReply({ ready, reasons }, { status: ready ? 200 : 503 });
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
      handle: () => {
        description ??= JSON.stringify(openApiDocument(face.deps.version));
        return { ...jsonReply(null), body: description };
      },
    },
  ];
}

export function readiness(face: Face): { readonly ready: boolean; readonly reasons: readonly string[] } {
  return face.isClosing() ? { ready: false, reasons: ["Troupe is closing."] } : face.deps.health.ready();
}
