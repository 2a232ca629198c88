import { join } from "node:path";
import type { Module } from "@troupe/contracts";
import { createSecretGuard, createWorkspaceModule } from "../memory/index.ts";
import type { Foundation } from "./compose.ts";
import type { AdjustableLogger } from "./logging.ts";

/** Where agents' own files are. */
export function workspacesFolder(home: string): string {
  return join(home, "workspaces");
}

export interface WorkspaceParts {
  readonly workspaceModule: Module;
}

/** Agents' own files, in prompts. */
export function composeWorkspaces(
  foundation: Foundation,
  { home, logger }: { readonly home: string; readonly logger: Pick<AdjustableLogger, "redact"> },
): WorkspaceParts {
  const looksSecret = createSecretGuard((text) => logger.redact(text));
  const folder = workspacesFolder(home);
  return { workspaceModule: createWorkspaceModule({ ...foundation, folder, looksSecret }) };
}
