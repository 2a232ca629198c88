import type { Command } from "commander";
import { add, group } from "./add-command.ts";

/** `workspace …`: agents' own files. */
export function addWorkspaces(program: Command): void {
  const workspace = group(
    program,
    "workspace",
    "agents' own files: list, init, show, history of changes, restore",
  );
  add(workspace, "list", "list agents that have files of their own", async (context) =>
    (await import("./commands/workspace.ts")).listWorkspaces(context),
  );
  add(
    workspace,
    "init <agent>",
    "make an agent's folder with files to fill in; what is there stays",
    async (context, _options, agent = "") =>
      (await import("./commands/workspace.ts")).makeWorkspace(context, agent),
  );
  add(
    workspace,
    "show <agent> [file]",
    "name an agent's files, whom they are for and what is wrong with them; or print one",
    async (context, options, agent = "", file) =>
      (await import("./commands/workspace.ts")).showWorkspace(context, options, agent, file),
  ).option("--version <version>", "the file as it was then");
  add(
    workspace,
    "history <agent> [file]",
    "list what was changed, by whom and when, the latest first",
    async (context, options, agent = "", file) =>
      (await import("./commands/workspace.ts")).showHistory(context, options, agent, file),
  ).option("--limit <n>", "at most so many", "20");
  add(
    workspace,
    "restore <agent> <file> <version>",
    "make a file what it was in a version; what it is now stays in the history",
    async (context, _options, agent = "", file = "", version = "") =>
      (await import("./commands/workspace.ts")).restoreFile(context, agent, file, version),
  );
}
