import { chmod, unlink } from "node:fs/promises";
import {
  createServer,
  type IncomingMessage,
  maxHeaderSize,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { Clock, Logger } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { Hono } from "hono";
import type { Metrics } from "../kit/index.ts";
import type { FaceEnv } from "./call.ts";
import type { FaceLimits } from "./deps.ts";
import { findPortHolder } from "./port-holder.ts";
import { deliverRaw, type Failure, failureReply } from "./reply.ts";

/** An open listener. */
export interface Listening {
  /** The port that was really opened; 0 on a socket. */
  readonly port: number;
  /** `http://127.0.0.1:8080`, or the path of the socket. */
  readonly address: string;
  /**
   * Stops accepting, lets running requests end for at most `graceMs`, tells those that still wait, and resolves when all
   * connections are gone. Turns are not touched. Repeating gives the same promise.
   */
  close(options: { readonly graceMs: number }): Promise<void>;
}

export interface ListenerDeps {
  readonly app: Hono<FaceEnv>;
  readonly limits: FaceLimits;
  readonly closing: { beginClosing(): void; finishClosing(): void };
  /** Takes connections that ask to become a WebSocket; absent: they are answered as any request. */
  readonly upgrade?: (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** How long the last words to waiting clients may take. */
const LAST_WORDS_MS = 500;
/** Node looks for connections past their time so often; its default is half a minute. */
const TIMEOUT_CHECK_MS = 2_000;
/** Connections that are turned away come in floods; the counter has each, the log one line in this time. */
const REFUSALS_LOGGED_EVERY_MS = 60_000;

export async function listenOnPort(
  deps: ListenerDeps,
  at: { readonly host: string; readonly port: number },
  setting: string,
): Promise<Listening> {
  const opened = buildServer(deps);
  const { server } = opened;
  try {
    await listening(server, () => server.listen({ host: at.host, port: at.port }));
  } catch (cause) {
    throw await explain(cause, at, setting);
  }
  const { port } = server.address() as AddressInfo;
  const host = at.host.includes(":") ? `[${at.host}]` : at.host;
  return { port, address: `http://${host}:${port}`, close: closer(deps, opened) };
}

/** Why a port cannot be opened, in the words of {@link listenOnPort}; undefined when it can. Nothing stays open. */
export async function whyPortCannotOpen(
  at: { readonly host: string; readonly port: number },
  setting: string,
): Promise<unknown> {
  const probe = createServer();
  try {
    await listening(probe, () => probe.listen({ host: at.host, port: at.port, exclusive: true }));
  } catch (cause) {
    return explain(cause, at, setting);
  }
  await new Promise((resolve) => probe.close(resolve));
  return undefined;
}

export async function listenOnSocket(deps: ListenerDeps, socketPath: string): Promise<Listening> {
  const opened = buildServer(deps);
  const { server } = opened;
  try {
    await bindSocket(server, socketPath);
  } catch (cause) {
    if (!hasCode(cause, "EADDRINUSE")) throw cause;
    if (await isAnswered(socketPath)) {
      throw new TroupeError(`Another Troupe already answers on ${socketPath}.`, {
        code: "home.locked",
        cause,
      });
    }
    // A process that was killed leaves its socket file behind.
    await unlink(socketPath);
    await bindSocket(server, socketPath);
  }
  await chmod(socketPath, 0o600);
  return { port: 0, address: socketPath, close: closer(deps, opened) };
}

/** Binding creates the file at once, so the mask keeps others out from its first moment. */
async function bindSocket(server: Server, socketPath: string): Promise<void> {
  const mask = process.umask(0o177);
  try {
    const bound = listening(server, () => server.listen(socketPath));
    process.umask(mask);
    await bound;
  } finally {
    process.umask(mask);
  }
}

function isAnswered(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socketPath);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}

function listening(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    start();
  });
}

/** Requests that are not answered yet. */
interface Running {
  begin(): void;
  readonly end: () => void;
  /** Calls back as soon as there are none. */
  whenNone(idle: () => void): void;
}

function createRunning(): Running {
  let count = 0;
  let onNone: (() => void) | undefined;
  return {
    begin() {
      count += 1;
    },
    end() {
      count -= 1;
      if (count === 0) onNone?.();
    },
    whenNone(idle) {
      onNone = idle;
      if (count === 0) idle();
    },
  };
}

interface Opened {
  readonly server: Server;
  readonly running: Running;
}

