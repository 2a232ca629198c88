import { createHash } from "node:crypto";
import { TroupeError, type VectorModel } from "@troupe/contracts";
import type { Client } from "pg";
import { stateOf } from "./errors.ts";
import { LOCK_CLASS } from "./migrate.ts";

/** Older ones lose what a filter leaves out: they end a search with its first forty. Source: pgvector's CHANGELOG, 0.8.0. */
const OLDEST_PGVECTOR = [0, 8] as const;
/** Longer halves are kept and compared, and have no graph. Source: pgvector's README, "Half-Precision Indexing". */
const MOST_IN_GRAPH = 4_000;
const LOCK_MS = 5_000;
const PREFIX = "vectors_near_";

/** What a database says of pgvector. */
export interface VectorExtension {
  /** Version in this database; undefined where it was not created. */
  readonly installed: string | undefined;
  /** What the server could create; undefined where its package is not there. */
  readonly available: string | undefined;
  /** Quoted; where its types are found. */
  readonly schema: string | undefined;
  readonly serverMajor: number;
  /** This user may create it, as far as the catalogue says; some hosts let more users do so. */
  readonly mayCreate: boolean;
}

export interface VectorLack {
  readonly what: string;
  readonly remedy: string;
}

/** A table of one model's vectors, and what stands before the names of the extension's types. */
export interface VectorTable {
  readonly name: string;
  readonly schema: string;
}

/** How far a model's vectors were taken in, in `search_cursor`. */
export function vectorCursorOf({ model, dimensions }: VectorModel): string {
  return `near/${dimensions}/${model}`;
}

export function vectorTableOf({ model, dimensions }: VectorModel): string {
  return `${PREFIX}${dimensions}_${createHash("sha256").update(model).digest("hex").slice(0, 12)}`;
}

/** Changes nothing. */
export async function readVectorExtension(client: Client): Promise<VectorExtension> {
  type Found = {
    installed: string | null;
    available: string | null;
    schema: string | null;
    number: number;
    may: number;
  };
  const { rows } = await client.query<Found>(
    `SELECT e.extversion AS installed, a.default_version AS available, quote_ident(n.nspname) AS schema,
      CAST(current_setting('server_version_num') AS bigint) AS number,
      (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) OR (has_database_privilege(current_database(), 'CREATE')
        AND EXISTS (SELECT 1 FROM pg_available_extension_versions v WHERE v.name = 'vector' AND v.version = a.default_version AND v.trusted)) AS may
    FROM (SELECT 1) AS one LEFT JOIN pg_extension e ON e.extname = 'vector' LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
      LEFT JOIN pg_available_extensions a ON a.name = 'vector'`,
  );
  const { installed, available, schema, number = 0, may } = rows[0] ?? {};
  return {
    ...{ installed: installed ?? undefined, available: available ?? undefined, schema: schema ?? undefined },
    serverMajor: Math.floor(number / 10_000),
    mayCreate: may === 1,
  };
}

/** Whether a version of pgvector is new enough. */
function isVectorVersion(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor, leastMinor] = OLDEST_PGVECTOR;
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

/**
 * Makes the extension, the table and its indexes where they lack, under a lock of all processes. Throws `store.failed` with what to do where
 * the server does not have the extension or this user may not create it, and the driver's errors.
 */
