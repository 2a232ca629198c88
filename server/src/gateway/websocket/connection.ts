import type { Socket } from "node:net";
import type { Principal } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { WebSocket } from "ws";
import { parseJson } from "../call.ts";
import type { Face } from "../face.ts";
import { failureOf, UNPLANNED } from "../reply.ts";
import { readiness } from "../routes/system.ts";
import type { Watcher } from "../watchers.ts";
import { Desk } from "./desk.ts";
import { type ClientFrame, idOf, PROTOCOL_VERSION, readFrame, type ServerFrame } from "./frames.ts";

/** Why a connection was closed by us. Below 4000: RFC 6455 §7.4.1 and the IANA registry; above: the HTTP status. */
export const CLOSE = {
  restart: { code: 1012, reason: "Troupe is stopping or restarting; come back." },
  tooSlow: { code: 1013, reason: "You read slower than your turns write; come back and resume." },
  binary: { code: 1003, reason: "Send text frames with JSON." },
  key: { code: 4401, reason: "Show a valid key: the authorization header, or a hello frame first." },
  late: { code: 4408, reason: "No key came in time." },
  tooMany: { code: 4429, reason: "This key has too many WebSockets." },
} as const;

export type CloseName = keyof typeof CLOSE | "noPong";

/** What a connection needs of whoever holds all of them. */
export interface ConnectionHost {
  readonly face: Face;
  /** Knows who shows a key in a `hello`; rejects as an HTTP request would be refused. */
  knowKey(key: string): Promise<Principal>;
  /** Counts the connection for its key; false when it has too many. */
  enter(principal: Principal): boolean;
  closed(why: CloseName | "client"): void;
  received(type: ClientFrame["type"] | "unreadable"): void;
}

/** Asks again who it is, so that a revoked key ends its connections. */
export type Recheck = () => Promise<unknown>;

/** One WebSocket: frames in, in order and bounded; frames out, bounded; a heartbeat. */
export class Connection implements Watcher {
  readonly #host: ConnectionHost;
  readonly #socket: WebSocket;
  #desk: Desk | undefined;
  #recheck: Recheck | undefined;
  #hello: Disposable | undefined;
  #isAlive = true;
  #closedAs: CloseName | undefined;
  #inFlight = 0;
  #isCorked = false;
  /** While the client has not taken enough; shared by all who wait for that. */
  #draining: Promise<void> | undefined;

