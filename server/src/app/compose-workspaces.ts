import { join } from "node:path";
import { type AgentDirectory, type CallOptions, DEFAULT_SPACE_ID } from "@troupe/contracts";
import {
  countOwnFiles,
  createGit,
  createSecretGuard,
  createVersions,
  createWorkspaceBook,
  createWorkspaceKeeper,
  createWorkspaceModule,
  eraseFromNightFiles,
  eraseOwnFiles,
  hasWorkspace,
  ownersOf,
  type WorkspaceBook,
  type WorkspaceErasure,
  type WorkspaceKeeper,
} from "../memory/index.ts";
import type { Foundation } from "./compose.ts";
import type { ModuleSource } from "./compose-modules.ts";
import type { AdjustableLogger } from "./logging.ts";

/** Where agents' own files are. */
export function workspacesFolder(home: string): string {
  return join(home, "workspaces");
}

/** Deletes what agents' own files say of one person, and their histories of it. */
export interface WorkspaceEraser {
  count(peerId: string): Promise<number>;
  erase(peerId: string, options: CallOptions): Promise<WorkspaceErasure>;
  /** Takes memories of an agent out of what its nights wrote, and out of the history of that. */
  eraseHeld(
    memories: { readonly agentId: string; readonly ids: readonly string[] },
    options: CallOptions,
  ): Promise<void>;
}

export interface WorkspaceParts {
  readonly workspaceBook: WorkspaceBook;
  readonly workspaceEraser: WorkspaceEraser;
  readonly workspaceModule: ModuleSource;
  readonly workspaceKeeper: WorkspaceKeeper;
  /** Whether the agent has a folder. */
  readonly hasWorkspace: (agentId: string) => Promise<boolean>;
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
  const git = createGit(of.searchPath);
  const versions = createVersions({ ...deps, git });
  const workspaceKeeper = createWorkspaceKeeper(deps, versions);
  const onChange = (agentId: string): void => workspaceKeeper.nudge(agentId);
  const owners = (agentId: string): readonly string[] =>
    ownersOf(of.agents.get(DEFAULT_SPACE_ID, agentId)?.spec.workspace);
  const erasing = { ...deps, git, versions, ownersOf: owners };
  return {
    workspaceKeeper,
    workspaceModule: ({ stores: { effects, memories } }) =>
      createWorkspaceModule({ ...deps, onChange, versions, effects, memories }),
    hasWorkspace: (agentId) => hasWorkspace(deps.folder, agentId),
    workspaceBook: createWorkspaceBook({ ...deps, git }, versions),
    workspaceEraser: {
      count: (peerId) => countOwnFiles(erasing, peerId),
      erase: (peerId, options) => eraseOwnFiles(erasing, peerId, options),
      eraseHeld: (memories, options) => eraseFromNightFiles(erasing, memories, options),
    },
  };
}
