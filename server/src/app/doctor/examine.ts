import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { defaultServer, type Environment, type LoadResult } from "../config/index.ts";
import { checkBus } from "./bus.ts";
import { checkDatabase } from "./database.ts";
import { checkEpisodes } from "./episodes.ts";
import type { Finding } from "./finding.ts";
import { checkFolders, checkHome, checkPermissions, checkProcess } from "./home.ts";
import { checkDisk, checkMemory, checkNode } from "./machine.ts";
import { checkProviders, checkSecrets } from "./providers.ts";
import { checkConfiguration, checkExposure, checkPorts } from "./settings.ts";
import { checkStore } from "./store.ts";
import { checkWorkspaces } from "./workspaces.ts";

export interface DoctorInput {
  readonly environment: Environment;
  /** Undefined where there is no home yet, which is nothing to complain about. */
  readonly loaded: LoadResult | undefined;
  /** A Troupe with this home answers on its socket. */
  readonly isRunning: boolean;
  readonly nodeVersion?: string;
  readonly availableBytes?: number;
}

/** Looks at everything that can be wrong from outside. Changes nothing; one probe file is written and removed. */
export async function examine(input: DoctorInput): Promise<readonly Finding[]> {
  const { environment, loaded, isRunning } = input;
  const { home } = environment;
  const findings: Finding[] = [
    checkNode(input.nodeVersion ?? process.versions.node),
    checkMemory(input.availableBytes ?? process.availableMemory()),
    ...(await checkDisk(nearestFolder(join(home, "data")))),
    await checkHome(home),
    ...checkFolders(home),
    ...checkPermissions(home),
    checkProcess(environment, isRunning),
  ];
  if (loaded === undefined)
    return [...findings, ...(await checkPorts({ server: defaultServer(), home }, isRunning))];
  findings.push(checkConfiguration(loaded));
  if (loaded.kind === "invalid") return findings;
  const { config } = loaded;
  findings.push(...checkExposure(config), ...(await checkPorts(config, isRunning)));
  findings.push(...checkStore(config), ...(await checkDatabase(config)), ...checkSecrets(config));
  findings.push(...(await checkBus(config)));
  findings.push(...(await checkProviders(config)), ...(await checkWorkspaces(environment, config)));
  findings.push(...(await checkEpisodes(config)));
  return findings;
}

/** A home that is not there yet will be made on the disk of the folder above it. */
function nearestFolder(path: string): string {
  let folder = path;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
