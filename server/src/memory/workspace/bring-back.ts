import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type CallOptions, TroupeError } from "@troupe/contracts";
import { filesOf } from "./files.ts";
import { whyNotWritable, writeOwnFile } from "./own-files.ts";
import { isOwnFile, NIGHT_FILE } from "./places.ts";
import { isWhole, look, MAX_FILE_BYTES, readText } from "./read-text.ts";
import type { Versions, VersionsDeps } from "./versions.ts";

/** One of an agent's own files, whole. */
export interface FileText {
  /** From the agent's folder. */
  readonly file: string;
  readonly text: string;
}

/** What bringing files back changes; paths from the agent's folder. */
export interface FilesChange {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  /** Came since: they are deleted. */
  readonly removed: readonly string[];
  /** What stays as it is, and why, as a clause. */
  readonly left: readonly { readonly file: string; readonly why: string }[];
}

/** Whether it may be one of an agent's own files as `textsOf` gives them. */
export function isFileText(value: unknown): value is FileText {
  const { file, text } = (value ?? {}) as Partial<Record<keyof FileText, unknown>>;
  if (typeof file !== "string" || typeof text !== "string") return false;
  return isOwnFile(file) && isKept(file) && Buffer.byteLength(text) <= MAX_FILE_BYTES;
}

/** What nights write is made of the memory, and read again for what a person took out of it: it follows the records. */
function isKept(file: string): boolean {
  return !file.endsWith(NIGHT_FILE);
}

/** What the agent's files say. Those of which no version is kept are left out: what looks secret, is too long, or is no text. */
export async function textsOf(
  deps: Pick<VersionsDeps, "folder" | "looksSecret">,
  agentId: string,
): Promise<readonly FileText[]> {
  const texts: FileText[] = [];
  for (const { file } of (await filesOf(deps, agentId)).filter((one) => isKept(one.file))) {
    const read = await readText(join(deps.folder, agentId, file));
    if (read.kind === "text" && whyLeft(deps, read) === undefined) texts.push({ file, text: read.text });
  }
  return texts;
}

function whyLeft(
  { looksSecret }: Pick<VersionsDeps, "looksSecret">,
  read: Extract<Awaited<ReturnType<typeof readText>>, { kind: "text" }>,
): string | undefined {
  if (!isWhole(read)) return "it is too long, or no text in UTF-8";
  return looksSecret(read.text) ? "it holds what looks like a secret" : undefined;
}

/** What has to change so that the files are those and no others. Changes nothing. */
export async function planFiles(
  deps: Pick<VersionsDeps, "folder" | "looksSecret">,
  agentId: string,
  wanted: readonly FileText[],
): Promise<FilesChange> {
  const workspace = join(deps.folder, agentId);
  const change = {
    added: [] as string[],
    changed: [] as string[],
    removed: [] as string[],
    left: [] as { file: string; why: string }[],
  };
  const names = new Set(wanted.map(({ file }) => file));
  for (const { file, text } of wanted) {
    const read = await readText(join(workspace, file));
    if (read.kind === "text" && read.text === text) continue;
    // What no snapshot holds could not be had back.
    const why = read.kind === "text" ? whyLeft(deps, read) : await whyNotMade(workspace, file);
    if (why !== undefined) change.left.push({ file, why });
    else (read.kind === "text" ? change.changed : change.added).push(file);
  }
  for (const { file } of await filesOf(deps, agentId)) {
    if (names.has(file) || !isKept(file)) continue;
    const read = await readText(join(workspace, file));
    const why = read.kind === "text" ? whyLeft(deps, read) : "it is not read";
    if (why === undefined) change.removed.push(file);
    else change.left.push({ file, why });
  }
  return change;
}

/** A folder that is not there is made. */
async function whyNotMade(workspace: string, file: string): Promise<string | undefined> {
  return (await look(workspace)).kind === "missing" ? undefined : whyNotWritable(workspace, file);
}

/**
 * Makes the files those and no others, each as a version of its own behind one of what was changed by hand. Where versions cannot be
 * kept the files change all the same. A repetition changes nothing; one that breaks off leaves the rest for the next.
 */
export async function bringFilesBack(
  deps: VersionsDeps,
  versions: Versions,
  of: { readonly agentId: string; readonly files: readonly FileText[]; readonly takenAt: number },
  options: CallOptions,
): Promise<FilesChange> {
  const { agentId, files, takenAt } = of;
  const workspace = join(deps.folder, agentId);
  const keep = (reasons = {}): Promise<unknown> =>
    versions.keep(agentId, options, reasons).catch((error: unknown) => {
      options.signal.throwIfAborted();
      const level = TroupeError.is(error, "config.missing") ? "debug" : "warn";
      deps.logger[level]("workspace.no_versions", { agent: agentId, error });
    });
  return await versions.alone(agentId, async () => {
    const plan = await planFiles(deps, agentId, files);
    const [written, { removed }] = [[...plan.added, ...plan.changed], plan];
    if (written.length + removed.length === 0) return plan;
    if (plan.changed.length + removed.length > 0) await keep();
    await mkdir(workspace, { recursive: true, mode: 0o700 });
    const texts = new Map(files.map(({ file, text }) => [file, text]));
    for (const file of written) {
      options.signal.throwIfAborted();
      await writeOwnFile(workspace, file, texts.get(file) ?? "");
    }
    for (const file of removed) {
      options.signal.throwIfAborted();
      await rm(join(workspace, file), { force: true });
    }
    const day = new Date(takenAt).toISOString().slice(0, 10);
    const reasonOf = (file: string) => [file, `Brought back from a snapshot of ${day}: ${file}`] as const;
    await keep(Object.fromEntries([...written, ...removed].map(reasonOf)));
    deps.logger.info("workspace.brought_back", {
      agent: agentId,
      written: written.length,
      removed: removed.length,
    });
    return plan;
  });
}
