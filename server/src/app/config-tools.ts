import { type Config, type Environment, type LoadResult, loadConfig, requireConfig } from "./config/index.ts";
import { readSecrets } from "./secrets.ts";
import { builtinToolNames } from "./tool-names.ts";

export { type AgentFileChange, addAgent, removeAgent } from "./agent-files.ts";
export { jsonSchemas, showConfig, visibleConfig } from "./config/index.ts";
export { AGENT_TEMPLATES, type AgentTemplate } from "./templates.ts";

/** Checks the files of the home as a start would. */
export async function checkHome(environment: Environment): Promise<LoadResult> {
  return loadConfig({
    environment,
    toolNames: await builtinToolNames(),
    secrets: await readSecrets(environment, "look"),
  });
}

/** The same with the secrets opened, for what really calls providers. */
export async function openedHome(environment: Environment): Promise<LoadResult> {
  return loadConfig({
    environment,
    toolNames: await builtinToolNames(),
    secrets: await readSecrets(environment, "open"),
  });
}

/** As `checkHome`, throwing `config.invalid`. */
export async function requireHome(environment: Environment): Promise<Config> {
  return requireConfig({
    environment,
    toolNames: await builtinToolNames(),
    secrets: await readSecrets(environment, "look"),
  });
}
