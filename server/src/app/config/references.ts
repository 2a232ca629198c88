import { nearestName } from "../../kit/index.ts";
import { formatPath, type Problem, suggest } from "./problem.ts";
import type { SourceFile } from "./source-file.ts";
import type { AgentFile } from "./types.ts";

/** Providers that exist without being written. */
export const BUILT_IN_PROVIDERS: readonly string[] = ["offline", "embedded"];

const OFFLINE_MODELS: readonly string[] = ["guide"];
const EMBEDDED_MODELS: readonly string[] = ["words-128", "hash-256"];

/** The names of a configuration, as far as they can be read: other faults of the file hide none of these. */
export interface Names {
  readonly providers: Readonly<
    Record<string, { readonly kind: unknown; readonly hasBaseUrl: boolean; readonly hasApi: boolean }>
  >;
  readonly models: Readonly<Record<string, readonly unknown[]>>;
  readonly prices: readonly string[];
  readonly budgets: Readonly<
    Record<string, { readonly per: unknown; readonly only: unknown; readonly model: unknown }>
  >;
}

export function namesOf(input: unknown): Names {
  const { providers, models, prices, budgets } = recordOf(input);
  const lists = Object.entries(recordOf(models)).map(([name, list]) => [
    name,
    Array.isArray(list) ? list : [],
  ]);
  return {
    providers: Object.fromEntries(
      Object.entries(recordOf(providers)).map(([name, value]) => {
        const { kind, baseUrl, api } = recordOf(value);
        return [name, { kind, hasBaseUrl: baseUrl !== undefined, hasApi: api !== undefined }];
      }),
    ),
    models: models === undefined ? { default: ["offline/guide"] } : Object.fromEntries(lists),
    prices: Object.keys(recordOf(prices)),
    budgets: Object.fromEntries(
      Object.entries(recordOf(budgets)).map(([name, value]) => {
        const { per, only, model } = recordOf(value);
        return [name, { per, only, model }];
      }),
    ),
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
  for (const [name, { kind, hasBaseUrl, hasApi }] of Object.entries(names.providers)) {
    const line = source.lineOfKey(["providers"], name);
    if (BUILT_IN_PROVIDERS.includes(name) && kind !== name) {
      add(line, `providers.${name}`, "is the name of a built-in provider.", "Call yours otherwise.");
    }
    if (hasApi && kind !== "openai") {
      add(line, `providers.${name}.api`, "is a setting of the kind openai alone.", "Take it out.");
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

/** What a budget falls to, and agents that it names. `agentIds`: names of their files. */
export function checkBudgetReferences(
  source: SourceFile,
  names: Names,
  agentIds: readonly string[],
): readonly Problem[] {
  const problems: Problem[] = [];
  const add = (path: readonly PropertyKey[], { message, hint }: Fault): void => {
    const name = formatPath(path);
    const told = { file: source.name, line: source.lineOf(path), path: name };
    problems.push({ ...told, message: `${name} ${message}`, hints: [hint] });
  };
  for (const [name, { per, only, model }] of Object.entries(names.budgets)) {
    const fault = typeof model === "string" ? modelFault(model, names) : undefined;
    if (fault !== undefined) add(["budgets", name, "model"], fault);
    if (per !== "agent" || !Array.isArray(only)) continue;
    for (const [index, id] of only.entries()) {
      if (typeof id !== "string" || agentIds.includes(id)) continue;
      add(["budgets", name, "only", index], {
        message: `names the agent "${id}", which has no file.`,
        hint: suggest(id, agentIds),
      });
    }
  }
  return problems;
}

/** Names of an agent that point to nothing: its file, its model, its tools. Without `source` the lines are unknown. */
export function checkAgentReferences(
  source: SourceFile | undefined,
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
      file: source?.name ?? `agents/${known.fileId}.yaml`,
      line: source?.lineOf(path),
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
  if (tools === undefined) return problems;
  const named = [
    ...(agent.tools ?? []).map((tool, index) => ({ tool, path: ["tools", index] })),
    ...Object.keys(agent.approvals ?? {}).map((tool) => ({ tool, path: ["approvals", tool] })),
  ];
  for (const { tool, path } of named) {
    if (!tools.includes(tool))
      add(path, `names the tool "${tool}", which does not exist.`, suggest(tool, tools));
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
  const known = [...new Set([...BUILT_IN_PROVIDERS, ...Object.keys(providers)])];
  if (!known.includes(provider)) {
    return {
      message: `names provider "${provider}", which is not configured.`,
      hint: suggest(provider, known),
    };
  }
  const isOffline = provider === "offline" || providers[provider]?.kind === "offline";
  if (isOffline) return missingModel("offline", reference, OFFLINE_MODELS);
  if (provider === "embedded") return missingModel("embedded", reference, EMBEDDED_MODELS);
  return undefined;
}

/** Of a provider that is built in, and so has no other models than these. */
function missingModel(kind: string, reference: string, known: readonly string[]): Fault | undefined {
  const slash = reference.indexOf("/");
  const model = reference.slice(slash + 1);
  if (known.includes(model)) return undefined;
  const meant = nearestName(model, known) ?? known[0];
  const message = `names the ${kind} model "${model}", which does not exist.`;
  return { message, hint: `Write "${reference.slice(0, slash)}/${meant}".` };
}
