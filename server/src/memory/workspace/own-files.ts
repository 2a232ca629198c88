import { constants } from "node:fs";
import { access, chmod, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type AgentSpec, type CallOptions, OPERATOR_ID, TroupeError } from "@troupe/contracts";
import type { PersonBook } from "../people/index.ts";
import { isNoteName, NOTES, OWN_FILES, personFolder, SHARED_FILES } from "./places.ts";
import { look } from "./read-text.ts";

/** A folder whose files are shown to one person; its path is from the workspace. */
export interface OwnFolder {
  readonly path: string;
  readonly reader: string;
}

/** Whom the private files right in the folder are for. */
export function ownersOf(workspace: AgentSpec["workspace"]): readonly string[] {
  return workspace?.readers ?? [OPERATOR_ID];
}

/**
 * Folders of the one person who reads, the one that is written to first: that right in the workspace for its owner, else that of the
 * name under which they read. What is written for a linked name goes with it when the link is undone. None where several
 * read, or nobody. Fails closed.
 */
export async function ownFolders(
  people: Pick<PersonBook, "namesOf">,
  of: {
    readonly spaceId: string;
    readonly audience: readonly string[];
    readonly workspace: AgentSpec["workspace"];
  },
  options: CallOptions,
): Promise<readonly OwnFolder[]> {
  const { spaceId, audience, workspace } = of;
  const [reader] = audience;
  if (reader === undefined || audience.length !== 1) return [];
  const names = await people.namesOf(spaceId, reader, options);
  const owners = ownersOf(workspace);
  const own = names.map((name) => ({ path: personFolder(name), reader: name }));
  const root = { path: "", reader };
  if (owners.includes(reader)) return [root, ...own];
  return names.some((name) => owners.includes(name)) ? [...own, root] : own;
}

/** Whether a name means a file about one person, as they and the agent call it: `USER.md`, `notes/tea.md`. */
export function isPrivateName(name: string): boolean {
  if ((OWN_FILES as readonly string[]).includes(name)) return true;
  const [folder, note = "", ...more] = name.split("/");
  return folder === NOTES && more.length === 0 && isNoteName(note);
}

export function isSharedName(name: string): boolean {
  return (SHARED_FILES as readonly string[]).includes(name);
}

/** Why nothing can be written there, as a clause; undefined where something can. */
export async function whyNotWritable(workspace: string, path: string): Promise<string | undefined> {
  const link = await linkOnTheWay(workspace, path);
  if (link !== undefined) return `${link} is a link or no folder`;
  const { kind } = await look(join(workspace, path));
  if (kind !== "missing" && kind !== "file") return `${path} is no plain file`;
  let folder = join(workspace, dirname(path));
  while (folder.length > workspace.length && (await look(folder)).kind === "missing")
    folder = dirname(folder);
  const isOpen = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
  return isOpen ? undefined : "its folder cannot be written";
}

/** The first step that is there and no folder of its own. */
async function linkOnTheWay(workspace: string, path: string): Promise<string | undefined> {
  const steps = dirname(path) === "." ? [] : dirname(path).split("/");
  for (let count = 1; count <= steps.length; count++) {
    const step = steps.slice(0, count).join("/");
    const { kind } = await look(join(workspace, step));
    if (kind !== "folder" && kind !== "missing") return step;
  }
  return undefined;
}

/** All of it or nothing of it, whatever the disk does. Rejects with `config.invalid` where links are in the way. */
export async function writeOwnFile(workspace: string, path: string, text: string): Promise<void> {
  const why = await whyNotWritable(workspace, path);
  if (why !== undefined)
    throw new TroupeError(`${join(workspace, path)} cannot be written: ${why}.`, { code: "config.invalid" });
  const file = join(workspace, path);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const before = await stat(file).catch(() => undefined);
  const draft = join(dirname(file), `.${basename(file)}.part`);
  await rm(draft, { force: true });
  try {
    await using handle = await open(draft, "wx", 0o600);
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  if (before !== undefined) await chmod(draft, before.mode & 0o777);
  await rename(draft, file);
}
