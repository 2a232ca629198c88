import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TroupeError } from "@troupe/contracts";
import { displayPath } from "./config/environment.ts";
import { EXAMPLE_AGENTS, EXAMPLE_CONFIG } from "./examples.ts";

/** The folder that holds everything of one Troupe. */
export interface Home {
  readonly path: string;
  /** Store, blobs, history of the terminal; readable by its owner alone. */
  readonly data: string;
  /** This call wrote the home's first troupe.yaml. */
  readonly isNew: boolean;
}

/** Whether there is a home at `path`. */
export function homeExists(path: string): boolean {
  return existsSync(join(path, "troupe.yaml"));
}

/**
 * Opens the home, and on the first start makes it: troupe.yaml, two example agents, data/. Files that are there are
 * never touched. Throws `config.missing` when the folder cannot be made.
 */
export function openHome(path: string): Home {
  const data = join(path, "data");
  const isNew = !homeExists(path);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    mkdirSync(data, { recursive: true, mode: 0o700 });
    // The folder may be older than this rule, or the umask narrower than the mode.
    chmodSync(data, 0o700);
    if (isNew) writeExamples(path);
  } catch (error) {
    throw cannotOpen(path, error);
  }
  return { path, data, isNew };
}

function writeExamples(path: string): void {
  const agents = join(path, "agents");
  mkdirSync(agents, { recursive: true });
  if (!readdirSync(agents).some((name) => /\.ya?ml$/.test(name))) {
    for (const [id, text] of Object.entries(EXAMPLE_AGENTS))
      putWhole(join(agents, `${id}.yaml`), text, 0o666);
  }
  // Last, since it is what says that the home is there. It may come to hold keys, so nobody else reads it.
  putWhole(join(path, "troupe.yaml"), EXAMPLE_CONFIG, 0o600);
}

/** All of a file or none of it, whatever the disk does; another first start that writes the same just now is no failure. */
function putWhole(path: string, text: string, mode: number): void {
  const draft = `${path}.${process.pid}.part`;
  try {
    writeFileSync(draft, text, { mode });
    if (!existsSync(path)) renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}

function cannotOpen(path: string, error: unknown): TroupeError {
  const { code, path: at = path } = error as NodeJS.ErrnoException;
  const why =
    code === "EACCES" || code === "EPERM"
      ? `this user may not write ${displayPath(at)}`
      : code === "ENOSPC"
        ? "the disk is full"
        : code === "EROFS"
          ? "the file system is read-only"
          : code === "ENOTDIR" || code === "EEXIST"
            ? `${displayPath(at)} is a file`
            : String(code);
  return new TroupeError(
    `Troupe cannot use ${displayPath(path)} as its home: ${why}. Set TROUPE_HOME to a folder that you may write.`,
    { code: "config.missing", cause: error },
  );
}
