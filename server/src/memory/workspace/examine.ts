import { access, constants, lstat } from "node:fs/promises";
import { join } from "node:path";
import { TroupeError } from "@troupe/contracts";
import { filesOf, workspacesIn } from "./files.ts";
import { type Git, repositoryAt } from "./git.ts";
import type { LooksSecret } from "./secret-guard.ts";

export interface WorkspaceTrouble {
  readonly path: string;
  /** As a clause behind the path. */
  readonly what: string;
  /** What to do, as a sentence. */
  readonly remedy: string;
}

export interface WorkspaceFindings {
  /** In words: `2 agents`. */
  readonly count: string;
  readonly troubles: readonly WorkspaceTrouble[];
}

/** Looks at all folders of agents' own files and changes nothing. Undefined where no agent has one. */
export async function examineWorkspaces(of: {
  readonly folder: string;
  readonly agentIds: readonly string[];
  readonly looksSecret: LooksSecret;
  readonly git: Git;
}): Promise<WorkspaceFindings | undefined> {
  const found = await workspacesIn(of.folder);
  if (found.length === 0) return undefined;
  const troubles: WorkspaceTrouble[] = [];
  const first = await lookForGit(of.git, of.folder);
  if (first !== undefined) troubles.push(first);
  for (const agentId of found) {
    const path = join(of.folder, agentId);
    if (!of.agentIds.includes(agentId)) {
      troubles.push({ path, what: "is of no agent", remedy: `Add the agent, or move ${path} away.` });
      continue;
    }
    troubles.push(...(await troublesOf(path, of.git)));
    for (const { file, trouble } of await filesOf(of, agentId))
      if (trouble !== undefined)
        troubles.push({
          path: join(path, file),
          what: trouble,
          remedy: `Open ${join(path, file)} and mend it.`,
        });
  }
  const count = `${found.length} ${found.length === 1 ? "agent" : "agents"}`;
  return { count, troubles };
}

async function troublesOf(path: string, git: Git): Promise<readonly WorkspaceTrouble[]> {
  const troubles: WorkspaceTrouble[] = [];
  const isOpen = await access(path, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!isOpen)
    troubles.push({
      path,
      what: "cannot be read and written; nothing is kept of what changes there",
      remedy: `chmod u+rwx ${path}`,
    });
  const repository = await repositoryAt(path);
  if (repository === "own" && !(await isSound(git, path)))
    troubles.push({
      path: join(path, ".git"),
      what: "cannot be read by git, so no versions are kept",
      remedy: `Mend it with git, or move ${join(path, ".git")} away; Troupe begins a history anew.`,
    });
  if (repository === "foreign")
    troubles.push({
      path: join(path, ".git"),
      what: "is no folder, so no versions are kept",
      remedy: `Move ${join(path, ".git")} away; Troupe makes a repository of its own.`,
    });
  const lock = join(path, ".git", "index.lock");
  const left = await lstat(lock).catch(() => undefined);
  if (left !== undefined && Date.now() - left.mtimeMs > LOCK_MS)
    troubles.push({
      path: lock,
      what: "was left by a git that was stopped; git by hand is refused until it is gone",
      remedy: `rm ${lock}`,
    });
  return troubles;
}

/** Without the program nobody can tell, and that is told by itself. */
async function isSound(git: Git, path: string): Promise<boolean> {
  const { signal } = new AbortController();
  try {
    await git.hasHead(path, { signal });
    return true;
  } catch (error) {
    return TroupeError.is(error, "config.missing");
  }
}

/** No run of git on such a folder takes so long. */
const LOCK_MS = 60_000;

async function lookForGit(git: Git, folder: string): Promise<WorkspaceTrouble | undefined> {
  const { signal } = new AbortController();
  try {
    await git.run(folder, ["--version"], { signal });
    return undefined;
  } catch (error) {
    if (!TroupeError.is(error, "config.missing")) return undefined;
    return {
      path: folder,
      what: "has no history: the program git is not there",
      remedy: "Install git; files are read and written without it, and no change is kept.",
    };
  }
}
