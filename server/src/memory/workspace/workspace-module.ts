import type { Module } from "@troupe/contracts";
import { createWorkspaces, type WorkspacesDeps } from "./workspaces.ts";

/** The agent's own files: in prompts right behind its instructions, as far as those who read the answer may be told. */
export function createWorkspaceModule(deps: WorkspacesDeps): Module {
  const { standing } = createWorkspaces(deps);
  return { id: "workspace", budgetTokens: 0, standing };
}
