import type { Clock, Logger } from "@troupe/contracts";
import type { Hono } from "hono";
import type { Metrics } from "../kit/index.ts";
import { a2aRoutes } from "./a2a/routes.ts";
import { buildAdminRoutes } from "./admin-routes.ts";
import { type Access, buildApp, OPERATOR } from "./build-app.ts";
import type { FaceEnv } from "./call.ts";
import { createCors } from "./cors.ts";
import {
  type AdminRoute,
  DEFAULT_LIMITS,
  type FaceDeps,
  type FaceLimits,
  type GatewayConfig,
  type Health,
} from "./deps.ts";
import { createFace, type Face } from "./face.ts";
import { createHostGuard } from "./hosts.ts";
import { type ListenerDeps, type Listening, listenOnPort, listenOnSocket } from "./listener.ts";
import { buildMetricsApp } from "./metrics-app.ts";
import { completionRoutes } from "./openai/completion-routes.ts";
import { embeddingRoutes } from "./openai/embeddings-routes.ts";
import { responseRoutes } from "./openai/responses-routes.ts";
import type { Route } from "./route.ts";
import { agentRoutes } from "./routes/agents.ts";
import { blobRoutes } from "./routes/blobs.ts";
import { flowRoutes } from "./routes/flows.ts";
import { inboxRoutes } from "./routes/inbox.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { keyRoutes } from "./routes/keys.ts";
import { messageRoutes } from "./routes/messages.ts";
import { modelRoutes } from "./routes/models.ts";
import { pageRoutes } from "./routes/page.ts";
import { sessionChangeRoutes } from "./routes/session-changes.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { signInRoutes } from "./routes/sign-in.ts";
import { systemRoutes } from "./routes/system.ts";
import { turnRoutes } from "./routes/turns.ts";
import { usageRoutes } from "./routes/usage.ts";
import { createSocketHub } from "./websocket/hub.ts";

/** The public face: HTTP on a port, with keys. */
export interface Gateway {
  readonly app: Hono<FaceEnv>;
  /** Answers in process, as the listener would. */
  fetch(request: Request): Response | Promise<Response>;
  /** Opens the configured port. Rejects with `port.taken`, naming who has it, or `config.invalid`. */
  listen(options?: { readonly setting?: string }): Promise<Listening>;
}

/** The operator's face: the same routes without keys, over a socket that nobody else can open, or in process. */
export interface AdminApp {
  readonly app: Hono<FaceEnv>;
  fetch(request: Request): Response | Promise<Response>;
  /** Opens a Unix domain socket with mode 0600; one that a dead process left is taken over. */
  listen(options: { readonly socketPath: string }): Promise<Listening>;
}

/** Counters for a scraper, on a port of their own. */
export interface MetricsListener {
  readonly app: Hono<FaceEnv>;
  listen(options?: { readonly setting?: string }): Promise<Listening>;
}

/** Every route of the public face, in one table. */
export function routesOf(face: Face): readonly Route[] {
  return [
    ...systemRoutes(face),
    ...pageRoutes(face),
    ...signInRoutes(face),
    ...completionRoutes(face),
    ...responseRoutes(face),
    ...embeddingRoutes(face),
    ...a2aRoutes(face),
    ...agentRoutes(face),
    ...messageRoutes(face),
    ...blobRoutes(face),
    ...modelRoutes(face),
    ...turnRoutes(face),
    ...sessionRoutes(face),
    ...sessionChangeRoutes(face),
    ...keyRoutes(face),
    ...usageRoutes(face),
    ...inboxRoutes(face),
    ...jobRoutes(face),
    ...flowRoutes(face),
  ];
}

/** `adminRoutes`: for the port of the operator, who shows a key there as everywhere on the network. */
export function createGateway(
  deps: FaceDeps & { readonly config: GatewayConfig; readonly adminRoutes?: readonly AdminRoute[] },
): Gateway {
  const { config, adminRoutes = [] } = deps;
  const face = createFace(deps, "api");
  const access: Access = {
    kind: "keys",
    guard: createHostGuard(config),
    cors: createCors(config.corsOrigins ?? []),
  };
  const app = buildApp(face, [...routesOf(face), ...buildAdminRoutes(face, adminRoutes)], access);
  return {
    app,
    fetch: (request) => app.fetch(request),
    listen: ({ setting = "server.port" } = {}) =>
      listenOnPort({ ...deps, app, limits: face.limits, ...withSockets(face, access) }, config, setting),
  };
}

export function createAdminApp(deps: FaceDeps & { readonly adminRoutes?: readonly AdminRoute[] }): AdminApp {
  const face = createFace(deps, "terminal");
  const routes = [...routesOf(face), ...buildAdminRoutes(face, deps.adminRoutes ?? [])];
  const access: Access = { kind: "operator", principal: OPERATOR };
  const app = buildApp(face, routes, access);
  return {
    app,
    fetch: (request) => app.fetch(request),
    listen: ({ socketPath }) =>
      listenOnSocket({ ...deps, app, limits: face.limits, ...withSockets(face, access) }, socketPath),
  };
}

/** WebSockets beside the routes of a listener; both end together. */
function withSockets(face: Face, access: Access): Pick<ListenerDeps, "closing" | "upgrade"> {
  const hub = createSocketHub(face, access);
  return {
    upgrade: hub.upgrade,
    closing: {
      beginClosing() {
        face.beginClosing();
        hub.close();
      },
      finishClosing() {
        face.finishClosing();
        hub.terminate();
      },
    },
  };
}

export function createMetricsListener(deps: {
  readonly metrics: Metrics;
  /** Whether the process takes work; without it `/ready` is not served here. */
  readonly ready?: Health["ready"];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<FaceLimits>;
  readonly config: GatewayConfig;
}): MetricsListener {
  const app = buildMetricsApp(deps, createHostGuard(deps.config));
  const limits = { ...DEFAULT_LIMITS, ...deps.limits };
  const closing = { beginClosing: () => undefined, finishClosing: () => undefined };
  return {
    app,
    listen: ({ setting = "server.metricsPort" } = {}) =>
      listenOnPort({ ...deps, app, limits, closing }, deps.config, setting),
  };
}
