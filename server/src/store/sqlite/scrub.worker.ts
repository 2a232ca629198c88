/** The thread that writes the database anew without what was deleted; it has a connection of its own. */
import { statSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { TroupeError } from "@troupe/contracts";
import { openDatabase } from "./database.ts";
import { failureOf } from "./errors.ts";
import type { ScrubOutcome, ScrubRequest } from "./scrub.ts";

/** A larger database is copied to a file of the machine's temporary folder: in memory the copy would take as much as it has. */
const MOST_IN_MEMORY_BYTES = 64 * 1024 * 1024;
const WAIT_MS = 100;
const TRIES = 100;

const { path } = workerData as ScrubRequest;
parentPort?.postMessage(scrub());

function scrub(): ScrubOutcome {
  try {
    using database = openDatabase({ path, access: "write", now: Date.now, busyTimeoutMs: 30_000 });
    // Words that were deleted stay in the index until its parts are merged.
    for (const table of ["message_terms", "memory_terms"])
      database.exec(`INSERT INTO ${table} (${table}) VALUES ('optimize')`);
    if (statSync(path).size > MOST_IN_MEMORY_BYTES) database.exec("PRAGMA temp_store = FILE");
    database.exec("VACUUM");
    const pause = new Int32Array(new SharedArrayBuffer(4));
    // Whoever waits for readers here lets nobody commit, so it only looks, and waits in between.
    database.exec("PRAGMA busy_timeout = 0");
    for (let left = TRIES; left > 0; left--) {
      // The log holds old pages until it is emptied, which nobody can who reads them.
      const result = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() as { readonly busy: number };
      if (result.busy === 0) return { kind: "clean" };
      Atomics.wait(pause, 0, 0, WAIT_MS);
    }
    return {
      kind: "left",
      reason: "Somebody reads the database without end, so its log keeps old pages. Try again.",
    };
  } catch (error) {
    const { code, message } = TroupeError.is(error) ? error : failureOf(error, path);
    return { kind: "failed", code, message };
  }
}
