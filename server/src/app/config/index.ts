/** Reading the configuration; the only reader of the environment. */
export { displayPath, type Environment, readEnvironment } from "./environment.ts";
export { type Config, type LoadOptions, type LoadResult, loadConfig, requireConfig } from "./load.ts";
export { BEFORE_THE_STORE, peekSecrets, peekStoreUrl } from "./peek.ts";
export { configError, formatProblem, type Problem, suggest } from "./problem.ts";
export { defaultServer, jsonSchemas } from "./schema.ts";
export { NO_SECRETS, type SecretFinding, type SecretLookup, UNREAD_SECRETS } from "./secret-lookup.ts";
export { showConfig, visibleConfig } from "./show.ts";
export type { ConfigFile } from "./types.ts";
