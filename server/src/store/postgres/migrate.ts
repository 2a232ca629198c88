import { TroupeError } from "@troupe/contracts";
import type { Client } from "pg";
import { type Migration, migrations } from "../migrations/index.ts";
import { postgresCapabilities } from "./capabilities.ts";
import { GUARD_STATE } from "./dialect.ts";

/** First half of the keys of our advisory locks: "Trpe". The second is the schema, for several homes in one database. */
export const LOCK_CLASS = 0x54727065;

/** What the statements expect of the database beside the tables. `mark` of a writer: the last transaction that it kept. */
const GROUND = `
CREATE TABLE troupe_migrations (name text NOT NULL PRIMARY KEY, at bigint NOT NULL, expands int NOT NULL DEFAULT 0);
CREATE TABLE troupe_writers (
  id text NOT NULL PRIMARY KEY, generation bigint NOT NULL, mark bigint NOT NULL, since bigint NOT NULL
);
CREATE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE
  AS $$ SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS bigint) $$;
CREATE FUNCTION troupe_holds(changed bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
  BEGIN
    IF changed = 0 THEN RAISE EXCEPTION 'a guard of this commit does not hold' USING ERRCODE = '${GUARD_STATE}'; END IF;
    RETURN true;
  END $$;`;

/** What a database has and lacks. */
export interface MigrationState {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  /** Of a newer Troupe, and such that this one serves the database all the same. */
  readonly ahead: readonly string[];
}

/**
 * Looks which migrations a database lacks, without changing it. Throws `store.version` for one that a newer Troupe changed
 * beyond what this one can serve, and `store.corrupt` for one that is not ours.
 */
export async function migrationState(
  client: Client,
  where: string,
  ours: readonly Migration[] = migrations,
): Promise<MigrationState> {
  const { rows } = await client.query<{ ours: string | null; tables: number; encoding: string }>(
    `SELECT to_regclass(quote_ident(current_schema()) || '.troupe_migrations')::text AS ours,
      (SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')) AS tables,
      current_setting('server_encoding') AS encoding`,
  );
  const found = rows[0];
  if (found?.encoding !== "UTF8") {
    throw new TroupeError(
      `The database ${where} is encoded as ${found?.encoding}. Troupe needs UTF8: createdb --encoding UTF8 --template template0 NAME.`,
      { code: "store.corrupt" },
    );
  }
  const known = ours.map(({ name }) => name);
  if (found.ours === null) {
    if (found.tables === 0) return { applied: [], pending: known, ahead: [] };
    throw new TroupeError(
      `The database ${where} holds tables of another program. Give Troupe a database of its own: createdb NAME.`,
      { code: "store.corrupt" },
    );
  }
  // As JSON, for a database of before the column has none.
  const kept = await client.query<{ name: string; expands: number }>(
    "SELECT name, CAST(coalesce(to_jsonb(m) ->> 'expands', '0') AS int) AS expands FROM troupe_migrations m ORDER BY name",
  );
  const applied = kept.rows.map(({ name }) => name);
  const newer = kept.rows.filter(({ name }) => !known.includes(name));
  const unserved = newer.filter(({ expands }) => expands === 0).map(({ name }) => name);
  if (unserved.length > 0) {
    throw new TroupeError(
      `The database ${where} was written by a newer Troupe (${unserved.join(", ")}). Install the newer Troupe again, or restore a backup from before.`,
      { code: "store.version" },
    );
  }
  return {
    applied,
    pending: known.filter((name) => !applied.includes(name)),
    ahead: newer.map(({ name }) => name),
  };
}

/** Brings the tables up to this version, all steps in one transaction; `pending` is what it applied. */
export async function migrate(
  client: Client,
  where: string,
  ours: readonly Migration[] = migrations,
): Promise<MigrationState> {
  const found = await migrationState(client, where, ours);
  if (found.pending.length === 0) return found;
  await client.query("BEGIN");
  try {
    // Filling a new column of a large table takes as long as it takes.
    await client.query("SET LOCAL statement_timeout = 0");
    await client.query("SELECT pg_advisory_xact_lock($1, hashtext('migrate ' || current_schema()))", [
      LOCK_CLASS,
    ]);
    // Looked at again: another process may have migrated while this one waited for the lock.
    const state = await migrationState(client, where, ours);
    const { applied, pending } = state;
    if (applied.length === 0) await client.query(GROUND);
    else
      await client.query(
        "ALTER TABLE troupe_migrations ADD COLUMN IF NOT EXISTS expands int NOT NULL DEFAULT 0",
      );
    for (const { name, steps, expands = false } of ours.filter((one) => pending.includes(one.name))) {
      for (const step of steps(postgresCapabilities)) await client.query(step);
      const values = [name, expands ? 1 : 0];
      await client.query(
        "INSERT INTO troupe_migrations (name, at, expands) VALUES ($1, now_ms(), $2)",
        values,
      );
    }
    await client.query("COMMIT");
    return state;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}
