import { spawn } from "node:child_process";
import { lstat } from "node:fs/promises";
import { devNull } from "node:os";
import { join } from "node:path";
import { type CallOptions, TroupeError } from "@troupe/contracts";

const TIMEOUT_MS = 20_000;
const MOST_OUTPUT_BYTES = 32 * 1024 * 1024;

/** Nothing of the user's or the machine's settings, no hook, no pager, no question. */
const SETTINGS = [
  ...[`core.hooksPath=${devNull}`, "core.fsmonitor=false", "core.autocrlf=false", "core.quotePath=false"],
  ...[`core.attributesFile=${devNull}`, "commit.gpgSign=false", "gc.autoDetach=false", "safe.directory=*"],
].flatMap((setting) => ["-c", setting]);

export interface GitCall extends CallOptions {
  readonly input?: Buffer;
  /** In place of the folder's own. */
  readonly indexFile?: string;
  /** In place of `.git` in the folder. */
  readonly gitDirectory?: string;
  /** Default: 20 seconds. */
  readonly timeoutMs?: number;
  /** Most that it may print. */
  readonly maxBytes?: number;
}

export interface Git {
  /**
   * One run on the repository right in the folder, never on one above it. Resolves with what it printed. Rejects with
   * `config.missing` without the program, `internal` where it fails.
   */
  run(folder: string, words: readonly string[], call: GitCall): Promise<Buffer>;
  /** Whether there is a version at all. */
  hasHead(folder: string, call: GitCall): Promise<boolean>;
}

/** `searchPath` is where programs are, as PATH says it; absent: where the system has its own. */
export function createGit(searchPath: string | undefined): Git {
  return {
    async run(folder, words, call) {
      const { code, out, error } = await ended(searchPath, folder, words, call);
      if (code === 0) return out;
      throw failed(folder, words, error.trim().slice(0, 500) || `code ${code}`);
    },
    async hasHead(folder, call) {
      const words = ["rev-parse", "--quiet", "--verify", "HEAD^{commit}"];
      const { code, error } = await ended(searchPath, folder, words, call);
      if (code === 0 || code === 1) return code === 0;
      throw failed(folder, words, error);
    },
  };
}

function failed(folder: string, words: readonly string[], why: string): TroupeError {
  return new TroupeError(`git ${words[0]} in ${folder} failed: ${why}`, { code: "internal" });
}

interface Ended {
  readonly code: number | null;
  readonly out: Buffer;
  readonly error: string;
}

function ended(
  searchPath: string | undefined,
  folder: string,
  words: readonly string[],
  call: GitCall,
): Promise<Ended> {
  const { signal, input, indexFile, gitDirectory = join(folder, ".git") } = call;
  const { timeoutMs = TIMEOUT_MS, maxBytes = MOST_OUTPUT_BYTES } = call;
  return new Promise((resolve, reject) => {
    const child = spawn("git", [...SETTINGS, ...words], {
      cwd: folder,
      env: environment({ searchPath, folder, gitDirectory, indexFile }),
      stdio: ["pipe", "pipe", "pipe"],
      signal,
      timeout: timeoutMs,
      windowsHide: true,
    });
    const out: Buffer[] = [];
    let [size, error] = [0, ""];
    child.stdout.on("data", (piece: Buffer) => {
      size += piece.length;
      if (size > maxBytes) child.kill("SIGKILL");
      else out.push(piece);
    });
    child.stderr.setEncoding("utf8").on("data", (piece: string) => {
      if (error.length < 4_000) error += piece;
    });
    child.once("error", (cause) => reject(signal.aborted ? signal.reason : notRun(cause)));
    child.once("close", (code) => resolve({ code, out: Buffer.concat(out), error }));
    // What ends before it has read everything says so by its code.
    child.stdin.on("error", () => undefined).end(input);
  });
}

function environment(of: {
  readonly searchPath: string | undefined;
  readonly folder: string;
  readonly gitDirectory: string;
  readonly indexFile: string | undefined;
}): NodeJS.ProcessEnv {
  const { searchPath, folder, gitDirectory, indexFile } = of;
  return {
    ...(searchPath === undefined ? {} : { PATH: searchPath }),
    ...{ HOME: devNull, LC_ALL: "C.UTF-8", GIT_TERMINAL_PROMPT: "0" },
    ...{ GIT_DIR: gitDirectory, GIT_WORK_TREE: folder },
    ...(indexFile === undefined ? {} : { GIT_INDEX_FILE: indexFile }),
    ...{ GIT_CONFIG_GLOBAL: devNull, GIT_CONFIG_NOSYSTEM: "1", GIT_ATTR_NOSYSTEM: "1" },
    ...{ GIT_AUTHOR_NAME: "Troupe", GIT_AUTHOR_EMAIL: "troupe@localhost" },
    ...{ GIT_COMMITTER_NAME: "Troupe", GIT_COMMITTER_EMAIL: "troupe@localhost" },
  };
}

function notRun(cause: Error): TroupeError {
  const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
  return isMissing
    ? new TroupeError(
        "The program git is not there. Install it; agents' files are read and written without it.",
        {
          code: "config.missing",
          cause,
        },
      )
    : new TroupeError(`git could not be run: ${cause.message}`, { code: "internal", cause });
}

/** What stands where versions are kept: a repository of its own, nothing, or something that Troupe leaves alone. */
export async function repositoryAt(folder: string): Promise<"own" | "none" | "foreign"> {
  try {
    return (await lstat(join(folder, ".git"))).isDirectory() ? "own" : "foreign";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "none" : "foreign";
  }
}
