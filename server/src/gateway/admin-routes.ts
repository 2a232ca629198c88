import { parseJson, readBody } from "./call.ts";
import type { AdminRoute } from "./deps.ts";
import type { Face } from "./face.ts";
import { emptyReply, jsonReply } from "./reply.ts";
import type { KeyedRoute } from "./route.ts";

/** Routes of other folders, which know nothing of the web framework. */
export function buildAdminRoutes(face: Face, routes: readonly AdminRoute[]): readonly KeyedRoute[] {
  const { bodyBytes, mediaBodyBytes } = face.limits;
  return routes.map((route) => ({
    method: route.method,
    path: route.path,
    access: "operator",
    async handle(call) {
      const { req } = call.context;
      const result = await route.handle({
        params: req.param(),
        query: new URL(req.url).searchParams,
        principal: call.principal,
        signal: face.lifetime.signal,
        async json() {
          const text = await readBody(call, route.bringsFile === true ? mediaBodyBytes : bodyBytes);
          return text === "" ? undefined : parseJson(text);
        },
      });
      if (result instanceof Response) return result;
      return result === undefined ? emptyReply(204) : jsonReply(result);
    },
  }));
}
