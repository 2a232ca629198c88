import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { FlowDefinition, Logger } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";

/** Where a home keeps the definitions of its flows, beside `agents`. */
export const FLOWS_FOLDER = "flows";
const CODE = /^[^._].*\.(ts|mts|js|mjs)$/;
const NOT_CODE = /\.(d|test)\.(ts|mts)$/;

/**
 * The definitions in `flows/` of a home, by the names of their files. They are code of the operator's, and are read when a
 * process starts. Rejects with `config.invalid`, naming the file, what is wrong with it and what to do.
 */
export async function readFlowFiles(home: string): Promise<readonly FlowDefinition[]> {
  const folder = join(home, FLOWS_FOLDER);
  const definitions: FlowDefinition[] = [];
  for (const name of namesIn(folder)) definitions.push(...(await readOne(join(folder, name), name)));
  return definitions;
}

/** The same for a command, which does without them where they cannot be read: none of its own depends on a flow's code. */
export async function readFlowFilesOrTell(
  home: string,
  logger: Pick<Logger, "error">,
): Promise<readonly FlowDefinition[]> {
  try {
    return await readFlowFiles(home);
  } catch (error) {
    logger.error("flow.definitions_unreadable", { error });
    return [];
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && CODE.test(entry.name) && !NOT_CODE.test(entry.name))
      .map(({ name }) => name)
      .toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw invalid(`The folder ${folder} cannot be read: ${messageOf(error)}`, error);
  }
}

async function readOne(file: string, name: string): Promise<readonly FlowDefinition[]> {
  const where = `${FLOWS_FOLDER}/${name}`;
  let module: { readonly default?: unknown };
  try {
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    throw invalid(`${where} cannot be loaded: ${messageOf(error)}`, error);
  }
  const given = Array.isArray(module.default) ? module.default : [module.default];
  for (const one of given) {
    const problem = problemOf(one);
    if (problem !== undefined) throw invalid(`${where} ${problem}`);
  }
  return given as readonly FlowDefinition[];
}

/** What makes it no definition at all; what is wrong with one is said where all of them are joined. */
function problemOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null)
    return "gives no flow. Write `export default`, and a definition or a list of them.";
  const { name, steps, anyStep } = value as Partial<FlowDefinition>;
  if (typeof name !== "string") return "gives a flow without a name.";
  const all = [...Object.entries(steps ?? {}), ...(anyStep === undefined ? [] : [["anyStep", anyStep]])];
  const [bad] = all.find(([, step]) => typeof (step as { run?: unknown } | null)?.run !== "function") ?? [];
  return bad === undefined
    ? undefined
    : `gives the flow "${name}", whose step "${String(bad)}" has no function run.`;
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split("\n")[0] ?? "").slice(0, 300);
}

function invalid(message: string, cause?: unknown): TroupeError {
  return new TroupeError(message, { code: "config.invalid", cause });
}
