/** The store on SQLite, blobs as files, and the lock of a home. */
export type { OpenStores, StoreHealth } from "./assemble.ts";
export { createFileBlobs } from "./blobs/file-blobs.ts";
export { type HomeLock, lockHome } from "./lock.ts";
export { type Migration, migrations } from "./migrations/index.ts";
export type { MovedTable, MoveOptions } from "./move.ts";
export type { PostgresFacts } from "./postgres/examine.ts";
export {
  examinePostgres,
  moveToPostgres,
  openPostgresSecretReader,
  openPostgresStores,
} from "./postgres/lazy.ts";
export type { MigrationState } from "./postgres/migrate.ts";
export type { PostgresOptions } from "./postgres/open.ts";
export {
  copyDatabase,
  type DatabaseFacts,
  inspectDatabase,
  prepareCopy,
  type RowCounts,
} from "./sqlite/copy.ts";
export { inspectSqlite, type StoreInspection } from "./sqlite/inspect.ts";
export { sqliteMigrationState } from "./sqlite/migrate.ts";
export {
  type InlineStores,
  openInlineStores,
  openSqliteStores,
  type SqliteOptions,
} from "./sqlite/open.ts";
export { openSecretReader, type SecretReader } from "./sqlite/secret-reader.ts";
