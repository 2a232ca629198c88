import type { Client } from "pg";
import type { Value } from "../statement.ts";

export interface ConnectionOptions {
  /** `postgres://user:password@host:port/database?options`. */
  readonly url: string;
  /** Told to the server, so that an operator can see whose connection it is; at most 63 characters. */
  readonly applicationName: string;
  /** Statements of one round trip may be sent before the one before is answered. */
  readonly pipeline: boolean;
  readonly connectTimeoutMs: number;
  /** The server ends a statement after so long. What it leaves unanswered for twice as long, the network has swallowed. */
  readonly statementTimeoutMs: number;
  /** `SET` of what else is asked for on this connection. */
  readonly settings?: string | undefined;
  /** Called once when the connection is gone, however it ends. */
  readonly onEnd: (client: Client, error: Error | undefined) => void;
}

/** Opens a connection. The driver is loaded by the first one: whoever uses no PostgreSQL pays nothing for it. */
export async function connect(options: ConnectionOptions): Promise<Client> {
  const { default: pg } = await import("pg");
  const client = new pg.Client({
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.statementTimeoutMs,
    idle_in_transaction_session_timeout: 2 * options.statementTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: { getTypeParser: (oid: number) => (text: string) => decodeText(oid, text) },
    // The driver cuts off a connection that leaves one of several questions unanswered for so long.
    ...(options.pipeline ? { pipeline: true, query_timeout: 2 * options.statementTimeoutMs } : {}),
  } as ConstructorParameters<typeof pg.Client>[0]);
  let failure: Error | undefined;
  let isConnected = false;
  client.on("error", (error) => {
    failure = error;
  });
  client.on("end", () => {
    if (isConnected) options.onEnd(client, failure);
  });
  await client.connect();
  // Our statements are short and prepared once; compiling one takes longer than running it ever would.
  // And a server that asks after us finds out within a minute when we are gone without a word.
  const settings = {
    text: `SET jit = off; SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; ${options.settings ?? ""}`,
    query_timeout: 2 * options.statementTimeoutMs,
  };
  try {
    await client.query(settings);
  } catch (error) {
    cutOff(client);
    throw error;
  }
  isConnected = true;
  return client;
}

/** Ends a connection at once, whether the server hears of it or not. */
export function cutOff(client: Client): void {
  (client.connection as unknown as { readonly stream: { destroy(): void } }).stream.destroy();
}

/** Numbers of the catalogue. Source: postgresql.org, pg_type.dat. */
const BOOL = 16;
const NUMBERS: ReadonlySet<number> = new Set([20, 21, 23, 700, 701, 1700]);

/** As SQLite gives it: whole numbers as numbers, yes and no as 1 and 0, the rest as text. */
export function decodeText(oid: number, text: string | null): Value {
  if (text === null) return null;
  if (NUMBERS.has(oid)) return Number(text);
  if (oid === BOOL) return text === "t" ? 1 : 0;
  return text;
}

const NUL = String.fromCharCode(0);

/** Values as text. The server's texts hold no NUL; it is replaced as any letter that nothing can show. */
export function encodeValue(value: Value): string | null {
  if (value === null) return null;
  if (typeof value === "number") return String(value);
  return value.includes(NUL) ? value.replaceAll(NUL, "\ufffd") : value;
}

/** Server and database of an address, without user and password: for messages and logs. */
export function placeOf(url: string): string {
  try {
    const { hostname, port, pathname, searchParams } = new URL(url);
    const host = hostname === "" ? (searchParams.get("host") ?? "localhost") : hostname;
    return `${decodeURIComponent(pathname.slice(1)) || "(default)"} on ${host}:${port === "" ? "5432" : port}`;
  } catch {
    return "of store.url";
  }
}
