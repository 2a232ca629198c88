import { copyFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type CallOptions, type Logger, TroupeError } from "@troupe/contracts";
import { filesOf, foldersIn, workspacesIn } from "./files.ts";
import { type Git, repositoryAt } from "./git.ts";
import { withoutIds } from "./night-file.ts";
import { writeOwnFile } from "./own-files.ts";
import { NIGHT_FILE, NOTES, OWN_FILES, PEOPLE, personFolder } from "./places.ts";
import { look, readText } from "./read-text.ts";
import type { Versions } from "./versions.ts";

/** A history is written anew in memory. */
const MOST_HISTORY_BYTES = 512 * 1024 * 1024;
const REWRITE_TIMEOUT_MS = 10 * 60_000;

export interface WorkspaceErasure {
  /** Files that are there no more. */
  readonly files: number;
  /** Agents whose history was written anew without them. */
  readonly rewritten: readonly string[];
  /** Agents whose whole history was deleted, since it could not be written anew. */
  readonly dropped: readonly string[];
}

export interface WorkspaceEraserDeps {
  readonly folder: string;
  readonly logger: Logger;
  readonly git: Git;
  readonly versions: Versions;
  /** Whom the private files right in an agent's folder are for. */
  readonly ownersOf: (agentId: string) => readonly string[];
}

/** How many files are about that person alone. */
export async function countOwnFiles(deps: WorkspaceEraserDeps, peerId: string): Promise<number> {
  let count = 0;
  for (const agentId of await workspacesIn(deps.folder))
    count += (await filesAbout(deps, agentId, peerId)).length;
  return count;
}

async function filesAbout(
  deps: WorkspaceEraserDeps,
  agentId: string,
  peerId: string,
): Promise<readonly string[]> {
  const all = await filesOf({ folder: deps.folder, looksSecret: () => false }, agentId);
  const paths = pathsAbout(deps, agentId, peerId);
  return all.flatMap(({ file }) => (paths.some((path) => isIn(file, path)) ? [file] : []));
}

function pathsAbout({ ownersOf }: WorkspaceEraserDeps, agentId: string, peerId: string): readonly string[] {
  const owners = ownersOf(agentId);
  const isOwner = owners.length > 0 && owners.every((owner) => owner === peerId);
  return [personFolder(peerId), ...(isOwner ? [...OWN_FILES, NIGHT_FILE, NOTES] : [])];
}

function isIn(file: string, path: string): boolean {
  return file === path || file.startsWith(`${path}/`);
}

/**
 * Deletes the files about one person, of all agents, and writes their histories anew without them; where that cannot be done the
 * whole history goes. A repetition finds what is there still.
 */
export async function eraseOwnFiles(
  deps: WorkspaceEraserDeps,
  peerId: string,
  options: CallOptions,
): Promise<WorkspaceErasure> {
  const erasure = { files: 0, rewritten: [] as string[], dropped: [] as string[] };
  for (const agentId of await workspacesIn(deps.folder)) {
    await deps.versions.alone(agentId, async () => {
      const workspace = join(deps.folder, agentId);
      const paths = pathsAbout(deps, agentId, peerId);
      erasure.files += (await filesAbout(deps, agentId, peerId)).length;
      const wasThere = await anyOf(workspace, paths);
      for (const path of paths) await rm(join(workspace, path), { recursive: true, force: true });
      const outcome = await forget(deps, workspace, { paths, wasThere }, options);
      if (outcome !== "nothing") erasure[outcome].push(agentId);
    });
  }
  return erasure;
}

/**
 * Takes records out of the files that nights keep, with all earlier versions of those that ever named one; what stands there of
 * others stays. A repetition finds what is there still.
 */
export async function eraseFromNightFiles(
  deps: WorkspaceEraserDeps,
  { agentId, ids }: { readonly agentId: string; readonly ids: readonly string[] },
  options: CallOptions,
): Promise<void> {
  const workspace = join(deps.folder, agentId);
  if ((await look(workspace)).kind !== "folder") return;
  await deps.versions.alone(agentId, async () => {
    const people = await foldersIn(join(workspace, PEOPLE));
    for (const file of [NIGHT_FILE, ...people.map((name) => join(PEOPLE, name, NIGHT_FILE))]) {
      const read = await readText(join(workspace, file));
      const text = read.kind === "text" ? read.text : "";
      const left = withoutIds(text, ids);
      const isNamed = left !== text || (await wasNamed(deps.git, workspace, { file, ids }, options));
      if (left !== text) await writeOwnFile(workspace, file, left);
      if (!isNamed) continue;
      const outcome = await forget(deps, workspace, { paths: [file], wasThere: true }, options);
      if (outcome !== "nothing" && left !== "") await keepAnew(deps, agentId, file, options);
    }
  });
}

