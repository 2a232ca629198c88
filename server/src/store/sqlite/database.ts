import { DatabaseSync } from "node:sqlite";
import { TroupeError } from "@troupe/contracts";
import { troupeErrorOf } from "../failure.ts";
import { failureOf } from "./errors.ts";

export interface DatabaseOptions {
  readonly path: string;
  readonly access: "write" | "read";
  /** UTC milliseconds: the database's clock, which leases go by. */
  readonly now: () => number;
  /** How long a locked database is waited for, milliseconds. */
  readonly busyTimeoutMs?: number;
  /** Largest size of the file in pages; only tests set it. */
  readonly maxPages?: number;
}

export const MEMORY_PATH = ":memory:";

const CACHE_KIBIBYTES = 8192;
/**
 * Of a database that is made now; an older one keeps its own. A commit logs and checksums whole pages, of each of which a turn
 * changes little: half of 4 KiB saves a twentieth of a turn's processor time. Measured, docs/decisions/0008.
 */
const PAGE_BYTES = 2048;
/** A commit that finds so many pages in the log writes them back itself; the idle checkpoint comes long before. */
const CHECKPOINT_PAGES = 16_000;
const LOG_LIMIT_BYTES = 64 * 1024 * 1024;

/** Opens a connection as every thread uses it. Throws `TroupeError` with a store code. */
export function openDatabase(options: DatabaseOptions): DatabaseSync {
  return guarded(options.path, () => {
    const database = new DatabaseSync(options.path, {
      readOnly: options.access === "read",
      timeout: options.busyTimeoutMs ?? 5000,
      allowExtension: false,
    });
    try {
      configure(database, options);
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  });
}

function configure(database: DatabaseSync, options: DatabaseOptions): void {
  database.function("now_ms", { deterministic: false, directOnly: true }, options.now);
  database.exec(
    `PRAGMA cache_size = -${CACHE_KIBIBYTES}; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;`,
  );
  if (options.path === MEMORY_PATH) return;
  // No memory mapping: with a write-ahead log each read after a commit would unmap and fault in the file anew, and
  // interrupt every processor for it.
  if (options.access === "read") return;
  database.exec(
    `PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = ${LOG_LIMIT_BYTES};`,
  );
  if (options.maxPages !== undefined) database.exec(`PRAGMA max_page_count = ${options.maxPages}`);
}

/** Runs `work` and turns what the driver throws into a `TroupeError`. */
export function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (TroupeError.is(error)) throw error;
    throw troupeErrorOf(failureOf(error, path), error);
  }
}
