import { backup, type DatabaseSync } from "node:sqlite";
import { type CallOptions, type Hold, TroupeError } from "@troupe/contracts";
import { troupeErrorOf } from "../failure.ts";
import { TABLE_NAMES } from "../tables.ts";
import { guarded, openDatabase } from "./database.ts";
import { failureOf } from "./errors.ts";
import { migrate, schemaVersionOf } from "./migrate.ts";

/** Rows of every table, by its name. */
export type RowCounts = Readonly<Record<string, number>>;

export interface DatabaseFacts {
  /** How many migrations it has. */
  readonly schema: number;
  readonly rows: RowCounts;
}

/** Pages that are copied in one go. */
const PAGES_A_STEP = 1024;
/** After each step as long a pause as it took: at most half a disk, and half a processor. */
const LONGEST_PAUSE_MS = 200;

/**
 * Copies the database at `path` to `to`, as it is at this moment, while others write on; nobody waits for it but this
 * thread, which sleeps between its steps: call it from a process of its own. The copy is checked. Rejects with `store.*`, or
 * the signal's reason; then `to` is to be removed.
 */
export async function copyDatabase(
  paths: { readonly path: string; readonly to: string },
  options: CallOptions & { readonly onProgress: (share: number) => void },
): Promise<DatabaseFacts> {
  const { path, to } = paths;
  const { signal, onProgress } = options;
  signal.throwIfAborted();
  using source = openDatabase({ path, access: "read", now: Date.now });
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let stepBegan = performance.now();
  try {
    // What is read once holds its view of the whole until the end, so that no write begins the copy anew.
    source.exec("BEGIN");
    source.prepare("SELECT count(*) FROM sqlite_schema").get();
    await backup(source, to, {
      rate: PAGES_A_STEP,
      progress({ totalPages, remainingPages }) {
        signal.throwIfAborted();
        onProgress((totalPages - remainingPages) / totalPages);
        Atomics.wait(pause, 0, 0, Math.min(performance.now() - stepBegan, LONGEST_PAUSE_MS));
        stepBegan = performance.now();
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw TroupeError.is(error) ? error : troupeErrorOf(failureOf(error, path), error);
  }
  return inspectDatabase(to);
}

/** What a copy holds. Throws `store.corrupt` for one that is damaged, `store.version` for one of a newer Troupe. */
export function inspectDatabase(path: string): DatabaseFacts {
  return guarded(path, () => {
    using database = openDatabase({ path, access: "read", now: Date.now });
    const [found] = Object.values(database.prepare("PRAGMA quick_check(1)").get() ?? {});
    if (found !== "ok") {
      throw new TroupeError(`The database ${path} is damaged: ${String(found)}.`, { code: "store.corrupt" });
    }
    return { schema: schemaVersionOf(database, path), rows: countRows(database) };
  });
}

/** Brings a copy up to this version and places a hold on each space, before any Troupe opens it. Rejects with `store.*`. */
export function prepareCopy(path: string, hold: Omit<Hold, "spaceId">): { readonly waiting: number } {
  return guarded(path, () => {
    using database = openDatabase({ path, access: "write", now: Date.now });
    migrate(database, path);
    database
      .prepare(
        `INSERT INTO holds (space_id, reason, since)
         SELECT space_id, ?, ? FROM (SELECT 'default' AS space_id UNION SELECT DISTINCT space_id FROM outbox WHERE state IN ('pending', 'sending'))
         WHERE true ON CONFLICT (space_id) DO NOTHING`,
      )
      .run(hold.reason, hold.since);
    const open = database
      .prepare("SELECT count(*) AS n FROM outbox WHERE state IN ('pending', 'sending')")
      .get() as { readonly n: number };
    return { waiting: open.n };
  });
}

function countRows(database: DatabaseSync): RowCounts {
  const there = new Set(
    database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map((row) => String(row.name)),
  );
  return Object.fromEntries(
    TABLE_NAMES.filter((table) => there.has(table)).map((table) => [
      table,
      Number(Object.values(database.prepare(`SELECT count(*) FROM ${table}`).get() ?? {})[0]),
    ]),
  );
}
