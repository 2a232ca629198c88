import type { Clock, Logger } from "@troupe/contracts";
import type { Metrics } from "../../kit/index.ts";
import { troupeErrorOf } from "../failure.ts";
import { createSecretStore } from "../ports/secrets.ts";
import { createReads } from "../reads.ts";
import type { SecretReader } from "../sqlite/secret-reader.ts";
import { createStatements } from "../statement.ts";
import { connect, placeOf } from "./connection.ts";
import { postgresDialect } from "./dialect.ts";
import { failureOf } from "./errors.ts";
import { createReaders } from "./readers.ts";

const TIMEOUT_MS = 5_000;
const NAME = "troupe-secrets";

export interface SecretReaderOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** As SQLite's: reads the sealed secrets and changes nothing. Undefined where there are none yet. */
export async function openPostgresSecretReader(
  options: SecretReaderOptions,
): Promise<SecretReader | undefined> {
  const { url, clock, logger, metrics } = options;
  const where = placeOf(url);
  if (!(await hasSecrets(url, where))) return undefined;
  const statements = createStatements(postgresDialect);
  const near = createReaders({
    ...{ url, where, clock, metrics, random: Math.random, texts: () => statements.texts },
    ...{ applicationName: NAME, connections: 1, patienceMs: TIMEOUT_MS },
    ...{ statementTimeoutMs: TIMEOUT_MS, connectTimeoutMs: TIMEOUT_MS },
  });
  const reads = createReads({ near, far: near });
  return {
    secrets: createSecretStore({ dialect: postgresDialect, statements, reads, logger }),
    [Symbol.asyncDispose]: () => near.close(),
  };
}

async function hasSecrets(url: string, where: string): Promise<boolean> {
  try {
    const client = await connect({
      ...{ url, applicationName: NAME, pipeline: false },
      ...{ connectTimeoutMs: TIMEOUT_MS, statementTimeoutMs: TIMEOUT_MS, onEnd: () => undefined },
    });
    try {
      const query =
        "SELECT to_regclass('secrets') IS NOT NULL AND to_regclass('data_keys') IS NOT NULL AS known";
      const { rows } = await client.query<{ known: number }>(query);
      return rows[0]?.known === 1;
    } finally {
      await client.end();
    }
  } catch (error) {
    throw troupeErrorOf(failureOf(error, where), error);
  }
}
