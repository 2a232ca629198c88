import { TroupeError } from "@troupe/contracts";
import { serversOf } from "./nats-link.ts";

export interface NatsFacts {
  readonly version: string;
  /** The quickest of three. */
  readonly roundTripMs: number;
  readonly isEncrypted: boolean;
}

const TIMEOUT_MS = 5_000;

/** Connects once and looks. Rejects with `bus.closed` and a sentence where there is no way in. */
export async function examineNats(url: string): Promise<NatsFacts> {
  const { connect } = await import("@nats-io/transport-node");
  const servers = serversOf(url);
  try {
    const connection = await connect({
      ...servers,
      name: "troupe doctor",
      reconnect: false,
      timeout: TIMEOUT_MS,
    });
    try {
      const trips = [await connection.rtt(), await connection.rtt(), await connection.rtt()];
      const { version = "of unknown version", tls_required: isEncrypted = false } = connection.info ?? {};
      return { version, roundTripMs: Math.min(...trips), isEncrypted };
    } finally {
      await connection.close();
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TroupeError(`NATS at ${servers.servers.join(", ")} cannot be used: ${why}.`, {
      code: "bus.closed",
      cause,
    });
  }
}
