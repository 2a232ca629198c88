/**
 * What the command line takes from the application. Everything heavy is behind a function that loads it, so that a short
 * command starts quickly.
 */
import type { Environment } from "./config/environment.ts";
import type { Held, ServeOptions, Serving } from "./lifecycle.ts";

export type { AgentChannelView, AgentMessageView } from "./agent-channel-routes.ts";
export type { BackupPhase, BackupReport } from "./backup.ts";
export type { BudgetLine } from "./budget-book.ts";
export { displayPath, type Environment, readEnvironment } from "./config/environment.ts";
export type { Config, LoadResult } from "./config/load.ts";
export { formatProblem, type Problem } from "./config/problem.ts";
export type { DeadLetterFilter, DeadLetterReport } from "./dead-letter-changes.ts";
export type { ShownDeadLetter } from "./dead-letter-routes.ts";
export type { DoctorInput } from "./doctor/examine.ts";
export type { Finding, Fixed } from "./doctor/finding.ts";
export type { ModelCheck } from "./doctor/live.ts";
export type { Erasure } from "./erase-peer.ts";
export { homeExists } from "./home.ts";
export type { KeptDocument, ShownDocument } from "./knowledge-routes.ts";
export type { Held, ServeOptions, Serving } from "./lifecycle.ts";
export type { ChangedMemory, ExplainedMemory, FoundMemories, MemoryStats } from "./memory-routes.ts";
export type { MigrateReport, MoveReport } from "./migrate.ts";
export type { OutboxReport, ReleaseReport } from "./outbox-routes.ts";
export type { Expert, ListedPerson, ShownPerson } from "./people-view.ts";
export type { Reindexed } from "./reindex-routes.ts";
export type { ReloadReport } from "./reload.ts";
export type { RestoreReport } from "./restore.ts";
export { ROLES, type Role } from "./roles.ts";
export { adminSocketPath } from "./runtime-path.ts";
export type { SecretChange } from "./secret-routes.ts";
export type { StatusReport, WaitingRows } from "./status.ts";
export type { TapeReport } from "./tape-routes.ts";
export { troupeVersion } from "./version.ts";

/** Starts Troupe. Throws one clear sentence, with everything closed again. */
export async function startServing(environment: Environment, options?: ServeOptions): Promise<Serving> {
  const { serve } = await import("./lifecycle.ts");
  return serve(environment, options);
}

/** Opens the home for one command of this process; turns run only with `work`. */
export async function openHomeFor(
  environment: Environment,
  options: { readonly command: string; readonly work: boolean },
): Promise<Held> {
  const { openForCommand } = await import("./lifecycle.ts");
  return openForCommand(environment, options);
}

export function loadConfigTools(): Promise<typeof import("./config-tools.ts")> {
  return import("./config-tools.ts");
}

export function loadReference(): Promise<typeof import("./reference.ts")> {
  return import("./reference.ts");
}

export function loadDoctor(): Promise<typeof import("./doctor/tools.ts")> {
  return import("./doctor/tools.ts");
}

export function loadBackup(): Promise<typeof import("./backup.ts")> {
  return import("./backup.ts");
}

export function loadRestore(): Promise<typeof import("./restore.ts")> {
  return import("./restore.ts");
}

export type SetupTools = typeof import("./setup/index.ts");

export function loadSetup(): Promise<SetupTools> {
  return import("./setup/index.ts");
}

export function loadSnapshotFiles(): Promise<typeof import("./snapshot-files.ts")> {
  return import("./snapshot-files.ts");
}

export function loadMigrate(): Promise<typeof import("./migrate.ts")> {
  return import("./migrate.ts");
}
export type { DifferentMemory, MemoryAudit, Snapshot, SnapshotDifference } from "../memory/index.ts";
export type { RestoredMemory } from "./snapshot-routes.ts";
export type {
  ListedWorkspace,
  MadeWorkspace,
  RestoredFile,
  ShownWorkspace,
  ShownWorkspaceFile,
  WorkspaceHistory,
} from "./workspace-routes.ts";
