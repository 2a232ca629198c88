import { createRequire } from "node:module";
import type { Clock } from "@troupe/contracts";
import type { buildConnector, Pool } from "undici";
import type { OpenAiSettings } from "./config.ts";
import { connectTimeout } from "./failures.ts";

/**
 * The two modules of undici that are needed. Its index loads fetch, caches and WebSockets too: 29 MB and 66 ms against
 * 16 MB and 17 ms, measured on 8.12.4. Loaded with the first call.
 */
interface Undici {
  readonly Pool: typeof Pool;
  readonly buildConnector: typeof buildConnector;
}

const load = createRequire(import.meta.url);

function loadUndici(): Undici {
  return {
    Pool: load("undici/lib/dispatcher/pool.js") as typeof Pool,
    buildConnector: load("undici/lib/core/connect.js") as typeof buildConnector,
  };
}

/** Idle connections are kept this long; a server that announces less is believed. */
const KEEP_ALIVE_MS = 30_000;

/** Connections that the first call opens. */
export interface Connections {
  readonly dispatcher: () => Pool;
  /** Ends running calls with `model.unavailable`. Nothing happens where there never was a call. */
  close(): Promise<void>;
}

export function connectLater(
  {
    origin,
    maxConcurrentCalls,
    connectMs,
  }: Pick<OpenAiSettings, "origin" | "maxConcurrentCalls" | "connectMs">,
  clock: Clock,
): Connections {
  let pool: Pool | undefined;
  return {
    dispatcher() {
      pool ??= openConnections(origin, {
        clock,
        maxConnections: maxConcurrentCalls,
        connectMs,
        onConnectTimeout: () => connectTimeout(connectMs),
      });
      return pool;
    },
    close: async () => pool?.destroy(),
  };
}

/** Kept connections to one origin, one request on each at a time. Timeouts of requests are the callers'. */
function openConnections(
  origin: string,
  options: {
    readonly clock: Clock;
    readonly maxConnections: number;
    readonly connectMs: number;
    readonly onConnectTimeout: () => Error;
  },
): Pool {
  const undici = loadUndici();
  const base = undici.buildConnector({ timeout: 0, allowH2: false });
  const connect: typeof base = (target, callback) => {
    // The socket comes back too, although the type does not say so; without it the attempt could not be ended.
    const socket = base(target, (...outcome) => {
      timer[Symbol.dispose]();
      callback(...outcome);
    }) as unknown as { destroy(error: Error): void };
    const timer = options.clock.schedule(options.connectMs, () => socket.destroy(options.onConnectTimeout()));
  };
  return new undici.Pool(origin, {
    connect,
    connections: options.maxConnections,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
}