/** What is left of a file whose history was taken away is a version again. */
async function keepAnew(
  { versions, logger }: WorkspaceEraserDeps,
  agentId: string,
  file: string,
  options: CallOptions,
): Promise<void> {
  await versions
    .keep(agentId, options, { [file]: `Without what was erased: ${file}` })
    .catch((error: unknown) => {
      options.signal.throwIfAborted();
      logger.warn("workspace.no_versions", { agent: agentId, error });
    });
}

async function wasNamed(
  git: Git,
  workspace: string,
  { file, ids }: { readonly file: string; readonly ids: readonly string[] },
  options: CallOptions,
): Promise<boolean> {
  if ((await repositoryAt(workspace)) !== "own") return false;
  for (const id of ids) {
    const words = ["log", "--all", "--reflog", "--max-count=1", "--format=%H", `-S${id}`];
    const found = await git
      .run(workspace, [...words, "--", `:(top,literal)${file}`], options)
      // Who cannot look takes it that it is there: forgetting weighs more than a history.
      .catch((error: unknown) => {
        options.signal.throwIfAborted();
        return TroupeError.is(error, "config.missing") ? [] : [error];
      });
    if (found.length > 0) return true;
  }
  return false;
}

async function anyOf(workspace: string, paths: readonly string[]): Promise<boolean> {
  const all = await Promise.all(paths.map((path) => look(join(workspace, path))));
  return all.some(({ kind }) => kind !== "missing");
}

async function forget(
  { git, logger }: WorkspaceEraserDeps,
  workspace: string,
  of: { readonly paths: readonly string[]; readonly wasThere: boolean },
  options: CallOptions,
): Promise<"nothing" | "rewritten" | "dropped"> {
  // What a process that was stopped in between left behind.
  for (const name of [NEW, OLD]) await rm(join(workspace, name), { recursive: true, force: true });
  if ((await repositoryAt(workspace)) !== "own") return "nothing";
  try {
    if (!of.wasThere && !(await isKept(git, workspace, of.paths, options))) return "nothing";
    await rewrite(git, workspace, of.paths, options);
    if (!(await isKept(git, workspace, of.paths, options))) return "rewritten";
  } catch (error) {
    options.signal.throwIfAborted();
    logger.warn("workspace.history_dropped", { workspace, error });
  }
  // Forgetting a person weighs more than the history of the others' files.
  await rm(join(workspace, ".git"), { recursive: true, force: true });
  return "dropped";
}

const NEW = ".git.new";
const OLD = ".git.old";

async function isKept(
  git: Git,
  workspace: string,
  paths: readonly string[],
  options: CallOptions,
): Promise<boolean> {
  const named = paths.map((path) => `:(top,literal)${path}`);
  const words = ["log", "--all", "--reflog", "--max-count=1", "--format=%H", "--", ...named];
  return (await git.run(workspace, words, options)).length > 0;
}

/** Versions of all other files, with their messages and times, in a repository of its own that takes the place of the first. */
async function rewrite(
  git: Git,
  workspace: string,
  paths: readonly string[],
  options: CallOptions,
): Promise<void> {
  const gitDirectory = join(workspace, NEW);
  const fresh = { ...options, gitDirectory, timeoutMs: REWRITE_TIMEOUT_MS };
  const branch = (await git.run(workspace, ["rev-parse", "--abbrev-ref", "HEAD"], options)).toString().trim();
  await git.run(workspace, ["init", "--quiet", "--template=", `--initial-branch=${branch}`], fresh);
  const others = paths.map((path) => `:(exclude,top,literal)${path}`);
  const words = ["fast-export", "--reencode=yes", "HEAD", "--", ".", ...others];
  const more = { ...options, timeoutMs: REWRITE_TIMEOUT_MS, maxBytes: MOST_HISTORY_BYTES };
  const input = await git.run(workspace, words, more);
  await git.run(workspace, ["fast-import", "--quiet"], { ...fresh, input });
  if (await git.hasHead(workspace, fresh)) await git.run(workspace, ["read-tree", "HEAD"], fresh);
  await copyFile(join(workspace, ".git", "config"), join(gitDirectory, "config"));
  await rename(join(workspace, ".git"), join(workspace, OLD));
  await rename(gitDirectory, join(workspace, ".git"));
  await rm(join(workspace, OLD), { recursive: true, force: true });
}
