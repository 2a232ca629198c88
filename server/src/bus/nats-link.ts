import type { NatsConnection } from "@nats-io/nats-core";
import type { Clock, Logger } from "@troupe/contracts";
import { delayOfAttempt } from "../kit/index.ts";

/** Source: feature NR-008. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** A server that answers no ping for two of these is gone. */
const PING_MS = 10_000;

export interface LinkDeps {
  /** `nats://` or `tls://`, with `user:password@` or `token@`; several joined by commas. */
  readonly url: string;
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly onUp: (connection: NatsConnection) => void;
  readonly onDown: () => void;
}

/** The connection to NATS: made in the background, and made again for as long as it takes. */
export interface Link {
  /** The connection while it stands; undefined while it is away. */
  readonly up: NatsConnection | undefined;
  close(): Promise<void>;
}

export function openLink(deps: LinkDeps): Link {
  const { clock, logger } = deps;
  let connection: NatsConnection | undefined;
  let isUp = false;
  let isClosed = false;
  let pause: Disposable | undefined;
  let dials = 0;
  /** Of a connection that was lost; the client asks once more than it tries. */
  let retries = 0;

  const watch = async (standing: NatsConnection): Promise<void> => {
    for await (const status of standing.status()) {
      if (status.type === "disconnect" && isUp) {
        isUp = false;
        logger.warn("bus.disconnected", { server: status.server });
        deps.onDown();
      } else if (status.type === "reconnect") {
        [isUp, retries] = [true, 0];
        logger.info("bus.connected", { server: status.server });
        deps.onUp(standing);
      } else if (status.type === "error") logger.warn("bus.server_error", { error: status.error });
    }
    // The client gives up for good on what may be over soon: a server that refuses its password twice, for one.
    const why = await standing.closed();
    if (isClosed) return;
    if (isUp) deps.onDown();
    isUp = false;
    dialLater(why);
  };
  const dialLater = (why: unknown): void => {
    const afterMs = pauseMs(dials++, deps.random);
    // Said once loudly: Troupe works on, and status tells the rest.
    logger[dials === 1 ? "warn" : "debug"]("bus.unreachable", { error: why, retryInMs: Math.round(afterMs) });
    pause = clock.schedule(afterMs, () => void dial());
  };
  const dial = async (): Promise<void> => {
    try {
      const { connect } = await import("@nats-io/transport-node");
      const made = await connect({
        ...serversOf(deps.url),
        name: deps.name,
        maxReconnectAttempts: -1,
        pingInterval: PING_MS,
        timeout: CONNECT_TIMEOUT_MS,
        reconnectDelayHandler: () => pauseMs(retries++, deps.random),
      });
      if (isClosed) return void (await made.close());
      [connection, isUp, retries, dials] = [made, true, 0, 0];
      logger.info("bus.connected", { server: made.getServer() });
      deps.onUp(made);
      void watch(made);
    } catch (error) {
      if (!isClosed) dialLater(error);
    }
  };
  void dial();
  return {
    get up() {
      return isUp && connection?.isClosed() === false ? connection : undefined;
    },
    async close() {
      isClosed = true;
      pause?.[Symbol.dispose]();
      await connection?.close();
    },
  };
}

function pauseMs(tries: number, random: () => number): number {
  return delayOfAttempt(tries, { baseMs: FIRST_PAUSE_MS, capMs: LONGEST_PAUSE_MS }, random);
}

/** NATS takes names and passwords beside the address, not in it. */
export function serversOf(url: string): {
  readonly servers: string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  readonly tls?: object;
} {
  const urls = url.split(",").map((one) => new URL(one.trim()));
  const [first] = urls;
  const user = decodeURIComponent(first?.username ?? "");
  const pass = decodeURIComponent(first?.password ?? "");
  const known = pass !== "" ? { user, pass } : user !== "" ? { token: user } : {};
  return {
    servers: urls.map(({ host }) => host),
    ...known,
    ...(first?.protocol === "tls:" ? { tls: {} } : {}),
  };
}
