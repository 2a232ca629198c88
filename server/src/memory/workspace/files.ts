import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isOwnFile, NIGHT_FILE, NOTES, OWN_FILES, PEOPLE, personOf, SHARED_FILES } from "./places.ts";
import { look, MAX_FILE_BYTES, readText } from "./read-text.ts";
import { MAX_CHARACTERS } from "./render.ts";
import type { VersionsDeps } from "./versions.ts";

/** A file of an agent's folder, as its operator sees it. */
export interface WorkspaceFile {
  readonly file: string;
  readonly sizeBytes: number;
  /** Of whom it is: `everyone`, `owner` (whom the agent's file names), or the id of a peer. */
  readonly of: string;
  /** What is wrong with it, as a clause; absent: nothing. */
  readonly trouble?: string;
}

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
