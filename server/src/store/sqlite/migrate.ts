import { existsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { TroupeError } from "@troupe/contracts";
import { migrations } from "../migrations/index.ts";
import { sqliteCapabilities } from "./capabilities.ts";
import { guarded, openDatabase } from "./database.ts";

/** "Trpe": tells our files from other databases. Source: sqlite.org/fileformat2.html#application_id. */
const APPLICATION_ID = 0x54727065;

/**
 * Brings the tables up to this version, all steps in one transaction. Throws `store.version` for a file that a newer
 * Troupe wrote and `store.corrupt` for one that is not ours. The query builder's own migrator is asynchronous, keeps two
 * tables of its own and needs a driver; `user_version` and one transaction do the same within a millisecond.
 */
export function migrate(database: DatabaseSync, path: string): void {
  guarded(path, () => {
    if (schemaVersionOf(database, path) === migrations.length) return;
    database.exec("BEGIN IMMEDIATE");
    try {
      // Read again: another process may have migrated while this one waited for the lock.
      for (const { steps } of migrations.slice(schemaVersionOf(database, path))) {
        for (const statement of steps(sqliteCapabilities)) database.exec(statement);
      }
      database.exec(
        `PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${migrations.length}; COMMIT`,
      );
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  });
}

/** How many migrations a database has. Throws `store.version` and `store.corrupt` as `migrate` does. */
export function schemaVersionOf(database: DatabaseSync, path: string): number {
  const version = numberOf(database, "PRAGMA user_version");
  if (version > migrations.length) {
    throw new TroupeError(
      `The database ${path} was written by a newer Troupe (its version is ${version}, this one knows ${migrations.length}). Install the newer Troupe again, or restore a backup from before.`,
      { code: "store.version" },
    );
  }
  const isForeign =
    numberOf(database, "PRAGMA application_id") !== APPLICATION_ID &&
    numberOf(database, "SELECT count(*) FROM sqlite_schema") > 0;
  if (isForeign) {
    throw new TroupeError(
      `The file ${path} is a database of another program. Set store.url to a file of Troupe's own.`,
      { code: "store.corrupt" },
    );
  }
  return version;
}

function numberOf(database: DatabaseSync, query: string): number {
  return Number(Object.values(database.prepare(query).get() ?? {})[0] ?? 0);
}

/** Looks which migrations a file lacks, without changing it. Throws as `migrate` does. */
export function sqliteMigrationState(path: string): {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  readonly ahead: readonly string[];
} {
  const names = migrations.map(({ name }) => name);
  if (!existsSync(path)) return { applied: [], pending: names, ahead: [] };
  const database = openDatabase({ path, access: "read", now: Date.now });
  try {
    const version = schemaVersionOf(database, path);
    return { applied: names.slice(0, version), pending: names.slice(version), ahead: [] };
  } finally {
    database.close();
  }
}
