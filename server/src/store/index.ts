/** The store on SQLite and the lock of a home. */
export { type HomeLock, lockHome } from "./lock.ts";
export {
  type InlineStores,
  openInlineStores,
  openSqliteStores,
  type SqliteOptions,
  type SqliteStores,
  type StoreHealth,
} from "./sqlite/open.ts";
