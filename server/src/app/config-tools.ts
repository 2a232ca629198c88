import { type Config, type Environment, type LoadResult, loadConfig, requireConfig } from "./config/index.ts";
import { builtinToolNames } from "./tool-names.ts";

export { jsonSchemas, showConfig, visibleConfig } from "./config/index.ts";

/** Checks the files of the home as a start would. */
export async function checkHome(environment: Environment): Promise<LoadResult> {
  return loadConfig({ environment, toolNames: await builtinToolNames() });
}

/** The same, throwing `config.invalid`. */
export async function requireHome(environment: Environment): Promise<Config> {
  return requireConfig({ environment, toolNames: await builtinToolNames() });
}
