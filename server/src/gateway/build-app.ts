import { DEFAULT_SPACE_ID, type Principal, TroupeError } from "@troupe/contracts";
import { Hono } from "hono";
import type { Counter } from "../kit/index.ts";
import { type Authenticate, createAuthenticate } from "./authenticate.ts";
import { type Call, type FaceEnv, type Headed, headerOf, nodeOf, type PublicCall } from "./call.ts";
import type { Cors } from "./cors.ts";
import type { Face } from "./face.ts";
import type { HostGuard } from "./hosts.ts";
import { RateError } from "./rates.ts";
import {
  type Answer,
  type Dialect,
  deliver,
  type Failure,
  failureOf,
  failureReply,
  UNPLANNED,
} from "./reply.ts";
import type { KeyedRoute, Route } from "./route.ts";
import { readiness } from "./routes/system.ts";
import { isOperator } from "./turn-record.ts";

/** How a face knows who asks: by a key, or because only the operator can reach it. */
export type Access =
  | { readonly kind: "keys"; readonly guard: HostGuard; readonly cors: Cors }
  | { readonly kind: "operator"; readonly principal: Principal };

export const OPERATOR: Principal = { spaceId: DEFAULT_SPACE_ID, kind: "operator", id: "operator" };

/**
 * The one route table as an app. Each request passes Host, readiness, the limit of its address, key, the limit of that,
 * and right, in this order, then its route.
 */
export function buildApp(face: Face, routes: readonly Route[], access: Access): Hono<FaceEnv> {
  const app = new Hono<FaceEnv>();
  const authenticate: Authenticate =
    access.kind === "operator" ? () => Promise.resolve(access.principal) : createAuthenticate(face);
  const requests = face.deps.metrics.counter("http_requests_total", "Requests by route and status.");
  for (const route of routes) {
    app.on(route.method, route.path, async (context) => {
      const call: PublicCall = { context, node: nodeOf(context) };
      tell(call, access.kind === "keys" ? access.cors.headersFor(call) : undefined);
      const answer = await answerOf(face, route, access, authenticate, call);
      count(requests, route.path, answer, call);
      return deliver(answer, call.node);
    });
  }
  app.notFound((context) => {
    const call: PublicCall = { context, node: nodeOf(context) };
    const refused = refuseStranger(access, call);
    const allowed = access.kind === "keys" && refused === undefined && context.req.method === "OPTIONS";
    const preflight = allowed ? access.cors.preflight(call) : undefined;
    if (preflight !== undefined) return deliver(preflight, call.node);
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
  // Routes tell their own errors; what is left are answers that could not be written.
  app.onError((error, context) => {
    face.deps.logger.error("gateway.request_failed", { route: context.req.path.slice(0, 120), error });
    return deliver(failureReply(UNPLANNED, "problem"), nodeOf(context));
  });
  return app;
}

async function answerOf(
  face: Face,
  route: Route,
  access: Access,
  authenticate: Authenticate,
  call: PublicCall,
): Promise<Answer> {
  const dialect: Dialect = route.dialect ?? "problem";
  try {
    const refused = refuseStranger(access, call) ?? refuseEarly(face, route, access);
    if (refused !== undefined) return failureReply(refused, dialect);
    if (route.access === "public") return await route.handle(call);
    const isLimited = access.kind === "keys";
    if (isLimited) tell(call, face.rates.ofAddress(call.node?.incoming.socket.remoteAddress ?? ""));
    const principal = await authenticate(call);
    if (isLimited) tell(call, face.rates.ofKey(principal));
    return await handleKeyed(route, { ...call, principal });
  } catch (error) {
    if (error instanceof RateError) tell(call, error.headers);
    const failure = failureOf(error);
    if (failure !== undefined) return failureReply(failure, dialect);
    face.deps.logger.error("gateway.request_failed", { route: `${route.method} ${route.path}`, error });
    return failureReply(UNPLANNED, dialect);
  }
}

/** Headers of whatever is answered; in process nobody reads them. */
function tell({ node }: PublicCall, headers: Readonly<Record<string, string>> | undefined): void {
  if (node === undefined || headers === undefined) return;
  for (const [name, value] of Object.entries(headers)) node.outgoing.setHeader(name, value);
}

function handleKeyed(route: KeyedRoute, call: Call): Answer | Promise<Answer> {
  if (route.access === "operator" && !isOperator(call.principal)) {
    throw new TroupeError("This needs an operator's key.", { code: "auth.forbidden" });
  }
  return route.handle(call);
}

export function refuseStranger(access: Access, call: Headed): Failure | undefined {
  if (access.kind === "operator") return undefined;
  const localAddress = call.node?.incoming.socket.localAddress;
  const reason = access.guard.refuse(headerOf(call, "host"), headerOf(call, "origin"), localAddress);
  return reason === undefined ? undefined : { code: "auth.forbidden", message: reason };
}

/** The operator may look around before all is ready; work is accepted by nobody. */
export function refuseEarly(
  face: Face,
  route: Pick<Route, "access" | "acceptsWork">,
  access: Access,
): Failure | undefined {
  if (route.access === "public" || (access.kind === "operator" && route.acceptsWork !== true))
    return undefined;
  const { ready, reasons } = readiness(face);
  if (ready) return undefined;
  return { code: "not_ready", message: `Troupe is not ready: ${reasons.join(" ") || "it is starting."}` };
}

function count(requests: Counter, route: string, answer: Answer, call: PublicCall): void {
  const status =
    answer instanceof Response ? (call.node?.outgoing.statusCode ?? answer.status) : answer.status;
  requests.add(1, { route, status: String(status) });
}
