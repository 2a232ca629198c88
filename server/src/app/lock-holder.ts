import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Who holds a home, for messages; the lock itself is the system's. */
export interface LockHolder {
  readonly pid: number;
  /** The command that it runs: `up`, `chat`. */
  readonly command: string;
  /** UTC milliseconds. */
  readonly since: number;
}

export const HOLDER_FILE = "holder.json";

/** Who says to hold the home. Only the lock tells whether it is so. */
export function readHolder(dataFolder: string): LockHolder | undefined {
  try {
    const { pid, command, since } = JSON.parse(readFileSync(join(dataFolder, HOLDER_FILE), "utf8"));
    return typeof pid === "number" && typeof since === "number"
      ? { pid, command: String(command), since }
      : undefined;
  } catch {
    return undefined;
  }
}
