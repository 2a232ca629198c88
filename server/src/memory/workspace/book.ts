import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CallOptions, TroupeError } from "@troupe/contracts";
import { bringFilesBack, type FilesChange, type FileText, planFiles, textsOf } from "./bring-back.ts";
import { filesOf, type WorkspaceFile, workspacesIn } from "./files.ts";
import { writeOwnFile } from "./own-files.ts";
import { isOwnFile, NOTES } from "./places.ts";
import { readText } from "./read-text.ts";
import { TEMPLATES } from "./templates.ts";
import type { Versions, VersionsDeps } from "./versions.ts";

/** A version of one or several files. */
export interface WorkspaceVersion {
  readonly version: string;
  /** UTC milliseconds. */
  readonly at: number;
  readonly by: string;
  readonly message: string;
  readonly files: readonly string[];
}

const VERSION = /^[0-9a-f]{7,40}$/;

/** A file as it is, or as it was in a version. Rejects with `request.not_found`. */
async function textOf(
  deps: Pick<VersionsDeps, "folder" | "git">,
  of: { readonly agentId: string; readonly file: string; readonly version?: string },
  options: CallOptions,
): Promise<string> {
  const { agentId, file, version } = of;
  const workspace = join(deps.folder, agentId);
  if (!isOwnFile(file)) throw noFile(agentId, file);
  if (version === undefined) {
    const read = await readText(join(workspace, file));
    if (read.kind === "text") return read.text;
    throw noFile(agentId, file);
  }
  if (!VERSION.test(version)) throw noVersion(agentId, file, version);
  try {
    return (await deps.git.run(workspace, ["cat-file", "blob", `${version}:${file}`], options)).toString();
  } catch (error) {
    throw TroupeError.is(error, "internal") ? noVersion(agentId, file, version) : error;
  }
}

function noFile(agentId: string, file: string): TroupeError {
  return new TroupeError(
    `There is no ${file.slice(0, 200)} of ${agentId} that can be read. ./troupe workspace show ${agentId} names its files.`,
    { code: "request.not_found" },
  );
}

function noVersion(agentId: string, file: string, version: string): TroupeError {
  return new TroupeError(
    `There is no version ${version.slice(0, 40)} with ${file}. ./troupe workspace history ${agentId} lists them.`,
    { code: "request.not_found" },
  );
}

/** The newest first, what was just changed by hand included. */
async function historyOf(
  deps: Pick<VersionsDeps, "folder" | "git">,
  versions: Versions,
  of: { readonly agentId: string; readonly file?: string; readonly limit: number },
  options: CallOptions,
): Promise<readonly WorkspaceVersion[]> {
  const { agentId, file, limit } = of;
  if (file !== undefined && !isOwnFile(file)) throw noFile(agentId, file);
  await versions.alone(agentId, () => versions.keep(agentId, options));
  const workspace = join(deps.folder, agentId);
  if (!(await deps.git.hasHead(workspace, options))) return [];
  const words = ["log", `--max-count=${limit}`, "--format=%x1e%H%x1f%ct%x1f%an%x1f%s", "--name-only"];
  const path = file === undefined ? [] : ["--", `:(top,literal)${file}`];
  const text = (await deps.git.run(workspace, [...words, ...path], options)).toString();
  return text.split("\x1e").slice(1).map(versionIn);
}

function versionIn(text: string): WorkspaceVersion {
  const [head = "", ...files] = text.split("\n").filter((line) => line !== "");
  const [version = "", seconds = "", by = "", message = ""] = head.split("\x1f");
  return { version, at: Number(seconds) * 1_000, by, message, files };
}

/** Makes a file what it was in a version, as a version of its own. Resolves with false where it is so already. */
async function restoreFile(
  deps: VersionsDeps,
  versions: Versions,
  of: { readonly agentId: string; readonly file: string; readonly version: string },
  options: CallOptions,
): Promise<boolean> {
  const { agentId, file, version } = of;
  const workspace = join(deps.folder, agentId);
  return await versions.alone(agentId, async () => {
    await versions.keep(agentId, options);
    const text = await textOf(deps, of, options);
    const now = await readText(join(workspace, file));
    if (now.kind === "text" && now.text === text) return false;
    await writeOwnFile(workspace, file, text);
    await versions.keep(agentId, options, { [file]: `Restored as of ${version.slice(0, 7)}: ${file}` });
    deps.logger.info("workspace.restored", { agent: agentId, file, version });
    return true;
  });
}

/** Makes the folder with files to fill in; what is there stays. Resolves with the files that were written. */
async function makeWorkspace(folder: string, agentId: string): Promise<readonly string[]> {
  const workspace = join(folder, agentId);
  await mkdir(join(workspace, NOTES), { recursive: true, mode: 0o700 });
  const made: string[] = [];
  for (const [name, text] of Object.entries(TEMPLATES)) {
    const isNew = await writeFile(join(workspace, name), text, { flag: "wx", mode: 0o600 }).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "EEXIST") return false;
        throw error;
      },
    );
    if (isNew) made.push(name);
  }
  return made;
}

/** An agent's files as its operator reads, mends and makes them. Agents are those of `agents()`: a name becomes a path. */
export interface WorkspaceBook {
  agents(): Promise<readonly string[]>;
  pathOf(agentId: string): string;
  files(agentId: string): Promise<readonly WorkspaceFile[]>;
  text: BookCall<{ readonly agentId: string; readonly file: string; readonly version?: string }, string>;
  history: BookCall<
    { readonly agentId: string; readonly file?: string; readonly limit: number },
    readonly WorkspaceVersion[]
  >;
  restore: BookCall<{ readonly agentId: string; readonly file: string; readonly version: string }, boolean>;
  make(agentId: string): Promise<readonly string[]>;
  /** All that can be written to a file and had back from there. */
  texts(agentId: string): Promise<readonly FileText[]>;
  /** What bringing them back would change. */
  plan(agentId: string, files: readonly FileText[]): Promise<FilesChange>;
  bringBack: BookCall<
    { readonly agentId: string; readonly files: readonly FileText[]; readonly takenAt: number },
    FilesChange
  >;
}

type BookCall<Of, Answer> = (of: Of, options: CallOptions) => Promise<Answer>;

export function createWorkspaceBook(deps: VersionsDeps, versions: Versions): WorkspaceBook {
  const { folder } = deps;
  return {
    agents: () => workspacesIn(folder),
    pathOf: (agentId) => join(folder, agentId),
    files: (agentId) => filesOf(deps, agentId),
    text: (of, options) => textOf(deps, of, options),
    history: (of, options) => historyOf(deps, versions, of, options),
    restore: (of, options) => restoreFile(deps, versions, of, options),
    make: (agentId) => makeWorkspace(folder, agentId),
    texts: (agentId) => textsOf(deps, agentId),
    plan: (agentId, files) => planFiles(deps, agentId, files),
    bringBack: (of, options) => bringFilesBack(deps, versions, of, options),
  };
}
