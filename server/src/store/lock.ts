import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Clock, TroupeError } from "@troupe/contracts";

/** A home held by this process until disposed, or until the process ends however it ends. */
export interface HomeLock extends Disposable {
  readonly path: string;
}

const LOCK_FILE = "home.lock";
/** Beside the lock, never in it: closing any other handle to a locked file would free the lock. Source: sqlite.org/src/doc/trunk/src/os_unix.c. */
const OWNER_FILE = "home.lock.json";
const SQLITE_BUSY = 5;

/**
 * Locks `directory` (which exists) for this process. Throws `home.locked`, naming the process that holds it. The lock is
 * an open write transaction on a database of its own: the kernel frees it when the process dies, so nothing goes stale.
 */
export function lockHome(options: {
  readonly directory: string;
  readonly clock: Clock;
  readonly pid: number;
}): HomeLock {
  const path = join(options.directory, LOCK_FILE);
  const ownerPath = join(options.directory, OWNER_FILE);
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    throw (error as { errcode?: number }).errcode === SQLITE_BUSY
      ? lockedError(options.directory, ownerPath, error)
      : error;
  }
  writeFileSync(ownerPath, `${JSON.stringify({ pid: options.pid, startedAt: options.clock.now() })}\n`);
  return {
    path,
    [Symbol.dispose]() {
      if (!lock.isOpen) return;
      rmSync(ownerPath, { force: true });
      lock.close();
    },
  };
}

function lockedError(directory: string, ownerPath: string, cause: unknown): TroupeError {
  return new TroupeError(
    `Another Troupe works in ${directory}${ownerText(ownerPath)}. Stop it first, or set TROUPE_HOME to another folder.`,
    { code: "home.locked", cause },
  );
}

/** The holder writes its line just after locking, so for a moment there may be none. */
function ownerText(ownerPath: string): string {
  try {
    const { pid, startedAt } = JSON.parse(readFileSync(ownerPath, "utf8")) as {
      pid: number;
      startedAt: number;
    };
    return `: process ${pid}, started ${new Date(startedAt).toISOString()}`;
  } catch {
    return "";
  }
}
