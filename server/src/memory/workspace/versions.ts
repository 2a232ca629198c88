import { randomUUID } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type CallOptions, type Clock, type Logger, TroupeError } from "@troupe/contracts";
import type { Metrics } from "../../kit/index.ts";
import { type Git, type GitCall, repositoryAt } from "./git.ts";
import { isOwnFile, NIGHT_FILE, NOTES, OWN_FILES, PEOPLE, SHARED_FILES } from "./places.ts";
import { MAX_FILE_BYTES, readText } from "./read-text.ts";
import type { LooksSecret } from "./secret-guard.ts";

/** Without the program nothing is tried for so long. */
const WITHOUT_GIT_MS = 10 * 60_000;

export interface VersionsDeps {
  /** With a folder for each agent that has one. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly looksSecret: LooksSecret;
  readonly git: Git;
}

/** What a change is called in the history, by path; a file that is not named was changed by hand. */
export type Reasons = Readonly<Record<string, string>>;

export interface Kept {
  /** Files of which a version was kept. */
  readonly files: readonly string[];
  /** Those of which none is, and why. */
  readonly left: readonly { readonly file: string; readonly why: string }[];
}

export interface Versions {
  /**
   * Keeps a version of each file that changed, each with a message of its own. Files with what looks like a secret, links and files of
   * more than a megabyte are left out, with a line in the log. Rejects with `config.missing` without the program git,
   * `config.invalid` where something else stands in the place of the repository, `internal` where git fails.
   */
  keep(agentId: string, options: CallOptions, reasons?: Reasons): Promise<Kept>;
  /** Nothing else changes the agent's folder or its history meanwhile, as far as this process goes. */
  alone<Value>(agentId: string, work: () => Promise<Value>): Promise<Value>;
}

export function createVersions(deps: VersionsDeps): Versions {
  const { clock, metrics } = deps;
  const running = new Map<string, Promise<unknown>>();
  const commits = metrics.counter("workspace_commits_total", "Versions of agents' files that were kept");
  let noGitUntilMs = Number.NEGATIVE_INFINITY;

  const alone: Versions["alone"] = async (agentId, work) => {
    const before = running.get(agentId) ?? Promise.resolve();
    const mine = before.then(work, work);
    running.set(agentId, mine);
    try {
      return await mine;
    } finally {
      if (running.get(agentId) === mine) running.delete(agentId);
    }
  };
  const keep: Versions["keep"] = async (agentId, options, reasons = {}) => {
    if (clock.monotonicMs() < noGitUntilMs) throw withoutGit();
    try {
      const kept = await keepAll(deps, agentId, reasons, options);
      commits.add(kept.files.length);
      return kept;
    } catch (error) {
      if (TroupeError.is(error, "config.missing")) noGitUntilMs = clock.monotonicMs() + WITHOUT_GIT_MS;
      throw error;
    }
  };
  return { keep, alone };
}

function withoutGit(): TroupeError {
  return new TroupeError("The program git is not there.", { code: "config.missing" });
}

async function keepAll(
  deps: VersionsDeps,
  agentId: string,
  reasons: Reasons,
  options: CallOptions,
): Promise<Kept> {
  const { git, logger } = deps;
  const folder = join(deps.folder, agentId);
  await openRepository(git, folder, options);
  await using index = await ownIndex(deps, folder, options);
  const { own } = index;
  const files: string[] = [];
  const left: Kept["left"][number][] = [];
  for (const { file, isGone, isNew } of await changedIn(git, folder, own)) {
    const did = isGone ? "Removed" : isNew ? "Added" : "Changed";
    const message = reasons[file] ?? `${did} by hand: ${file}`;
    const read = isGone ? undefined : await readText(join(folder, file));
    const why = read === undefined ? undefined : whyLeft(deps, read);
    if (why === undefined) {
      const bytes = read?.kind === "text" ? read.bytes : undefined;
      await commit(git, folder, { file, bytes, message }, own);
      files.push(file);
      logger.info("workspace.kept", { agent: agentId, file });
    } else {
      left.push({ file, why });
      logger.warn("workspace.not_kept", { agent: agentId, file, why });
    }
  }
  return { files, left };
}

/**
 * What the last version holds, whatever stands in the index of whoever works there by hand, or was left by a process that was
 * stopped. Of this call alone, for another process may be at it too.
 */
async function ownIndex(
  { git, clock }: Pick<VersionsDeps, "git" | "clock">,
  folder: string,
  options: CallOptions,
): Promise<{ readonly own: GitCall } & AsyncDisposable> {
  const repository = join(folder, ".git");
  await tidy(repository, clock.now());
  const indexFile = join(repository, `${INDEX}${randomUUID()}`);
  const own = { ...options, indexFile };
  const held = {
    own,
    async [Symbol.asyncDispose]() {
      for (const file of [indexFile, `${indexFile}.lock`]) await rm(file, { force: true });
    },
  };
  await using stack = new AsyncDisposableStack();
  stack.use(held);
  if (await git.hasHead(folder, options)) await git.run(folder, ["read-tree", "HEAD"], own);
  stack.move();
  return held;
}

const INDEX = "troupe-index-";
/** No call takes so long. */
const LEFT_MS = 60 * 60_000;

/** Takes away what processes that were killed have left. */
async function tidy(repository: string, now: number): Promise<void> {
  const left = (await readdir(repository).catch(() => [])).filter((name) => name.startsWith(INDEX));
  for (const name of left) {
    const file = join(repository, name);
    const stats = await stat(file).catch(() => undefined);
    if (stats !== undefined && now - stats.mtimeMs > LEFT_MS) await rm(file, { force: true });
  }
}

/** Throws `config.invalid` where something else stands in its place. */
export async function openRepository(git: Git, folder: string, options: CallOptions): Promise<void> {
  const found = await repositoryAt(folder);
  if (found === "foreign") {
    throw new TroupeError(
      `${join(folder, ".git")} is no folder, so no versions are kept. Move it away; Troupe makes a repository of its own.`,
      { code: "config.invalid" },
    );
  }
  if (found === "none")
    await git.run(folder, ["init", "--quiet", "--template=", "--initial-branch=main"], options);
}

function whyLeft(
  { looksSecret }: VersionsDeps,
  read: Awaited<ReturnType<typeof readText>>,
): string | undefined {
  if (read.kind !== "text") return read.kind;
  if (read.sizeBytes > MAX_FILE_BYTES) return `is longer than ${MAX_FILE_BYTES} bytes`;
  return looksSecret(read.text) ? "holds what looks like a secret" : undefined;
}

interface Changed {
  readonly file: string;
  readonly isGone: boolean;
  readonly isNew: boolean;
}

async function changedIn(git: Git, folder: string, own: GitCall): Promise<readonly Changed[]> {
  const places = [...SHARED_FILES, ...OWN_FILES, NIGHT_FILE, NOTES, PEOPLE].map(
    (name) => `:(top,literal)${name}`,
  );
  const words = ["status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--", ...places];
  const lines = (await git.run(folder, words, own)).toString().split("\0");
  return lines
    .map((line) => ({ state: line.slice(0, 2), file: line.slice(3) }))
    .filter(({ file }) => isOwnFile(file))
    .map(({ state, file }) => ({ file, isGone: state === " D", isNew: state === "??" }));
}

/** Just what was looked at, whatever stands in the file by now. The index of whoever works there is told of it first. */
async function commit(
  git: Git,
  folder: string,
  change: { readonly file: string; readonly bytes: Buffer | undefined; readonly message: string },
  own: GitCall,
): Promise<void> {
  const { file, bytes, message } = change;
  const { signal } = own;
  const entry =
    bytes === undefined
      ? ["--force-remove", "--", file]
      : ["--add", "--cacheinfo", `100644,${await blobOf(git, folder, bytes, { signal })},${file}`];
  await git.run(folder, ["update-index", ...entry], { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    // Somebody is at work there, or was and left a lock: what they see is behind, and the version is kept.
    if (!TroupeError.is(error, "internal")) throw error;
  });
  await git.run(folder, ["update-index", ...entry], own);
  await git.run(folder, ["commit", "--quiet", "--no-verify", "--allow-empty", "-m", message], own);
}

async function blobOf(git: Git, folder: string, input: Buffer, options: CallOptions): Promise<string> {
  const words = ["hash-object", "-w", "--no-filters", "--stdin"];
  return (await git.run(folder, words, { ...options, input })).toString().trim();
}
