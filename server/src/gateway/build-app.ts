import { DEFAULT_SPACE_ID, type KeyRecord, type Principal, TroupeError } from "@troupe/contracts";
import { Hono } from "hono";
import type { Counter } from "../kit/index.ts";
import { type Call, type FaceEnv, headerOf, nodeOf, type PublicCall } from "./call.ts";
import type { Face } from "./face.ts";
import type { HostGuard } from "./hosts.ts";
import { type Answer, type Dialect, deliver, type Failure, failureOf, failureReply } from "./reply.ts";
import type { KeyedRoute, Route } from "./route.ts";
import { readiness } from "./routes/system.ts";
import { isOperator } from "./turn-record.ts";

/** How a face knows who asks: by a key, or because only the operator can reach it. */
export type Access =
  | { readonly kind: "keys"; readonly guard: HostGuard }
  | { readonly kind: "operator"; readonly principal: Principal };

export const OPERATOR: Principal = { spaceId: DEFAULT_SPACE_ID, kind: "operator", id: "operator" };

/** The one route table as an app. Each request passes Host, readiness, key and right, in this order, then its route. */
export function buildApp(face: Face, routes: readonly Route[], access: Access): Hono<FaceEnv> {
  const app = new Hono<FaceEnv>();
  const requests = face.deps.metrics.counter("http_requests_total", "Requests by route and status.");
  for (const route of routes) {
    app.on(route.method, route.path, async (context) => {
      const call: PublicCall = { context, node: nodeOf(context) };
      const answer = await answerOf(face, route, access, call);
      count(requests, route.path, answer, call);
      return deliver(answer, call.node);
    });
  }
  app.notFound((context) => {
    const call: PublicCall = { context, node: nodeOf(context) };
    const refused = refuseStranger(access, call);
    const unknown: Failure = {
      code: "request.not_found",
      message: `There is no ${context.req.method} ${context.req.path.slice(0, 120)} here. /api/openapi.json lists what there is.`,
    };
    const reply = failureReply(
      refused ?? unknown,
      context.req.path.startsWith("/v1/") ? "openai" : "problem",
    );
    count(requests, "none", reply, call);
    return deliver(reply, call.node);
  });
  return app;
}

async function answerOf(face: Face, route: Route, access: Access, call: PublicCall): Promise<Answer> {
  const dialect: Dialect = route.dialect ?? "problem";
  try {
    const refused = refuseStranger(access, call) ?? refuseEarly(face, route, access);
    if (refused !== undefined) return failureReply(refused, dialect);
    if (route.access === "public") return await route.handle(call);
    const principal = access.kind === "operator" ? access.principal : await authenticate(face, call);
    return await handleKeyed(route, { ...call, principal });
  } catch (error) {
    const failure = failureOf(error);
    if (failure !== undefined) return failureReply(failure, dialect);
    face.deps.logger.error("gateway.request_failed", { route: `${route.method} ${route.path}`, error });
    return failureReply(
      { code: "internal", message: "Something went wrong inside. The log tells more." },
      dialect,
    );
  }
}

function handleKeyed(route: KeyedRoute, call: Call): Answer | Promise<Answer> {
  if (route.access === "operator" && !isOperator(call.principal)) {
    throw new TroupeError("This needs an operator's key.", { code: "auth.forbidden" });
  }
  return route.handle(call);
}

function refuseStranger(access: Access, call: PublicCall): Failure | undefined {
  if (access.kind === "operator") return undefined;
  const localAddress = call.node?.incoming.socket.localAddress;
  const reason = access.guard.refuse(headerOf(call, "host"), headerOf(call, "origin"), localAddress);
  return reason === undefined ? undefined : { code: "auth.forbidden", message: reason };
}

/** The operator may look around before all is ready; work is accepted by nobody. */
function refuseEarly(face: Face, route: Route, access: Access): Failure | undefined {
  if (route.access === "public" || (access.kind === "operator" && route.acceptsWork !== true))
    return undefined;
  const { ready, reasons } = readiness(face);
  if (ready) return undefined;
  return { code: "not_ready", message: `Troupe is not ready: ${reasons.join(" ") || "it is starting."}` };
}

async function authenticate(face: Face, call: PublicCall): Promise<Principal> {
  const key = keyOf(call);
  if (key === undefined) {
    throw new TroupeError("Send a key: authorization: Bearer <key>. ./troupe key create makes one.", {
      code: "auth.required",
    });
  }
  const found = face.deps.keyRing.find(key, face.lifetime);
  const record: KeyRecord | undefined = found instanceof Promise ? await found : found;
  if (record === undefined) {
    throw new TroupeError("This key is unknown or revoked.", { code: "auth.invalid" });
  }
  return { spaceId: record.spaceId, kind: record.kind, id: record.id };
}

function keyOf(call: PublicCall): string | undefined {
  const authorization = headerOf(call, "authorization");
  const key =
    authorization === undefined
      ? headerOf(call, "x-api-key")
      : authorization.slice(0, 7).toLowerCase() === "bearer "
        ? authorization.slice(7)
        : undefined;
  const trimmed = key?.trim();
  return trimmed === "" ? undefined : trimmed;
}

function count(requests: Counter, route: string, answer: Answer, call: PublicCall): void {
  const status =
    answer instanceof Response ? (call.node?.outgoing.statusCode ?? answer.status) : answer.status;
  requests.add(1, { route, status: String(status) });
}
