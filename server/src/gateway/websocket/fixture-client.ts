/** For tests: a client of `/ws` that remembers what it was told. */
import { type ClientOptions, WebSocket } from "ws";
import { type OpenGateway, openGateway } from "../fixture-http.ts";

// biome-ignore lint/suspicious/noExplicitAny: each test says itself what it expects of a frame.
export type Frame = any;

export interface SocketClient {
  readonly socket: WebSocket;
  readonly frames: Frame[];
  send(frame: unknown): void;
  /** The first frame, from the newest one waited for on, that this holds for. Waits for it. */
  next(isIt: (frame: Frame) => boolean): Promise<Frame>;
  /** The next frame of this type. */
  of(type: string): Promise<Frame>;
  /** How it was closed. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** What the handshake was answered with, when it was refused. */
  readonly refused: Promise<{ readonly status: number; readonly body: string }>;
  /** The text of a turn, as a client that follows the rules shows it. */
  shown(turnId: string): string;
}

/** A gateway and its clients, for the tests of one file: one gateway at a time, and all of it over after each test. */
export interface SocketStage {
  gateway(options?: Parameters<typeof openGateway>[0]): Promise<OpenGateway>;
  /** With the gateway's key, unless the headers say otherwise. */
  connect(at: OpenGateway, headers?: Readonly<Record<string, string>>): SocketClient;
  welcomed(at: OpenGateway): Promise<SocketClient>;
  /** Ends with the others a client that the test opened by itself. */
  hold(client: SocketClient): SocketClient;
  end(): Promise<void>;
}

export function createSocketStage(): SocketStage {
  let open: OpenGateway | undefined;
  const clients: SocketClient[] = [];
  const hold = (client: SocketClient): SocketClient => {
    clients.push(client);
    return client;
  };
  const connect = (
    { listening, key }: OpenGateway,
    headers: Readonly<Record<string, string>> = { authorization: `Bearer ${key}` },
  ): SocketClient => hold(openSocket(listening.address, { headers }));
  return {
    hold,
    connect,
    async gateway(options: Parameters<typeof openGateway>[0] = {}): Promise<OpenGateway> {
      open = await openGateway(options);
      return open;
    },
    async welcomed(at: OpenGateway): Promise<SocketClient> {
      const client = connect(at);
      await client.of("welcome");
      return client;
    },
    async end(): Promise<void> {
      for (const { socket } of clients.splice(0)) socket.terminate();
      await open?.close();
      open = undefined;
    },
  };
}

export function openSocket(address: string, options: ClientOptions = {}): SocketClient {
  const socket = new WebSocket(`${address.replace("http", "ws")}/ws`, options);
  const frames: Frame[] = [];
  const waiting = new Set<() => void>();
  let at = 0;
  socket.on("message", (data) => {
    frames.push(JSON.parse(String(data)));
    for (const look of waiting) look();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on("close", (code, reason) => resolve({ code, reason: String(reason) }));
  });
  const refused = new Promise<{ status: number; body: string }>((resolve) => {
    socket.on("unexpected-response", (_, response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += String(chunk);
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
  // Told by `closed` or `refused`.
  socket.on("error", () => undefined);
  const next: SocketClient["next"] = (isIt) =>
    new Promise((resolve) => {
      const look = (): void => {
        for (; at < frames.length; at++) {
          if (!isIt(frames[at])) continue;
          waiting.delete(look);
          at += 1;
          resolve(frames[at - 1]);
          return;
        }
      };
      waiting.add(look);
      look();
    });
  return {
    socket,
    frames,
    closed,
    refused,
    next,
    of: (type) => next((frame) => frame.type === type),
    send: (frame) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame)),
    shown: (turnId) => shownOf(frames, turnId),
  };
}

/** What a client that follows the rules shows of a turn: a new attempt and a snapshot replace, a delta adds, the end is final. */
export function shownOf(frames: readonly Frame[], turnId: string): string {
  let text = "";
  const apply = (event: Frame): void => {
    if (event.type === "attempt-start") text = "";
    else if (event.type === "text-delta") text += event.text;
    else if (event.type === "end") text = event.text;
  };
  for (const frame of frames) {
    if (frame.type === "snapshot" && frame.turnId === turnId) {
      text = "";
      for (const event of frame.events) apply(event);
    } else if (frame.type === "event" && frame.event.turnId === turnId) apply(frame.event);
  }
  return text;
}