export async function makeVectorTable(client: Client, of: VectorModel, where: string): Promise<VectorTable> {
  const name = vectorTableOf(of);
  await client.query("BEGIN");
  try {
    // Whoever writes vectors waits behind it while it waits for those who wrote.
    await client.query(`SET LOCAL lock_timeout = ${LOCK_MS}`);
    await client.query("SELECT pg_advisory_xact_lock($1, hashtext('near ' || current_schema()))", [
      LOCK_CLASS,
    ]);
    const schema = await makeExtension(client, where);
    const { rows } = await client.query(
      "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = 'embedding' AND NOT attisdropped",
      [name],
    );
    // Whoever drops the extension takes the column with it, and leaves the rest.
    if (rows.length === 0) await makeTable(client, of, schema);
    await client.query("COMMIT");
    return { name, schema };
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** Gives the schema of its types. */
async function makeExtension(client: Client, where: string): Promise<string> {
  let found = await readVectorExtension(client);
  if (found.installed === undefined && found.available !== undefined) {
    try {
      await client.query("CREATE EXTENSION IF NOT EXISTS vector");
    } catch (error) {
      if (stateOf(error) !== "42501") throw error;
      throw lackError({ what: "pgvector is not in the database", remedy: MAKE }, where);
    }
    found = await readVectorExtension(client);
  }
  const lack = vectorLackOf(found);
  if (lack !== undefined) throw lackError(lack, where);
  return found.schema ?? "public";
}

/** What keeps a database from having an index of vectors, and what to do; undefined: nothing, as far as can be seen from outside. */
export function vectorLackOf(found: VectorExtension): VectorLack | undefined {
  const { installed, available, serverMajor, mayCreate } = found;
  const version = installed ?? available;
  const install = `Debian: apt install postgresql-${serverMajor}-pgvector`;
  if (version === undefined)
    return { what: "the server has no pgvector", remedy: `Install it there (${install})` };
  if (!isVectorVersion(version)) {
    const what = `pgvector ${version} is older than ${OLDEST_PGVECTOR.join(".")}`;
    return {
      what,
      remedy: `Install a newer one on the server, and where the database has it already let a superuser run ALTER EXTENSION vector UPDATE there`,
    };
  }
  if (installed !== undefined || mayCreate) return undefined;
  return { what: "pgvector is not in the database", remedy: MAKE };
}

const MAKE = "Let a superuser run CREATE EXTENSION vector there";

function lackError({ what, remedy }: VectorLack, where: string): TroupeError {
  const message = `The index of vectors in the database ${where} cannot be used: ${what}. ${remedy}, or write recall.index: resident; until then search goes by words.`;
  return new TroupeError(message, { code: "store.failed" });
}

/** Literals only where the server takes no parameters; quoted by the server itself. */
async function makeTable(client: Client, of: VectorModel, schema: string): Promise<void> {
  const name = vectorTableOf(of);
  const { rows } = await client.query<{ model: string }>("SELECT quote_literal($1::text) AS model", [
    of.model,
  ]);
  const steps = [
    `DROP TABLE IF EXISTS ${name}`,
    `CREATE TABLE ${name} (
      "row" bigint NOT NULL PRIMARY KEY, known text[] COLLATE "C" NOT NULL, embedding ${schema}.halfvec(${of.dimensions}) NOT NULL)`,
    `COMMENT ON TABLE ${name} IS ${rows[0]?.model}`,
    // A list of what is to be put in later would be read from end to end by every search.
    `CREATE INDEX ${name}_known ON ${name} USING gin (known) WITH (fastupdate = off)`,
    ...(of.dimensions > MOST_IN_GRAPH
      ? []
      : [`CREATE INDEX ${name}_embedding ON ${name} USING hnsw (embedding ${schema}.halfvec_cosine_ops)`]),
    UNLIST,
    ...["DELETE", "UPDATE"].map((event) => triggerOf(name, event)),
  ];
  for (const step of steps) await client.query(step);
  await client.query("DELETE FROM search_cursor WHERE name = $1", [vectorCursorOf(of)]);
}

/**
 * What is deleted leaves the index in the same commit. Where the index is broken, as by a server without the extension's files, the
 * commit counts and the index does not: what it left is found by nobody, and swept out when it is mended.
 */
const UNLIST = `CREATE OR REPLACE FUNCTION troupe_unlist_vectors() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF NOT EXISTS (SELECT 1 FROM gone) THEN RETURN NULL; END IF;
    BEGIN
      EXECUTE format('DELETE FROM %I.%I WHERE "row" IN (SELECT "row" FROM gone)', TG_TABLE_SCHEMA, TG_ARGV[0])
        || CASE TG_OP WHEN 'UPDATE' THEN ' AND "row" NOT IN (SELECT "row" FROM come)' ELSE '' END;
    EXCEPTION WHEN OTHERS THEN
      RAISE LOG 'the vector index % is left as it is: %', TG_ARGV[0], SQLERRM;
    END;
    RETURN NULL;
  END $$`;

function triggerOf(name: string, event: string): string {
  const come = event === "UPDATE" ? " NEW TABLE AS come" : "";
  return `CREATE OR REPLACE TRIGGER ${name}_${event.toLowerCase()} AFTER ${event} ON vectors
    REFERENCING OLD TABLE AS gone${come} FOR EACH STATEMENT EXECUTE FUNCTION troupe_unlist_vectors('${name}')`;
}

/**
 * Deletes the tables of other models than this one, with what keeps them up to date. Whoever searches or embeds waits behind it while
 * it waits for those who do, so it does not wait long.
 */
export async function dropVectorTables(client: Client, keep: string | undefined): Promise<void> {
  const { rows } = await client.query<{ name: string; model: string | null }>(
    `SELECT c.relname AS name, d.description AS model FROM pg_class c LEFT JOIN pg_description d
      ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND starts_with(c.relname, $1)
      AND d.description IS DISTINCT FROM $2`,
    [PREFIX, keep ?? null],
  );
  for (const { name, model } of rows) {
    await client.query(
      `BEGIN; SET LOCAL lock_timeout = ${LOCK_MS}; DROP TRIGGER IF EXISTS ${name}_delete ON vectors; DROP TRIGGER IF EXISTS ${name}_update ON vectors;
      DROP TABLE IF EXISTS ${name}; COMMIT`,
    );
    const dimensions = Number.parseInt(name.slice(PREFIX.length), 10);
    await client.query("DELETE FROM search_cursor WHERE name = $1", [
      vectorCursorOf({ model: model ?? "", dimensions }),
    ]);
  }
}
