import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentSpec } from "@troupe/contracts";
import type { Environment } from "./environment.ts";
import { configError, type Problem } from "./problem.ts";
import { checkAgentReferences, checkConfigReferences, type Names, namesOf } from "./references.ts";
import { agentSchema, configSchema } from "./schema.ts";
import { readSource } from "./source-file.ts";
import type { AgentFile, ConfigFile } from "./types.ts";
import { validate } from "./validate.ts";

/** A valid configuration: the file with every default filled in, and the agents. */
export interface Config extends ConfigFile {
  readonly home: string;
  readonly agents: readonly AgentSpec[];
  /** What was written where placeholders were filled in, by path. */
  readonly written: ReadonlyMap<string, string>;
}

export interface LoadOptions {
  readonly environment: Pick<Environment, "home" | "variables">;
  /** Names of the tools that exist; absent, tools of agents are not checked. */
  readonly toolNames?: readonly string[];
}

export type LoadResult =
  | { readonly kind: "valid"; readonly config: Config }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] };

/** Reads `troupe.yaml` and `agents/*.yaml` of the home and checks them as a whole. Reads files only. */
export function loadConfig(options: LoadOptions): LoadResult {
  const { home, variables } = options.environment;
  const problems: Problem[] = [];
  const text = readOrTell(home, "troupe.yaml", problems);
  let config: ConfigFile | undefined;
  let names: Names | undefined;
  let written: ReadonlyMap<string, string> = new Map();
  if (text !== undefined) {
    const source = readSource("troupe.yaml", text);
    const result = validate(source, configSchema, { kind: "config", interpolateFrom: { home, variables } });
    problems.push(...result.problems);
    ({ written } = result);
    config = result.value;
    if (result.input !== undefined) {
      names = namesOf(result.input);
      problems.push(...checkConfigReferences(source, names));
    }
  }
  const agents = loadAgents(home, { names, tools: options.toolNames }, problems);
  if (config === undefined || problems.length > 0) return { kind: "invalid", problems };
  return { kind: "valid", config: { ...config, home, agents, written } };
}

/** The same, throwing `config.invalid` with every problem in its message. */
export function requireConfig(options: LoadOptions): Config {
  const result = loadConfig(options);
  if (result.kind === "valid") return result.config;
  throw configError(result.problems);
}

function loadAgents(
  home: string,
  known: { readonly names: Names | undefined; readonly tools: readonly string[] | undefined },
  problems: Problem[],
): readonly AgentSpec[] {
  const agents: AgentSpec[] = [];
  for (const fileName of agentFiles(home, problems)) {
    const name = `agents/${fileName}`;
    const text = readOrTell(home, name, problems);
    if (text === undefined) continue;
    const source = readSource(name, text);
    const { value, problems: faults } = validate(source, agentSchema, { kind: "agent" });
    problems.push(...faults);
    if (value === undefined) continue;
    const fileId = fileName.replace(/\.ya?ml$/, "");
    problems.push(...checkAgentReferences(source, value, { ...known, fileId }));
    agents.push(toSpec(value));
  }
  return agents;
}

function agentFiles(home: string, problems: Problem[]): readonly string[] {
  let names: readonly string[] = [];
  try {
    names = readdirSync(join(home, "agents"))
      .filter((name) => /\.ya?ml$/.test(name) && !name.startsWith("."))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  if (names.length === 0) {
    problems.push({
      file: "agents/",
      line: undefined,
      path: "",
      message: "holds no agent.",
      hints: [
        "Write one, agents/ana.yaml:",
        "  id: ana",
        "  name: Ana",
        "  instructions: You are a helpful assistant.",
      ],
    });
  }
  return names;
}

function toSpec(file: AgentFile): AgentSpec {
  const { deadlineSeconds, description, tools, whileBusy, maxSteps } = file;
  return {
    id: file.id,
    name: file.name,
    model: file.model,
    instructions: file.instructions,
    ...(description === undefined ? {} : { description }),
    ...(tools === undefined ? {} : { tools }),
    ...(whileBusy === undefined ? {} : { whileBusy }),
    ...(deadlineSeconds === undefined ? {} : { deadlineMs: deadlineSeconds * 1000 }),
    ...(maxSteps === undefined ? {} : { maxSteps }),
  };
}

function readOrTell(home: string, name: string, problems: Problem[]): string | undefined {
  try {
    return readFileSync(join(home, name), "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = code === "ENOENT" ? "is not there." : `cannot be read (${code}).`;
    const hints = code === "ENOENT" ? ["./troupe up writes one."] : ["Check who owns it: ls -l."];
    problems.push({ file: name, line: undefined, path: "", message, hints });
    return undefined;
  }
}
