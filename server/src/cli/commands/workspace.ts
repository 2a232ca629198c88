import type {
  ListedWorkspace,
  MadeWorkspace,
  RestoredFile,
  ShownWorkspace,
  ShownWorkspaceFile,
  WorkspaceHistory,
} from "../../app/index.ts";
import { safeText } from "../../kit/index.ts";
import type { CommandContext } from "../context.ts";
import { dateTime, plural } from "../format/time.ts";
import { oneLine, table } from "../output.ts";
import { limitOf, queryOf } from "./query.ts";

type Options = Readonly<Record<string, unknown>>;

const PATH = "/admin/workspaces";
const pathOf = (agent: string): string => `${PATH}/${encodeURIComponent(agent)}`;

export async function listWorkspaces({ connect, output }: CommandContext): Promise<void> {
  await using client = await connect({ command: "workspace list" });
  const listed = await client.call<readonly ListedWorkspace[]>("GET", PATH);
  output.result(listed, () => formatList(listed));
}

function formatList(listed: readonly ListedWorkspace[]): string {
  if (listed.length === 0)
    return "No agent has files of its own. ./troupe workspace init AGENT makes a folder.";
  return table(
    listed.map(({ agentId, files, troubles }) => [
      agentId,
      plural(files, "file"),
      troubles === 0 ? "" : `${plural(troubles, "file")} to look at: ./troupe workspace show ${agentId}`,
    ]),
  );
}

export async function makeWorkspace({ connect, output }: CommandContext, agent: string): Promise<void> {
  await using client = await connect({ command: "workspace init" });
  const made = await client.call<MadeWorkspace>("POST", pathOf(agent));
  output.result(made, () => {
    const what = made.made.length === 0 ? "All files are there already" : `Wrote ${made.made.join(", ")}`;
    return `${what}: ${made.path}. Open them in an editor; the next turn reads them.`;
  });
}

export async function showWorkspace(
  { connect, output }: CommandContext,
  options: Options,
  agent: string,
  file: string | undefined,
): Promise<void> {
  await using client = await connect({ command: "workspace show" });
  if (file === undefined) {
    const shown = await client.call<ShownWorkspace>("GET", pathOf(agent));
    return output.result(shown, () => formatFiles(shown));
  }
  const query = queryOf({ file, version: options.version });
  const shown = await client.call<ShownWorkspaceFile>("GET", `${pathOf(agent)}/file${query}`);
  output.result(shown, () =>
    shown.text.trim() === "" ? "The file is empty." : safeText(shown.text).trimEnd(),
  );
}

function formatFiles({ agentId, files }: ShownWorkspace): string {
  if (files.length === 0) return `The folder of ${agentId} holds none of its files yet.`;
  return table(
    files.map(({ file, of, sizeBytes, trouble = "" }) => [
      file,
      `${sizeBytes} bytes`,
      readersText(of),
      trouble,
    ]),
  );
}

function readersText(of: string): string {
  if (of === "everyone") return "for everyone";
  return of === "owner" ? "for its owner alone" : `for ${of} alone`;
}

export async function showHistory(
  { connect, output }: CommandContext,
  options: Options,
  agent: string,
  file: string | undefined,
): Promise<void> {
  await using client = await connect({ command: "workspace history" });
  const query = queryOf({ file, limit: limitOf(options) });
  const history = await client.call<WorkspaceHistory>("GET", `${pathOf(agent)}/history${query}`);
  output.result(history, () => formatHistory(history));
}

function formatHistory({ agentId, versions }: WorkspaceHistory): string {
  if (versions.length === 0) return `No version of a file of ${agentId} is kept yet.`;
  return table(
    versions.map(({ version, at, by, message }) => [
      version.slice(0, 10),
      dateTime(at),
      by,
      oneLine(message, 100),
    ]),
  );
}

export async function restoreFile(
  { connect, output }: CommandContext,
  agent: string,
  file: string,
  version: string,
): Promise<void> {
  await using client = await connect({ command: "workspace restore" });
  const restored = await client.call<RestoredFile>("POST", `${pathOf(agent)}/restore`, { file, version });
  output.result(restored, () =>
    restored.isChanged
      ? `${file} is what it was in ${version}. The next turn reads it.`
      : `${file} is what it was in ${version} already.`,
  );
}
