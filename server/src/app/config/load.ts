import type { AgentSpec } from "@troupe/contracts";
import { loadAgents } from "./blueprints.ts";
import type { Environment } from "./environment.ts";
import { configError, type Problem } from "./problem.ts";
import { checkBudgetReferences, checkConfigReferences, type Names, namesOf } from "./references.ts";
import { configSchema } from "./schema.ts";
import { NO_SECRETS, type SecretLookup } from "./secret-lookup.ts";
import { readOrTell, readSource, type SourceFile } from "./source-file.ts";
import type { ConfigFile } from "./types.ts";
import { validate } from "./validate.ts";

/** A valid configuration: the file with every default filled in, and the agents. */
export interface Config extends Omit<ConfigFile, "agents"> {
  readonly home: string;
  readonly agents: readonly AgentSpec[];
  /** `agents` of troupe.yaml: how far agents may go among themselves. */
  readonly agentLimits: ConfigFile["agents"];
  /** What was written where placeholders were filled in, by path. */
  readonly written: ReadonlyMap<string, string>;
  /** Settings of providers whose secret cannot be opened, by path: a sentence each. */
  readonly unreadable: ReadonlyMap<string, string>;
}

export interface LoadOptions {
  readonly environment: Pick<Environment, "home" | "variables">;
  /** Names of the tools that exist; absent, tools of agents are not checked. */
  readonly toolNames?: readonly string[];
  /** For `${secret:name}`. Default: none is set. */
  readonly secrets?: SecretLookup;
  /** Agent files that are not written yet, by file name: what the home would be with them. */
  readonly extraAgents?: Readonly<Record<string, string>>;
  /** Keeps what the agents' files say for the next start. Without it, files are read and none is written. */
  readonly keepsBlueprints?: boolean;
}

export type LoadResult =
  | { readonly kind: "valid"; readonly config: Config }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] };

/** Reads `troupe.yaml` and `agents/*.yaml` of the home and checks them as a whole. */
export function loadConfig(options: LoadOptions): LoadResult {
  const { home, variables } = options.environment;
  const { secrets = NO_SECRETS } = options;
  const problems: Problem[] = [];
  const text = readOrTell(home, "troupe.yaml", problems);
  let config: ConfigFile | undefined;
  let names: Names | undefined;
  let source: SourceFile | undefined;
  let written: ReadonlyMap<string, string> = new Map();
  let unreadable: ReadonlyMap<string, string> = new Map();
  if (text !== undefined) {
    source = readSource("troupe.yaml", text);
    const interpolateFrom = { home, variables, secrets };
    const result = validate(source, configSchema, { kind: "config", interpolateFrom });
    problems.push(...result.problems);
    ({ written, unreadable } = result);
    config = result.value;
    if (config !== undefined) problems.push(...checkVectorIndex(source, config));
    if (result.input !== undefined) {
      names = namesOf(result.input);
      problems.push(...checkConfigReferences(source, names));
    }
  }
  const { toolNames: tools, extraAgents = {}, keepsBlueprints: keeps = false } = options;
  // Where processes share a store, one brings the agents' files and the others read its table.
  const mayLack = config !== undefined && /^postgres/.test(config.store.url) && config.bus.url !== "local:";
  const agents = loadAgents(home, { names, tools, extraAgents, keeps, mayLack }, problems);
  // An agent that is not valid is told of by itself.
  if (problems.length === 0 && source !== undefined && names !== undefined) {
    const ids = agents.map(({ id }) => id);
    if (ids.length > 0) problems.push(...checkBudgetReferences(source, names, ids));
  }
  if (config === undefined || problems.length > 0) return { kind: "invalid", problems };
  return {
    kind: "valid",
    config: { ...config, home, agents, agentLimits: config.agents, written, unreadable },
  };
}

/** An index in the database needs a database that has one. */
function checkVectorIndex(source: SourceFile, { recall, store }: ConfigFile): readonly Problem[] {
  if (recall.index !== "pgvector" || /^postgres/.test(store.url)) return [];
  const path = "recall.index";
  const message = `${path} is pgvector, and store.url names no PostgreSQL.`;
  const hints = ["Remove the line, or point store.url at a PostgreSQL server: docs/guide/postgresql.md"];
  return [{ file: source.name, line: source.lineOf(["recall", "index"]), path, message, hints }];
}

/** The same, throwing `config.invalid` with every problem in its message. */
export function requireConfig(options: LoadOptions): Config {
  const result = loadConfig(options);
  if (result.kind === "valid") return result.config;
  throw configError(result.problems);
}
