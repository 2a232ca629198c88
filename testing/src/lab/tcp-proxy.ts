import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A way to a server that can be cut. Disposing cuts everything. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** `open`: all passes. `closed`: what is open is cut, and nothing new gets through. */
  set(mode: "open" | "closed"): void;
  /** What the server says from now on to those who are connected is lost. */
  swallowAnswers(): void;
  /** Whoever connects next hears one piece of what the server says, and nothing after it. */
  swallowNext(): void;
  /** Cuts what is open; new connections get through. */
  cut(): void;
  /** The same, and the server does not notice: as when a cable is pulled. */
  cutUnnoticed(): void;
  /** Connections that were made so far. */
  readonly connections: number;
  /** Pieces that the server sent and that were passed on. */
  readonly answers: number;
}

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** What the server says is not passed on. */
  isDeaf: boolean;
  /** The server's side stays open. */
  isPulled: boolean;
}

export async function openTcpProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let isOpen = true;
  let connections = 0;
  let answers = 0;
  let swallowsNext = false;
  const server = createServer((near) => {
    if (!isOpen) return near.destroy();
    connections += 1;
    const far = connect(target.port, target.host);
    const pair: Pair = { near, far, isDeaf: false, isPulled: false };
    pairs.add(pair);
    const isCutShort = swallowsNext;
    swallowsNext = false;
    const end = (): void => {
      near.destroy();
      if (pair.isPulled) return;
      pairs.delete(pair);
      far.destroy();
    };
    near.on("data", (bytes) => far.write(bytes));
    far.on("data", (bytes) => {
      if (pair.isDeaf) return;
      near.write(bytes);
      answers += 1;
      if (isCutShort) pair.isDeaf = true;
    });
    for (const socket of [near, far]) socket.on("error", end).on("close", end);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    for (const { near, far } of pairs) {
      near.destroy();
      far.destroy();
    }
  };
  return {
    port: (server.address() as { readonly port: number }).port,
    cutUnnoticed() {
      for (const pair of pairs) {
        pair.isPulled = true;
        pair.near.destroy();
      }
    },
    set(mode) {
      isOpen = mode === "open";
      if (!isOpen) cut();
    },
    swallowAnswers() {
      for (const pair of pairs) pair.isDeaf = true;
    },
    swallowNext() {
      swallowsNext = true;
    },
    cut,
    get connections() {
      return connections;
    },
    get answers() {
      return answers;
    },
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
