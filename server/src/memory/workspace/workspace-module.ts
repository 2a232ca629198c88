import type { AgentDirectory, EffectStore, MemoryStore, Module } from "@troupe/contracts";
import { createNightHandler } from "./night-handler.ts";
import type { Versions } from "./versions.ts";
import { createWorkspaceTools } from "./workspace-tools.ts";
import { createWorkspaces, type WorkspacesDeps } from "./workspaces.ts";
import { createWriteHandler } from "./write-handler.ts";

export interface WorkspaceModuleDeps extends WorkspacesDeps {
  readonly versions: Versions;
  readonly agents: Pick<AgentDirectory, "get">;
  readonly effects: Pick<EffectStore, "put">;
  readonly memories: Pick<MemoryStore, "list" | "find">;
}

/**
 * The agent's own files: in prompts right behind its instructions, as far as those who read the answer may be told, and changed by
 * the agent behind the reply; nights write there what they hold fast.
 */
export function createWorkspaceModule(deps: WorkspaceModuleDeps): Module {
  const { standing } = createWorkspaces(deps);
  const tools = createWorkspaceTools(deps);
  const effects = [createWriteHandler(deps), createNightHandler(deps)];
  return { id: "workspace", budgetTokens: 0, standing, tools, effects };
}
