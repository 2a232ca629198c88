import { join } from "node:path";
import type { Module } from "@troupe/contracts";
import {
  createGit,
  createSecretGuard,
  createVersions,
  createWorkspaceKeeper,
  createWorkspaceModule,
  type WorkspaceKeeper,
} from "../memory/index.ts";
import type { Foundation } from "./compose.ts";
import type { AdjustableLogger } from "./logging.ts";

/** Where agents' own files are. */
export function workspacesFolder(home: string): string {
  return join(home, "workspaces");
}

export interface WorkspaceParts {
  readonly workspaceModule: Module;
  readonly workspaceKeeper: WorkspaceKeeper;
}

/** Agents' own files: in prompts, and in git. */
export function composeWorkspaces(
  foundation: Foundation,
  of: {
    readonly home: string;
    readonly logger: Pick<AdjustableLogger, "redact">;
    readonly searchPath?: string | undefined;
  },
): WorkspaceParts {
  const looksSecret = createSecretGuard((text) => of.logger.redact(text));
  const deps = { ...foundation, folder: workspacesFolder(of.home), looksSecret };
  const versions = createVersions({ ...deps, git: createGit(of.searchPath) });
  const workspaceKeeper = createWorkspaceKeeper(deps, versions);
  const onChange = (agentId: string): void => workspaceKeeper.nudge(agentId);
  return { workspaceModule: createWorkspaceModule({ ...deps, onChange }), workspaceKeeper };
}
