/** The thread that writes the database anew without what was deleted; it has a connection of its own. */
import { parentPort, workerData } from "node:worker_threads";
import { TroupeError } from "@troupe/contracts";
import { openDatabase } from "./database.ts";
import { failureOf } from "./errors.ts";
import type { ScrubOutcome, ScrubRequest } from "./scrub.ts";

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
    database.exec("VACUUM");
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let left = TRIES; left > 0; left--) {
      // The log holds old pages until it is emptied, which waits for whoever reads.
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
