import { existsSync, statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { guarded, openDatabase } from "./database.ts";

/** What can be told of a database file from outside. */
export interface StoreInspection {
  /** What SQLite's own check found, at most so many; empty for a whole file. */
  readonly problems: readonly string[];
  /** Of the file and its log. */
  readonly bytes: number;
  /** How many migrations it has. */
  readonly version: number;
  /** Messages that the search index has not seen; counting ends somewhere. */
  readonly unindexed: number;
}

const MOST_PROBLEMS = 20;
const MOST_COUNTED = 100_000;

/**
 * Checks a database file for damage and reads how far its index is, while other processes may use it. Undefined where there
 * is none. Reads the whole file once. Throws the store's error codes for one that cannot be opened.
 */
export function inspectSqlite(path: string): StoreInspection | undefined {
  if (!existsSync(path)) return undefined;
  const database = openDatabase({ path, access: "read", now: Date.now });
  try {
    return guarded(path, () => inspect(database, path));
  } finally {
    database.close();
  }
}

function inspect(database: DatabaseSync, path: string): StoreInspection {
  const rows = database.prepare(`PRAGMA quick_check(${MOST_PROBLEMS})`).all();
  const problems = rows.map((row) => String(Object.values(row)[0])).filter((text) => text !== "ok");
  const bytes = [path, `${path}-wal`].reduce(
    (sum, file) => sum + (existsSync(file) ? statSync(file).size : 0),
    0,
  );
  const version = numberOf(database, "PRAGMA user_version");
  const isOurs =
    numberOf(database, "SELECT count(*) FROM sqlite_schema WHERE name IN ('messages', 'search_cursor')") ===
    2;
  const unindexed = isOurs && problems.length === 0 ? numberOf(database, UNINDEXED) : 0;
  return { problems, bytes, version, unindexed };
}

const UNINDEXED = `SELECT count(*) FROM (SELECT 1 FROM messages
  WHERE "row" > ifnull((SELECT "row" FROM search_cursor WHERE name = 'messages'), 0) LIMIT ${MOST_COUNTED})`;

function numberOf(database: DatabaseSync, query: string): number {
  return Number(Object.values(database.prepare(query).get() ?? {})[0] ?? 0);
}
