import { randomBytes } from "node:crypto";
import { env } from "node:process";

/** A database of its own on a real server; disposing drops it. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  /** Empties every table but those that tell of the database itself. */
  empty(): Promise<void>;
  /** Runs one statement, for what a test looks at or spoils; rows as the driver gives them. */
  query(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
}

export interface PostgresLab {
  /** Makes a fresh, empty database, `troupe_` and random letters. */
  create(): Promise<TestDatabase>;
}

const USUAL = "postgres://postgres@127.0.0.1:5432/postgres";

/** Why the tests that need PostgreSQL are left out, and how to have them run. */
export const NO_POSTGRES =
  "needs a PostgreSQL server: start one on 127.0.0.1:5432 that trusts the user postgres (Debian: apt install postgresql), or set TROUPE_TEST_POSTGRES=postgres://USER:PASSWORD@HOST/DATABASE of a user that may create databases";

/**
 * The PostgreSQL server for tests, or undefined when none answers: TROUPE_TEST_POSTGRES, else the machine's own. Tests
 * pass `NO_POSTGRES` on where they are skipped.
 */
export async function findPostgres(environment: NodeJS.ProcessEnv = env): Promise<PostgresLab | undefined> {
  const base = environment.TROUPE_TEST_POSTGRES ?? USUAL;
  if (base === "" || base === "none") return undefined;
  try {
    await run(base, "SELECT 1");
  } catch (error) {
    // One that was asked for by name must be there; a machine without one is nothing special.
    if (environment.TROUPE_TEST_POSTGRES !== undefined) throw error;
    return undefined;
  }
  return { create: () => create(base) };
}

/** Why the tests that need pgvector are left out, and how to have them run. */
export const NO_PGVECTOR =
  "needs pgvector 0.8 or newer on the PostgreSQL server of the tests: sh tests/lab/prepare.sh brings it (Debian 13: apt install postgresql-17-pgvector)";

/** The same server where it offers pgvector; undefined where it does not, or none answers. */
export async function findPgvector(environment: NodeJS.ProcessEnv = env): Promise<PostgresLab | undefined> {
  const lab = await findPostgres(environment);
  if (lab === undefined) return undefined;
  const [found] = await run(
    environment.TROUPE_TEST_POSTGRES ?? USUAL,
    "SELECT CAST(string_to_array(default_version, '.') AS int[]) >= ARRAY[0, 8] AS fits FROM pg_available_extensions WHERE name = 'vector'",
  );
  return found?.fits === true ? lab : undefined;
}

/** Deleting is quicker than truncating where tables hold a few rows. */
const EMPTY = `DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() AND tablename NOT LIKE 'troupe\\_%' LOOP
    EXECUTE format('DELETE FROM %I', one.name);
  END LOOP; END $$`;

async function create(base: string): Promise<TestDatabase> {
  const name = `troupe_${randomBytes(6).toString("hex")}`;
  const url = new URL(base);
  await run(base, `CREATE DATABASE ${name}`);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    query: (text, values) => run(url.href, text, values),
    async empty() {
      await run(url.href, EMPTY);
    },
    async [Symbol.asyncDispose]() {
      await run(base, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

async function run(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Record<string, unknown>[]> {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}