function buildServer(deps: ListenerDeps): Opened {
  const { app, limits } = deps;
  const running = createRunning();
  /** What each connection is asked and answers just now. */
  const exchanges = new WeakMap<Socket, Exchange>();
  const answer = getRequestListener((request, env) => app.fetch(request, env as FaceEnv["Bindings"]), {
    overrideGlobalObjects: false,
    errorHandler: unreadable,
  });
  const server = createServer(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      // A missing one is refused by the app, which says so in words.
      requireHostHeader: false,
      // Whoever asks for another protocol goes on in HTTP. Source: RFC 9110 §7.8.
      shouldUpgradeCallback: ({ headers }) =>
        deps.upgrade !== undefined && headers.upgrade?.toLowerCase() === "websocket",
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, limits.headersTimeoutMs),
    },
    (incoming, outgoing) => {
      running.begin();
      exchanges.set(incoming.socket, { incoming, outgoing });
      outgoing.once("close", running.end);
      void answer(incoming, outgoing);
    },
  );
  if (deps.upgrade !== undefined) server.on("upgrade", deps.upgrade);
  server.maxConnections = limits.connections;
  // A client that announces too much is answered before it sends any of it.
  server.on("checkContinue", (incoming, outgoing) => {
    const most = mostBytesOf(incoming.url ?? "", limits);
    if (Number(incoming.headers["content-length"] ?? 0) <= most) outgoing.writeContinue();
    server.emit("request", incoming, outgoing);
  });
  // Nothing else can be expected of us, and what is not met may be ignored. Source: RFC 9110 §10.1.1.
  server.on("checkExpectation", (incoming, outgoing) => server.emit("request", incoming, outgoing));
  server.on("connect", (_, socket) => {
    socket.on("error", () => void socket.destroy());
    const failure: Failure = { code: "request.invalid", message: "Troupe is no proxy; send it a request." };
    deliverRaw(socket, failureReply(failure, "problem"));
  });
  // Quiet connections are fine: somebody waits for a turn. Only those that do not take what is there are let go.
  server.setTimeout(limits.stalledClientMs, (socket) => {
    if (socket.writableLength > 0) socket.destroy();
    else socket.setTimeout(limits.stalledClientMs);
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) =>
    refuseRaw(error, socket as Socket, exchanges.get(socket as Socket)),
  );
  server.on("drop", refusalTeller(deps));
  return { server, running };
}

function refusalTeller({ limits, clock, logger, metrics }: ListenerDeps): () => void {
  const refused = metrics.counter(
    "http_connections_refused_total",
    "Connections that were turned away because there were too many.",
  );
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    refused.add();
    const now = clock.monotonicMs();
    if (now - loggedAtMs < REFUSALS_LOGGED_EVERY_MS) return;
    loggedAtMs = now;
    logger.warn("gateway.connection_refused", { most: limits.connections });
  };
}

/** What any route of this address takes; the route itself may take less. */
function mostBytesOf(url: string, limits: FaceLimits): number {
  if (url.startsWith("/api/blobs")) return limits.fileBytes;
  return /^\/(?:v1|a2a)\//.test(url) ? limits.mediaBodyBytes : limits.bodyBytes;
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

function unreadable(): Response {
  const message = "The request's address or headers cannot be read.";
  const { body, status, headers } = failureReply({ code: "request.invalid", message }, "problem");
  return new Response(body, { status, headers });
}

/**
 * What cannot be parsed never becomes a request, so its answer is written by hand. Behind a request that is still being
 * answered there is no place for it: it would end up in that answer.
 */
function refuseRaw(error: NodeJS.ErrnoException, socket: Socket, last: Exchange | undefined): void {
  const isAnswering =
    last !== undefined &&
    !last.outgoing.writableFinished &&
    (last.incoming.complete || last.outgoing.headersSent);
  if (error.code === "ECONNRESET" || !socket.writable || isAnswering) return void socket.destroy();
  deliverRaw(socket, failureReply(unreadableAs(error.code), "problem"));
}

function unreadableAs(code: string | undefined): Failure {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { code: "request.timeout", message: "The request did not arrive in time." };
    case "HPE_HEADER_OVERFLOW": {
      const message = `The request's headers are larger than ${maxHeaderSize} bytes.`;
      return { code: "request.invalid", status: 431, message };
    }
    default:
      return { code: "request.invalid", message: "This is not HTTP as Troupe reads it." };
  }
}

function closer({ closing, clock }: ListenerDeps, { server, running }: Opened): Listening["close"] {
  let closed: Promise<void> | undefined;
  return ({ graceMs }) => {
    closed ??= new Promise((resolve) => {
      closing.beginClosing();
      let last: Disposable | undefined;
      const grace = clock.schedule(graceMs, () => {
        closing.finishClosing();
        last = clock.schedule(LAST_WORDS_MS, () => server.closeAllConnections());
      });
      server.close(() => {
        grace[Symbol.dispose]();
        last?.[Symbol.dispose]();
        closing.finishClosing();
        resolve();
      });
      // Connections that wait for a next request, or have not sent their first, are in nobody's way.
      running.whenNone(() => server.closeAllConnections());
    });
    return closed;
  };
}

async function explain(
  cause: unknown,
  at: { readonly host: string; readonly port: number },
  setting: string,
): Promise<unknown> {
  if (hasCode(cause, "EADDRINUSE")) {
    const holder = await findPortHolder(at.port);
    const by = holder === undefined ? "" : ` (by ${holder.name}, pid ${holder.pid})`;
    const what = holder === undefined ? "the program that has it" : "that program";
    return new TroupeError(`Port ${at.port} is taken${by}. Stop ${what}, or set ${setting}.`, {
      code: "port.taken",
      cause,
    });
  }
  if (hasCode(cause, "EACCES")) {
    const message = `Port ${at.port} may not be opened by this user. Set ${setting} to one above 1023.`;
    return new TroupeError(message, { code: "config.invalid", cause });
  }
  if (hasCode(cause, "EADDRNOTAVAIL") || hasCode(cause, "ENOTFOUND")) {
    const message = `${at.host} is not an address of this machine. Set server.host to one that is, or to 127.0.0.1.`;
    return new TroupeError(message, { code: "config.invalid", cause });
  }
  return cause;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
