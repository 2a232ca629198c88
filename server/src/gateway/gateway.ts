import type { Clock, Logger } from "@troupe/contracts";
import type { Hono } from "hono";
import type { Metrics } from "../kit/index.ts";
import { buildAdminRoutes } from "./admin-routes.ts";
import { buildApp, OPERATOR } from "./build-app.ts";
import type { FaceEnv } from "./call.ts";
import {
  type AdminRoute,
  DEFAULT_LIMITS,
  type FaceDeps,
  type FaceLimits,
  type GatewayConfig,
} from "./deps.ts";
import { createFace, type Face } from "./face.ts";
import { createHostGuard } from "./hosts.ts";
import { type Listening, listenOnPort, listenOnSocket } from "./listener.ts";
import { buildMetricsApp } from "./metrics-app.ts";
import type { Route } from "./route.ts";
import { agentRoutes } from "./routes/agents.ts";
import { completionRoutes } from "./routes/completions.ts";
import { keyRoutes } from "./routes/keys.ts";
import { messageRoutes } from "./routes/messages.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { systemRoutes } from "./routes/system.ts";
import { turnRoutes } from "./routes/turns.ts";

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
    ...completionRoutes(face),
    ...agentRoutes(face),
    ...messageRoutes(face),
    ...turnRoutes(face),
    ...sessionRoutes(face),
    ...keyRoutes(face),
  ];
}

export function createGateway(deps: FaceDeps & { readonly config: GatewayConfig }): Gateway {
  const { config } = deps;
  const face = createFace(deps, "api");
  const app = buildApp(face, routesOf(face), { kind: "keys", guard: createHostGuard(config) });
  return {
    app,
    fetch: (request) => app.fetch(request),
    listen: ({ setting = "server.port" } = {}) =>
      listenOnPort(
        { app, limits: face.limits, closing: face, clock: deps.clock, logger: deps.logger },
        config,
        setting,
      ),
  };
}

export function createAdminApp(deps: FaceDeps & { readonly adminRoutes?: readonly AdminRoute[] }): AdminApp {
  const face = createFace(deps, "terminal");
  const routes = [...routesOf(face), ...buildAdminRoutes(face, deps.adminRoutes ?? [])];
  const app = buildApp(face, routes, { kind: "operator", principal: OPERATOR });
  return {
    app,
    fetch: (request) => app.fetch(request),
    listen: ({ socketPath }) =>
      listenOnSocket(
        { app, limits: face.limits, closing: face, clock: deps.clock, logger: deps.logger },
        socketPath,
      ),
  };
}

export function createMetricsListener(deps: {
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<FaceLimits>;
  readonly config: GatewayConfig;
}): MetricsListener {
  const app = buildMetricsApp(deps.metrics, createHostGuard(deps.config));
  const limits = { ...DEFAULT_LIMITS, ...deps.limits };
  const closing = { beginClosing: () => undefined, finishClosing: () => undefined };
  return {
    app,
    listen: ({ setting = "server.metricsPort" } = {}) =>
      listenOnPort({ app, limits, closing, clock: deps.clock, logger: deps.logger }, deps.config, setting),
  };
}
