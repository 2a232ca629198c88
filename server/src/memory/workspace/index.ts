/** An agent's own files: shown in its prompts, kept in git, changed by people and by itself. */
export { createGit, type Git } from "./git.ts";
export { createWorkspaceKeeper, type WorkspaceKeeper } from "./keeper.ts";
export { createSecretGuard, type LooksSecret } from "./secret-guard.ts";
export { createVersions, type Kept, type Versions } from "./versions.ts";
export { createWorkspaceModule } from "./workspace-module.ts";
export { createWorkspaceTools } from "./workspace-tools.ts";
export type { WorkspacesDeps } from "./workspaces.ts";
