import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Principal } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { WebSocket, WebSocketServer } from "ws";
import { createAuthenticate, createAuthenticateKey, keyOf } from "../authenticate.ts";
import { browserToken } from "../browsers.ts";
import { type Access, refuseEarly, refuseStranger } from "../build-app.ts";
import type { Face } from "../face.ts";
import { deliverRaw, type Failure, failureOf, failureReply, UNPLANNED } from "../reply.ts";
import { createWatchers } from "../watchers.ts";
import { Connection, type ConnectionHost, type Recheck } from "./connection.ts";

export const SOCKET_PATH = "/ws";

/** All WebSockets of one face. Nothing of them is loaded before the first. */
export interface SocketHub {
  /** Takes over the connection of a request that asks for a WebSocket, or refuses it in HTTP. */
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Tells everybody to come back, and takes nobody more. */
  close(): void;
  /** Ends what has not closed by itself. */
  terminate(): void;
}

/** How long a client may take to answer a close before its connection is cut. */
const CLOSE_TIMEOUT_MS = 5_000;
/** Connections that have not shown a key yet; they hold memory and nothing else. */
const MOST_STRANGERS = 128;

export function createSocketHub(face: Face, access: Access): SocketHub {
  const { metrics, logger, clock } = face.deps;
  const connections = new Set<Connection>();
  /** Open WebSockets by the principal's id. */
  const perKey = new Map<string, number>();
  const watchers = createWatchers(clock, face.limits.keepAliveCommentMs, {
    begun: metrics.counter("websocket_connections_opened_total", "WebSockets that were opened."),
    ended: metrics.counter("websocket_connections_closed_total", "WebSockets that were closed."),
  });
  const admit = createAdmission(face, access, connections);
  let server: WebSocketServer | undefined;

  const take = async (incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const known = await admit(incoming);
    // Loaded with the first WebSocket, not before.
    const { WebSocketServer: Server } = await import("ws");
    if (socket.destroyed) return;
    if (face.isClosing()) throw closing();
    server ??= new Server(optionsOf(face)).on("wsClientError", refuseHandshake);
    server.handleUpgrade(incoming, socket, head, (opened) =>
      open(opened, incoming.socket.remoteAddress ?? "", known),
    );
  };
  const open = (socket: WebSocket, address: string, known: Known | undefined): void => {
    const host = createHost({ face, access, perKey }, address, () => {
      connections.delete(connection);
      watchers.delete(connection);
    });
    const connection = new Connection(host, socket);
    connections.add(connection);
    watchers.add(connection);
    if (known !== undefined) connection.welcome(known.principal, known.recheck);
  };

  return {
    upgrade(incoming, socket, head) {
      // For as long as it lives: node lets go of what it listened to, and a connection that is reset, refused ones
      // included, would end the process.
      socket.on("error", () => void socket.destroy());
      take(incoming, socket, head).catch((error: unknown) => {
        const failure = failureOf(error) ?? UNPLANNED;
        if (failure === UNPLANNED) logger.error("gateway.upgrade_failed", { error });
        deliverRaw(socket, failureReply(failure, "problem"));
      });
    },
    close: () => watchers.abandonAll(),
    terminate() {
      for (const connection of connections) connection.terminate();
    },
  };
}

/** Compression would cost memory for each connection and help little with short frames. */
function optionsOf(face: Face) {
  return {
    noServer: true,
    perMessageDeflate: false,
    clientTracking: false,
    maxPayload: face.limits.bodyBytes,
    // Served by ws since 8.19; its types do not know it yet.
    closeTimeout: CLOSE_TIMEOUT_MS,
  };
}

interface Known {
  readonly principal: Principal;
  readonly recheck: Recheck;
}

/** Host, path, readiness and key, as every route checks them; undefined: the key is to come in the first frame. */
function createAdmission(
  face: Face,
  access: Access,
  connections: ReadonlySet<Connection>,
): (incoming: IncomingMessage) => Promise<Known | undefined> {
  const authenticate = createAuthenticate(face);
  return async (incoming) => {
    const call = { node: { incoming } };
    const refused =
      refuseStranger(access, call) ??
      refuseEarly(face, { access: "key", acceptsWork: true }, access) ??
      refusePath(incoming);
    if (refused !== undefined) throw new TroupeError(refused.message, { code: refused.code });
    if (access.kind === "keys") face.rates.ofAddress(incoming.socket.remoteAddress ?? "");
    if (access.kind === "operator") {
      return { principal: access.principal, recheck: () => Promise.resolve() };
    }
    if (keyOf(call) !== undefined || browserToken(call) !== undefined) {
      const recheck = (): Promise<Principal> => authenticate(call);
      return { principal: await recheck(), recheck };
    }
    let strangers = 0;
    for (const connection of connections) if (!connection.isKnown) strangers += 1;
    if (strangers < MOST_STRANGERS) return undefined;
    throw new TroupeError("Too many connections have not shown a key yet. Try again in a moment.", {
      code: "rate.limited",
      retryAfterMs: 1_000,
    });
  };
}

function refusePath(incoming: IncomingMessage): Failure | undefined {
  if ((incoming.url ?? "").split("?")[0] === SOCKET_PATH) return undefined;
  return { code: "request.not_found", message: `WebSockets are served under ${SOCKET_PATH} alone.` };
}

function closing(): TroupeError {
  return new TroupeError("Troupe is closing.", { code: "not_ready" });
}

function createHost(
  {
    face,
    access,
    perKey,
  }: { readonly face: Face; readonly access: Access; readonly perKey: Map<string, number> },
  address: string,
  onClosed: () => void,
): ConnectionHost {
  const { metrics } = face.deps;
  const closed = metrics.counter("websocket_closed_total", "WebSockets that were closed, by why.");
  const frames = metrics.counter("websocket_frames_total", "Frames of clients, by type.");
  let entered: string | undefined;
  return {
    face,
    knowKey:
      access.kind === "operator"
        ? () => Promise.resolve(access.principal)
        : (key) => createAuthenticateKey(face)(key, address),
    enter({ id }) {
      const open = perKey.get(id) ?? 0;
      if (open >= face.limits.socketsPerKey) return false;
      perKey.set(id, open + 1);
      entered = id;
      return true;
    },
    received: (type) => frames.add(1, { type }),
    closed(why) {
      closed.add(1, { reason: why });
      if (entered !== undefined) {
        const left = (perKey.get(entered) ?? 1) - 1;
        if (left === 0) perKey.delete(entered);
        else perKey.set(entered, left);
      }
      onClosed();
    },
  };
}

/** A handshake that asks for a WebSocket in a way that the protocol does not know. Source: RFC 6455 §4.4. */
function refuseHandshake(error: Error, socket: Duplex): void {
  const message = `This handshake opens no WebSocket: ${error.message}.`;
  const reply = failureReply({ code: "request.invalid", message }, "problem");
  deliverRaw(socket, { ...reply, headers: { ...reply.headers, "sec-websocket-version": "13" } });
}
