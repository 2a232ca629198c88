import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { TroupeError } from "@troupe/contracts";

/** Longest path that a Unix socket takes on every system: 104 bytes on macOS with its closing zero, 108 on Linux. */
const LONGEST_SOCKET_PATH = 103;
/** A command's own socket has its process id in its name: `-` and at most seven digits. */
const PID_CHARACTERS = 8;

/**
 * Where the admin socket of a home lies. Not in the home itself: paths of sockets are short, those of homes may be long,
 * and some shared folders hold no sockets.
 */
export function adminSocketPath(home: string, runtimeDirectory: string): string {
  const { uid } = userInfo();
  const name = `${createHash("sha256").update(home).digest("hex").slice(0, 16)}.sock`;
  const path = join(runtimeDirectory, `troupe-${uid}`, name);
  return Buffer.byteLength(path) + PID_CHARACTERS <= LONGEST_SOCKET_PATH
    ? path
    : join("/tmp", `troupe-${uid}`, name);
}

/** Makes the socket's folder, ours alone. Refuses one that somebody else made or can write: they could listen in. */
export function prepareSocketFolder(socketPath: string): void {
  const folder = dirname(socketPath);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  const { uid } = userInfo();
  if (!found.isDirectory() || (uid >= 0 && found.uid !== uid)) {
    throw new TroupeError(
      `The folder ${folder} belongs to somebody else. Remove it, or set XDG_RUNTIME_DIR to a folder of your own.`,
      { code: "config.invalid" },
    );
  }
  if ((found.mode & 0o077) !== 0) chmodSync(folder, 0o700);
}
