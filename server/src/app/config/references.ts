import { formatPath, nearest, type Problem, suggest } from "./problem.ts";
import type { SourceFile } from "./source-file.ts";
import type { AgentFile } from "./types.ts";

/** Providers that exist without being written. */
export const BUILT_IN_PROVIDERS: readonly string[] = ["offline"];

const OFFLINE_MODELS: readonly string[] = ["guide"];

/** The names of a configuration, as far as they can be read: other faults of the file hide none of these. */
export interface Names {
  readonly providers: Readonly<Record<string, { readonly kind: unknown; readonly hasBaseUrl: boolean }>>;
  readonly models: Readonly<Record<string, readonly unknown[]>>;
  readonly prices: readonly string[];
}

export function namesOf(input: unknown): Names {
  const { providers, models, prices } = recordOf(input);
  const lists = Object.entries(recordOf(models)).map(([name, list]) => [
    name,
    Array.isArray(list) ? list : [],
  ]);
  return {
    providers: Object.fromEntries(
      Object.entries(recordOf(providers)).map(([name, value]) => {
        const { kind, baseUrl } = recordOf(value);
        return [name, { kind, hasBaseUrl: baseUrl !== undefined }];
      }),
    ),
    models: models === undefined ? { default: ["offline/guide"] } : Object.fromEntries(lists),
    prices: Object.keys(recordOf(prices)),
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** Names that point to nothing: providers of model lists, what is priced. */
export function checkConfigReferences(source: SourceFile, names: Names): readonly Problem[] {
  const problems: Problem[] = [];
  const add = (line: number, path: string, message: string, hint: string): void => {
    problems.push({ file: source.name, line, path, message: `${path} ${message}`, hints: [hint] });
  };
  for (const [name, list] of Object.entries(names.models)) {
    for (const [index, reference] of list.entries()) {
      const fault = typeof reference === "string" ? faultOf(reference, names) : undefined;
      const path = ["models", name, index];
      if (fault !== undefined) add(source.lineOf(path), formatPath(path), fault.message, fault.hint);
    }
  }
  for (const reference of names.prices) {
    const fault = faultOf(reference, names);
    const line = source.lineOfKey(["prices"], reference);
    if (fault !== undefined) add(line, `prices.${reference}`, fault.message, fault.hint);
  }
  for (const [name, { kind, hasBaseUrl }] of Object.entries(names.providers)) {
    const line = source.lineOfKey(["providers"], name);
    if (BUILT_IN_PROVIDERS.includes(name) && kind !== name) {
      add(line, `providers.${name}`, "is the name of a built-in provider.", "Call yours otherwise.");
    }
    if (kind !== "openai-compatible" || hasBaseUrl) continue;
    add(
      line,
      `providers.${name}.baseUrl`,
      "is missing.",
      "Write the address of its API, such as http://127.0.0.1:11434/v1.",
    );
  }
  return problems;
}

/** Names of an agent that point to nothing: its file, its model, its tools. */
export function checkAgentReferences(
  source: SourceFile,
  agent: AgentFile,
  known: {
    readonly names: Names | undefined;
    readonly tools: readonly string[] | undefined;
    readonly fileId: string;
  },
): readonly Problem[] {
  const problems: Problem[] = [];
  const add = (path: readonly PropertyKey[], message: string, hint: string): void => {
    const name = formatPath(path);
    problems.push({
      file: source.name,
      line: source.lineOf(path),
      path: name,
      message: `${name} ${message}`,
      hints: [hint],
    });
  };
  if (agent.id !== known.fileId) {
    add(
      ["id"],
      `is "${agent.id}", but the file is called ${known.fileId}.yaml.`,
      "Make them equal; the id is what people and programs address.",
    );
  }
  if (known.names !== undefined) {
    const fault = modelFault(agent.model, known.names);
    if (fault !== undefined) add(["model"], fault.message, fault.hint);
  }
  const { tools } = known;
  for (const [index, tool] of (tools === undefined ? [] : (agent.tools ?? [])).entries()) {
    if (tools !== undefined && !tools.includes(tool)) {
      add(["tools", index], `names the tool "${tool}", which does not exist.`, suggest(tool, tools));
    }
  }
  return problems;
}

interface Fault {
  readonly message: string;
  readonly hint: string;
}

function modelFault(model: string, names: Names): Fault | undefined {
  if (model.includes("/")) return faultOf(model, names);
  const lists = Object.keys(names.models);
  if (lists.includes(model)) return undefined;
  return {
    message: `is "${model}", which troupe.yaml does not list under models.`,
    hint: suggest(model, lists),
  };
}

/** A reference that is no `provider/model` at all is told of by the schema. */
function faultOf(reference: string, { providers }: Names): Fault | undefined {
  const slash = reference.indexOf("/");
  if (slash < 1) return undefined;
  const provider = reference.slice(0, slash);
  const model = reference.slice(slash + 1);
  const known = [...new Set([...BUILT_IN_PROVIDERS, ...Object.keys(providers)])];
  if (!known.includes(provider)) {
    return {
      message: `names provider "${provider}", which is not configured.`,
      hint: suggest(provider, known),
    };
  }
  const isOffline = provider === "offline" || providers[provider]?.kind === "offline";
  if (isOffline && !OFFLINE_MODELS.includes(model)) {
    const meant = nearest(model, OFFLINE_MODELS) ?? OFFLINE_MODELS[0];
    const message = `names the offline model "${model}", which does not exist.`;
    return { message, hint: `Write "${provider}/${meant}".` };
  }
  return undefined;
}
