import type { Client } from "pg";
import { troupeErrorOf } from "../failure.ts";
import { connect, placeOf } from "./connection.ts";
import { failureOf } from "./errors.ts";
import { type MigrationState, migrationState } from "./migrate.ts";
import { readVectorExtension, type VectorExtension, type VectorLack, vectorLackOf } from "./vector-tables.ts";

/** What can be seen of a database from outside. */
export interface PostgresFacts {
  /** Database and server, without user and password. */
  readonly where: string;
  /** `15.6`. */
  readonly version: string;
  readonly majorVersion: number;
  readonly roundTripMs: number;
  /** How far the server's clock is ahead of ours, give or take a round trip. */
  readonly skewMs: number;
  readonly sizeBytes: number;
  readonly connections: number;
  readonly maxConnections: number;
  /** May make tables. */
  readonly mayCreate: boolean;
  /** A standby takes no changes. */
  readonly isStandby: boolean;
  /** Commits are on the disk when they are told: `fsync` and `synchronous_commit` are on. */
  readonly isDurable: boolean;
  readonly migrations: MigrationState;
  /** Of pgvector. */
  readonly vectors: VectorExtension & { readonly lack: VectorLack | undefined };
}

const TIMEOUT_MS = 5_000;
const ROUNDS = 5;

/** Looks at a database without changing it. Throws the store's error codes. */
export async function examinePostgres(url: string): Promise<PostgresFacts> {
  const where = placeOf(url);
  try {
    const client = await connect({
      ...{ url, applicationName: "troupe doctor", pipeline: false, onEnd: () => undefined },
      ...{ connectTimeoutMs: TIMEOUT_MS, statementTimeoutMs: TIMEOUT_MS },
    });
    try {
      return { where, ...(await measure(client)), ...(await look(client, where)) };
    } finally {
      await client.end();
    }
  } catch (error) {
    throw troupeErrorOf(failureOf(error, where), error);
  }
}

async function measure(client: Client): Promise<Pick<PostgresFacts, "roundTripMs" | "skewMs">> {
  const rounds: { roundTripMs: number; skewMs: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const beforeMs = performance.now();
    const sentAt = Date.now();
    const { rows } = await client.query<{ at: number }>(
      "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000) AS at",
    );
    const roundTripMs = performance.now() - beforeMs;
    rounds.push({ roundTripMs, skewMs: Number(rows[0]?.at) - (sentAt + roundTripMs / 2) });
  }
  const [quickest] = rounds.toSorted((a, b) => a.roundTripMs - b.roundTripMs);
  return quickest ?? { roundTripMs: 0, skewMs: 0 };
}

async function look(
  client: Client,
  where: string,
): Promise<Omit<PostgresFacts, "where" | "roundTripMs" | "skewMs">> {
  const { rows } = await client.query<{
    number: number;
    version: string;
    size: number;
    connections: number;
    most: number;
    create: number;
    standby: number;
    durable: number;
  }>(
    `SELECT CAST(current_setting('server_version_num') AS bigint) AS number, current_setting('server_version') AS version,
      pg_database_size(current_database()) AS size, (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
      CAST(current_setting('max_connections') AS bigint) AS most, has_schema_privilege(current_schema(), 'CREATE') AS create,
      pg_is_in_recovery() AS standby, current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off' AS durable`,
  );
  const [found] = rows;
  const vectors = await readVectorExtension(client);
  return {
    version: found?.version.split(" ")[0] ?? "?",
    majorVersion: Math.floor((found?.number ?? 0) / 10_000),
    sizeBytes: found?.size ?? 0,
    connections: found?.connections ?? 0,
    maxConnections: found?.most ?? 0,
    mayCreate: found?.create === 1,
    isStandby: found?.standby === 1,
    isDurable: found?.durable === 1,
    migrations: await migrationState(client, where),
    vectors: { ...vectors, lack: vectorLackOf(vectors) },
  };
}