  constructor(host: ConnectionHost, socket: WebSocket) {
    this.#host = host;
    this.#socket = socket;
    socket.on("message", (data, isBinary) => {
      if (isBinary) this.closeAs("binary");
      else this.#receive(String(data));
    });
    socket.on("pong", () => {
      this.#isAlive = true;
    });
    // What is wrong is said by the close that follows; without a listener it would end the process.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#hello?.[Symbol.dispose]();
      this.#desk?.close();
      this.#host.closed(this.#closedAs ?? "client");
    });
    const { clock } = host.face.deps;
    this.#hello = clock.schedule(host.face.limits.helloTimeoutMs, () => this.closeAs("late"));
  }

  /** It is known who this is. */
  welcome(principal: Principal, recheck: Recheck): void {
    // It left while its key was looked up: what it would be given now, nobody would take back.
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#hello?.[Symbol.dispose]();
    if (!this.#host.enter(principal)) {
      this.closeAs("tooMany");
      return;
    }
    this.#recheck = recheck;
    const { face } = this.#host;
    this.#desk = new Desk(face, principal, {
      send: (frame) => this.send(frame),
      drained: () => this.#drained(),
    });
    this.send({
      type: "welcome",
      v: PROTOCOL_VERSION,
      principal: { kind: principal.kind, id: principal.id },
      heartbeatMs: face.limits.keepAliveCommentMs,
      maxFrameBytes: face.limits.bodyBytes,
    });
  }

  get isKnown(): boolean {
    return this.#desk !== undefined;
  }

  closeAs(name: Exclude<CloseName, "noPong">): void {
    this.#closedAs ??= name;
    const { code, reason } = CLOSE[name];
    this.#socket.close(code, reason);
  }

  tick(): void {
    if (!this.#isAlive) {
      this.#closedAs ??= "noPong";
      this.#socket.terminate();
      return;
    }
    this.#isAlive = false;
    this.#socket.ping();
    this.#desk?.tick();
    this.#recheck?.().catch((error: unknown) => {
      // Only a clear no ends it: a store that cannot be read now is no reason.
      if (TroupeError.is(error) && error.code.startsWith("auth.")) this.closeAs("key");
    });
  }

  abandon(): void {
    this.closeAs("restart");
  }

  terminate(): void {
    this.#socket.terminate();
  }

  send(frame: ServerFrame): void {
    const socket = this.#socket;
    if (this.#closedAs !== undefined || socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > this.#host.face.limits.bufferedBytes) {
      this.closeAs("tooSlow");
      return;
    }
    this.#cork();
    socket.send(JSON.stringify(frame));
  }

  #raw(): Socket | undefined {
    return (this.#socket as WebSocket & { readonly _socket?: Socket })._socket;
  }

  /** All frames of a tick are one write. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    const raw = this.#raw();
    raw?.cork();
    setImmediate(() => {
      this.#isCorked = false;
      raw?.uncork();
    });
  }

  #drained(): Promise<void> {
    const { bufferedBytes } = this.#host.face.limits;
    const socket = this.#socket;
    const raw = this.#raw();
    if (socket.readyState !== socket.OPEN || raw === undefined || socket.bufferedAmount * 2 < bufferedBytes) {
      return Promise.resolve();
    }
    this.#draining ??= new Promise((resolve) => {
      const over = (): void => {
        raw.off("drain", over);
        socket.off("close", over);
        this.#draining = undefined;
        resolve();
      };
      raw.on("drain", over);
      socket.on("close", over);
    });
    return this.#draining;
  }

  #receive(text: string): void {
    this.#isAlive = true;
    this.#inFlight += 1;
    const { framesInFlight } = this.#host.face.limits;
    if (this.#inFlight === framesInFlight) this.#socket.pause();
    void this.#handle(text).finally(() => {
      this.#inFlight -= 1;
      if (this.#inFlight === framesInFlight - 1) this.#socket.resume();
    });
  }

  /** Never rejects: what goes wrong is told in a frame. */
  async #handle(text: string): Promise<void> {
    let id: string | undefined;
    try {
      const value = parseJson(text);
      id = idOf(value);
      const frame = this.#read(value);
      if (frame.type === "hello") await this.#sayHello(frame.key);
      else if (frame.type === "ping") {
        this.send({ type: "pong", ...(frame.id === undefined ? {} : { id: frame.id }) });
      } else if (this.#desk === undefined) this.closeAs("key");
      else {
        this.#refuseEarly(frame);
        await this.#desk.handle(frame);
      }
    } catch (error) {
      this.#tell(error, id);
    }
  }

  #read(value: unknown): ClientFrame {
    try {
      const frame = readFrame(value);
      this.#host.received(frame.type);
      return frame;
    } catch (error) {
      this.#host.received("unreadable");
      throw error;
    }
  }

  async #sayHello(key: string): Promise<void> {
    if (this.#desk !== undefined) return;
    try {
      const principal = await this.#host.knowKey(key);
      if (this.#desk === undefined) this.welcome(principal, () => this.#host.knowKey(key));
    } catch (error) {
      this.#tell(error, undefined);
      this.closeAs("key");
    }
  }

  #refuseEarly(frame: ClientFrame): void {
    if (frame.type !== "send") return;
    const { ready, reasons } = readiness(this.#host.face);
    if (ready) return;
    throw new TroupeError(`Troupe is not ready: ${reasons.join(" ") || "it is starting."}`, {
      code: "not_ready",
      retryable: true,
      retryAfterMs: 1_000,
    });
  }

  #tell(error: unknown, id: string | undefined): void {
    const failure = failureOf(error) ?? UNPLANNED;
    if (failure === UNPLANNED) this.#host.face.deps.logger.error("gateway.frame_failed", { error });
    const { code, message, field, retryAfterMs } = failure;
    this.send({
      type: "error",
      ...(id === undefined ? {} : { id }),
      code,
      message,
      ...(field === undefined ? {} : { field }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
}
