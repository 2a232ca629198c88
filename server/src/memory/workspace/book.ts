import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CallOptions, TroupeError } from "@troupe/contracts";
import { writeOwnFile } from "./own-files.ts";
import { isOwnFile, NIGHT_FILE, NOTES, OWN_FILES, PEOPLE, personOf, SHARED_FILES } from "./places.ts";
import { look, MAX_FILE_BYTES, readText } from "./read-text.ts";
import { MAX_CHARACTERS } from "./render.ts";
import { TEMPLATES } from "./templates.ts";
import type { Versions, VersionsDeps } from "./versions.ts";

/** A file of an agent's folder, as its operator sees it. */
export interface WorkspaceFile {
  readonly file: string;
  readonly sizeBytes: number;
  /** Of whom it is: `everyone`, `owner` (whom the agent's file names), or the id of a peer. */
  readonly of: string;
  /** What is wrong with it, as a clause; absent: nothing. */
  readonly trouble?: string;
}

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

/** Agents that have a folder. */
export async function workspacesIn(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder).catch(() => []);
  const kinds = await Promise.all(found.map((name) => look(join(folder, name))));
  return found.filter((_name, at) => kinds[at]?.kind === "folder").toSorted();
}

/** The agent's own files that are there, with what is wrong with each. */
export async function filesOf(
  { folder, looksSecret }: Pick<VersionsDeps, "folder" | "looksSecret">,
  agentId: string,
): Promise<readonly WorkspaceFile[]> {
  const workspace = join(folder, agentId);
  const files: WorkspaceFile[] = [];
  for (const file of await pathsIn(workspace)) {
    const read = await readText(join(workspace, file));
    if (read.kind === "missing") continue;
    const base = { file, of: ownerOf(file), sizeBytes: read.kind === "text" ? read.sizeBytes : 0 };
    const trouble = read.kind === "text" ? troubleOf(file, read, looksSecret) : `is not read: ${read.kind}`;
    files.push(trouble === undefined ? base : { ...base, trouble });
  }
  return files;
}

function troubleOf(
  file: string,
  read: Extract<Awaited<ReturnType<typeof readText>>, { kind: "text" }>,
  looksSecret: VersionsDeps["looksSecret"],
): string | undefined {
  if (looksSecret(read.text))
    return "holds what looks like a secret; it is neither shown nor kept in the history";
  if (read.sizeBytes > MAX_FILE_BYTES)
    return `is longer than ${MAX_FILE_BYTES} bytes; no version of it is kept`;
  if (read.isBroken) return "is no text in UTF-8; what cannot be read is shown as �";
  const isShownWhole = file.endsWith(NIGHT_FILE) || read.text.length <= MAX_CHARACTERS;
  return isShownWhole ? undefined : `is longer than ${MAX_CHARACTERS} characters; prompts show its beginning`;
}

/** Everyone's first, then the owner's, then by person. */
async function pathsIn(workspace: string): Promise<readonly string[]> {
  const people = await foldersIn(join(workspace, PEOPLE));
  const bases = ["", ...people.map((name) => join(PEOPLE, name))];
  const own = await Promise.all(
    bases.map(async (base) => {
      const notes = join(base, NOTES);
      const isFolder = (await look(join(workspace, notes))).kind === "folder";
      const names = isFolder ? await readdir(join(workspace, notes)).catch(() => []) : [];
      return [
        ...[...OWN_FILES, NIGHT_FILE].map((name) => join(base, name)),
        ...names.toSorted().map((name) => join(notes, name)),
      ];
    }),
  );
  return [...SHARED_FILES, ...own.flat()].filter(isOwnFile);
}

export async function foldersIn(folder: string): Promise<readonly string[]> {
  return (await look(folder)).kind === "folder" ? await workspacesIn(folder) : [];
}

function ownerOf(file: string): string {
  const [first = "", person = ""] = file.split("/");
  if (first === PEOPLE) return personOf(person) ?? person;
  return (SHARED_FILES as readonly string[]).includes(file) ? "everyone" : "owner";
}

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
  };
}
