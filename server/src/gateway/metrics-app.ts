import type { Logger } from "@troupe/contracts";
import { Hono } from "hono";
import type { Metrics } from "../kit/index.ts";
import { type FaceEnv, headerOf, nodeOf } from "./call.ts";
import type { Health } from "./deps.ts";
import type { HostGuard } from "./hosts.ts";
import { deliver, failureReply, jsonReply, SECURITY_HEADERS, UNPLANNED } from "./reply.ts";

/** One page of text, for whoever may reach the port under a name of ours. */
export function buildMetricsApp(
  {
    metrics,
    logger,
    ready,
  }: { readonly metrics: Metrics; readonly logger: Logger; readonly ready?: Health["ready"] },
  guard: HostGuard,
): Hono<FaceEnv> {
  const app = new Hono<FaceEnv>();
  app.all("*", (context) => {
    const call = { context, node: nodeOf(context) };
    const reason = guard.refuse(
      headerOf(call, "host"),
      headerOf(call, "origin"),
      call.node?.incoming.socket.localAddress,
    );
    if (reason !== undefined) {
      return deliver(failureReply({ code: "auth.forbidden", message: reason }, "problem"), call.node);
    }
    const { path, method } = context.req;
    const isRead = method === "GET" || method === "HEAD";
    // A process without a gateway has no other port for whoever supervises it.
    if (isRead && path === "/health") return deliver(jsonReply({ ok: true }), call.node);
    if (isRead && path === "/ready" && ready !== undefined) {
      const said = ready();
      return deliver(jsonReply(said, { status: said.ready ? 200 : 503 }), call.node);
    }
    if (path !== "/metrics" || !isRead) {
      const message = "There is only GET /metrics, /health and /ready here.";
      return deliver(failureReply({ code: "request.not_found", message }, "problem"), call.node);
    }
    // Source: prometheus.io/docs/instrumenting/exposition_formats.
    const headers = { ...SECURITY_HEADERS, "content-type": "text/plain; version=0.0.4; charset=utf-8" };
    return deliver({ status: 200, headers, body: metrics.render() }, call.node);
  });
  app.onError((error, context) => {
    logger.error("gateway.request_failed", { route: "GET /metrics", error });
    return deliver(failureReply(UNPLANNED, "problem"), nodeOf(context));
  });
  return app;
}
