/** An agent's own files: shown in its prompts, kept in git, changed by people and by itself. */
export { createSecretGuard, type LooksSecret } from "./secret-guard.ts";
export { createWorkspaceModule } from "./workspace-module.ts";
export type { WorkspacesDeps } from "./workspaces.ts";
