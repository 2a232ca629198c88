// Agents' own files: one for everybody, one set for each person, and those of the one who owns an agent's folder.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { AgentDirectory, Clock, EffectStore, Logger, MemoryStore, Module } from "@troupe/contracts";
import {
  createSecretGuard,
  createWorkspaceModule,
  type PersonBook,
  type Versions,
} from "../../server/src/memory/index.ts";

/** Whom the private files right in each agent's folder are for. */
export const FOLDER_OWNER = "north/u0";

/** No version is kept: nobody but operators sees any. */
const NO_VERSIONS: Versions = {
  keep: async () => ({ files: [], left: [] }),
  alone: (_agentId, work) => work(),
};

export function composeFiles(deps: {
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly people: Pick<PersonBook, "namesOf">;
  readonly agents: AgentDirectory;
  readonly effects: Pick<EffectStore, "put">;
  readonly memories: Pick<MemoryStore, "list" | "find">;
}): Module {
  const looksSecret = createSecretGuard((text) => text);
  return createWorkspaceModule({ ...deps, looksSecret, versions: NO_VERSIONS });
}

/** As somebody writes it by hand, for everybody or for one person. */
export function writeByHand(
  folder: string,
  of: { readonly agentId: string; readonly person?: string; readonly file: string },
  text: string,
): void {
  const { agentId, person, file } = of;
  const isRoot = person === undefined || person === FOLDER_OWNER;
  const own = isRoot ? file : join("people", person.replace("/", "+"), file);
  const path = join(folder, agentId, own);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${text}\n`);
}
