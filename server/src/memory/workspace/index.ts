/** An agent's own files: shown in its prompts, kept in git, changed by people and by itself. */

export {
  createWorkspaceBook,
  type WorkspaceBook,
  type WorkspaceVersion,
} from "./book.ts";
export { type FilesChange, type FileText, isFileText } from "./bring-back.ts";
export {
  countOwnFiles,
  eraseFromNightFiles,
  eraseOwnFiles,
  type WorkspaceEraserDeps,
  type WorkspaceErasure,
} from "./erase.ts";
export { examineWorkspaces } from "./examine.ts";
export type { WorkspaceFile } from "./files.ts";
export { createGit, type Git } from "./git.ts";
export { createWorkspaceKeeper, type WorkspaceKeeper } from "./keeper.ts";
export { hasWorkspace } from "./night-handler.ts";
export { ownersOf } from "./own-files.ts";
export { createSecretGuard, type LooksSecret } from "./secret-guard.ts";
export { createVersions, type Kept, type Versions } from "./versions.ts";
export { createWorkspaceModule } from "./workspace-module.ts";
export { createWorkspaceTools } from "./workspace-tools.ts";
export type { WorkspacesDeps } from "./workspaces.ts";
