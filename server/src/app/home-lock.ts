import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TroupeError } from "@troupe/contracts";
import { systemClock } from "../kit/index.ts";
import { lockHome } from "../store/index.ts";
import { displayPath } from "./config/environment.ts";
import type { LockHolder } from "./lock-holder.ts";
import { HOLDER_FILE, readHolder } from "./lock-holder.ts";

/**
 * Takes the home for this process; the system lets go when the process ends, however it ends. Throws `home.locked`, with
 * the command that has it, while another process does.
 */
export function holdHome(dataFolder: string, holder: LockHolder): Disposable {
  let lock: Disposable;
  try {
    lock = lockHome({ directory: dataFolder, clock: systemClock(), pid: holder.pid });
  } catch (error) {
    throw TroupeError.is(error, "home.locked")
      ? heldBy(readHolder(dataFolder), dataFolder, error)
      : cannotLock(dataFolder, error);
  }
  const holderFile = join(dataFolder, HOLDER_FILE);
  try {
    writeFileSync(holderFile, JSON.stringify(holder), { mode: 0o600 });
  } catch {
    // It serves messages alone. Of a full or read-only disk the store tells, in a sentence.
  }
  return {
    [Symbol.dispose]() {
      // Ours as long as the lock is; afterwards it may be another's.
      rmSync(holderFile, { force: true });
      lock[Symbol.dispose]();
    },
  };
}

function heldBy(holder: LockHolder | undefined, dataFolder: string, cause: unknown): TroupeError {
  const home = displayPath(join(dataFolder, ".."));
  const message =
    holder === undefined
      ? `Another process uses the home ${home}. Stop it, or set TROUPE_HOME to another folder.`
      : holder.command === "up"
        ? `Troupe runs already with the home ${home} (process ${holder.pid}). Stop it first, or set TROUPE_HOME to another folder.`
        : `./troupe ${holder.command} (process ${holder.pid}) uses the home ${home}. Leave it first; while ./troupe up runs, all commands share the home.`;
  return new TroupeError(message, { code: "home.locked", retryable: true, cause });
}

function cannotLock(dataFolder: string, error: unknown): TroupeError {
  const detail = error instanceof Error ? error.message : String(error);
  return new TroupeError(
    `The folder ${displayPath(dataFolder)} cannot be locked (${detail}). It must be on a local disk that this user may write.`,
    { code: "config.missing", cause: error },
  );
}
