import { join } from "node:path";
import type { AgentDirectory } from "@troupe/contracts";
import {
  createGit,
  createSecretGuard,
  createVersions,
  createWorkspaceKeeper,
  createWorkspaceModule,
  type WorkspaceKeeper,
} from "../memory/index.ts";
import type { Foundation } from "./compose.ts";
import type { ModuleSource } from "./compose-modules.ts";
import type { AdjustableLogger } from "./logging.ts";

/** Where agents' own files are. */
export function workspacesFolder(home: string): string {
  return join(home, "workspaces");
}

export interface WorkspaceParts {
  readonly workspaceModule: ModuleSource;
  readonly workspaceKeeper: WorkspaceKeeper;
}

/** Agents' own files: in prompts, and in git. */
export function composeWorkspaces(
  foundation: Foundation,
  of: {
    readonly home: string;
    readonly logger: Pick<AdjustableLogger, "redact">;
    readonly agents: Pick<AgentDirectory, "get">;
    readonly searchPath?: string | undefined;
  },
): WorkspaceParts {
  const looksSecret = createSecretGuard((text) => of.logger.redact(text));
  const deps = { ...foundation, agents: of.agents, folder: workspacesFolder(of.home), looksSecret };
  const versions = createVersions({ ...deps, git: createGit(of.searchPath) });
  const workspaceKeeper = createWorkspaceKeeper(deps, versions);
  const onChange = (agentId: string): void => workspaceKeeper.nudge(agentId);
  return {
    workspaceModule: ({ stores: { effects } }) =>
      createWorkspaceModule({ ...deps, onChange, versions, effects }),
    workspaceKeeper,
  };
}
