/** For the tests of this folder alone: a gateway on a free port, and ways to talk to it. */
import { connect, type Socket } from "node:net";
import type { Clock } from "@troupe/contracts";
import type { FaceDeps, FaceLimits, GatewayConfig } from "./deps.ts";
import { type Answered, createStage, type Stage } from "./fixtures.ts";
import { createGateway } from "./gateway.ts";
import type { Listening } from "./listener.ts";

export interface OpenGateway {
  readonly stage: Stage;
  readonly listening: Listening;
  /** What requests are made with: at first the key of a principal called `key-1`. */
  key: string;
  /** With the key, unless the headers say otherwise. A body is sent as JSON, a text as it is. */
  call(path: string, options?: CallOptions): Promise<Answered>;
  /** Asks for a chat completion. */
  post(body: unknown, headers?: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Answered>;
  /** Sends bytes as they are and resolves with all that comes until the other side closes. */
  raw(bytes: string | Buffer, port?: number): Promise<string>;
  /** A request written by hand, with the key, to the gateway or another port. */
  rawGet(path: string, headers?: Readonly<Record<string, string>>, port?: number): Promise<string>;
  /** A connection that the test holds itself. */
  socket(): Socket;
  close(): Promise<void>;
}

interface CallOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export async function openGateway(
  options: {
    readonly limits?: Partial<FaceLimits>;
    readonly clock?: Clock;
    readonly config?: Partial<GatewayConfig>;
    readonly rates?: NonNullable<FaceDeps["rates"]>;
  } = {},
): Promise<OpenGateway> {
  const { config, rates, ...rest } = options;
  const stage = createStage(rest);
  const gateway = createGateway({
    ...stage.deps,
    ...(rates === undefined ? {} : { rates }),
    config: { host: "127.0.0.1", port: 0, ...config },
  });
  const listening = await gateway.listen();
  const sockets: Socket[] = [];
  const socket = (port = listening.port): Socket => {
    const opened = connect(port, "127.0.0.1");
    sockets.push(opened);
    return opened;
  };
  const call: OpenGateway["call"] = (path, { method, body, headers, signal } = {}) =>
    fetch(`${listening.address}${path}`, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: {
        authorization: `Bearer ${open.key}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  const raw: OpenGateway["raw"] = (bytes, port) =>
    new Promise((resolve, reject) => {
      const own = socket(port);
      let seen = "";
      own.on("data", (chunk) => {
        seen += chunk.toString("latin1");
      });
      own.on("close", () => resolve(seen));
      own.on("error", (error) => (seen === "" ? reject(error) : resolve(seen)));
      own.write(bytes);
    });
  const open: OpenGateway = {
    stage,
    listening,
    key: stage.addKey({ id: "key-1" }),
    call,
    post: (body, headers = {}, signal) =>
      call("/v1/chat/completions", { body, headers, ...(signal === undefined ? {} : { signal }) }),
    raw,
    rawGet(path, headers = {}, port) {
      const all = {
        host: `127.0.0.1:${listening.port}`,
        authorization: `Bearer ${open.key}`,
        connection: "close",
        ...headers,
      };
      return raw(requestText(`GET ${path}`, all), port);
    },
    socket: () => socket(),
    async close() {
      for (const own of sockets) own.destroy();
      await listening.close({ graceMs: 0 });
    },
  };
  return open;
}

/** `GET /path` and headers, as they go over the wire. */
export function requestText(line: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

export const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
