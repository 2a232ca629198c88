/** Reading the configuration; the only reader of the environment. */
export { displayPath, type Environment, readEnvironment } from "./environment.ts";
export { type Config, type LoadOptions, type LoadResult, loadConfig, requireConfig } from "./load.ts";
export { configError, formatProblem, nearest, type Problem, suggest } from "./problem.ts";
export { jsonSchemas } from "./schema.ts";
export { showConfig, visibleConfig } from "./show.ts";
export type { ConfigFile } from "./types.ts";
