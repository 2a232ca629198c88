import type {
  Agent,
  AgentSpec,
  CallOptions,
  Logger,
  Tool,
  ToolSet,
  ToolSource,
  ToolSpec,
  Trigger,
} from "@troupe/contracts";
import { hasModule, untilAborted } from "../kit/index.ts";
import { BUILTIN_SOURCE } from "./builtin/index.ts";
import { internalTools } from "./internal.ts";
import { type CheckCompiler, createCheckCompiler, type InputCheck } from "./validation.ts";

const NAME = /^[a-z0-9_]{1,64}$/;

/** A tool with the check of its input, compiled when it first runs. */
export interface Registered {
  readonly tool: Tool;
  check(): Promise<InputCheck>;
}

/** Which tools there are, and which of them an agent has. */
export interface Registry {
  /** Asks every source anew. A source that fails keeps the tools that it had. */
  load(options: CallOptions): Promise<void>;
  select(agent: Agent, trigger: Trigger): ToolSet;
  /** Names in the blueprint that no source has, or that belong to a module that the agent goes without. */
  unknownTools(
    spec: AgentSpec,
  ): readonly { readonly setting: string; readonly name: string; readonly ofModule?: string }[];
  names(): readonly string[];
  /** The tools behind a set, internal ones included. */
  toolsOf(set: ToolSet): ReadonlyMap<string, Registered>;
}

interface Offered extends Registered {
  readonly source: Pick<ToolSource, "id" | "moduleId">;
}

/** Sets of one choice of names: one for all triggers, or one for each where a tool declares some. */
interface Choice {
  readonly tools: readonly Offered[];
  readonly dependsOnTrigger: boolean;
  readonly sets: Map<Trigger | "any", ToolSet>;
}

/** `commandTools` serve commands and buttons alone, whatever an agent's blueprint says. */
export function createRegistry(
  sources: readonly ToolSource[],
  commandTools: readonly Tool[],
  logger: Logger,
): Registry {
  const lists = new Map<string, readonly Tool[]>();
  const contents = new WeakMap<ToolSet, ReadonlyMap<string, Registered>>();
  let offered: ReadonlyMap<string, Offered> = new Map();
  let choices = new Map<string, Choice>();
  const compile = createCheckCompiler();
  const commands = commandTools.map((tool) => register(tool, compile));

  const choiceOf = (spec: AgentSpec): Choice => {
    const key = choiceKey(spec);
    let choice = choices.get(key);
    if (choice === undefined) {
      const tools = choose(spec, offered);
      const dependsOnTrigger = tools.some((one) => one.tool.spec.triggers !== undefined);
      choice = { tools, dependsOnTrigger, sets: new Map() };
      choices.set(key, choice);
    }
    return choice;
  };
  const makeSet = (chosen: readonly Offered[]): ToolSet => {
    const tools = new Map<string, Registered>(chosen.map((one) => [one.tool.spec.name, one]));
    const specs = [...tools.values()].map((one) => one.tool.spec);
    const set: ToolSet = { specs, kindOf: (name) => tools.get(name)?.tool.spec.kind };
    const internal = internalTools(set).map((tool) => register(tool, compile));
    for (const one of [...internal, ...commands])
      if (!tools.has(one.tool.spec.name)) tools.set(one.tool.spec.name, one);
    contents.set(set, tools);
    return set;
  };

  return {
    async load(options) {
      const loaded = await Promise.allSettled(sources.map((source) => listed(source, options)));
      for (const [i, source] of sources.entries()) {
        const outcome = loaded[i];
        if (outcome?.status === "fulfilled") lists.set(source.id, outcome.value);
        else logger.error("tools.source_failed", { source: source.id, error: outcome?.reason });
      }
      offered = merged(sources, lists, compile, logger);
      // Sets that running turns hold go on to work; new turns get new ones.
      choices = new Map();
    },
    select({ spec }, trigger) {
      const { tools, dependsOnTrigger, sets } = choiceOf(spec);
      const key = dependsOnTrigger ? trigger : "any";
      const known = sets.get(key);
      if (known !== undefined) return known;
      const set = makeSet(
        dependsOnTrigger ? tools.filter(({ tool }) => tool.spec.triggers?.includes(trigger) ?? true) : tools,
      );
      sets.set(key, set);
      return set;
    },
    unknownTools: (spec) => unknownTools(spec, offered),
    names: () => [...offered.keys()],
    toolsOf: (set) => contents.get(set) ?? new Map(),
  };
}

/** The same for agents that have the same tools. */
function choiceKey(spec: AgentSpec): string {
  const { tools, modules, without } = spec;
  const named = tools === undefined ? unnamed(spec) : `=${tools.join(",")}`;
  if (modules === undefined && without === undefined) return named;
  return `${named}|${modules?.join(",") ?? "*"}|${without?.join(",") ?? ""}`;
}

function unnamed(spec: AgentSpec): string {
  return `${isSocial(spec) ? "@" : ""}${spec.workspace === undefined ? "" : "~"}`;
}

/** Who names no tools has those that come with Troupe and those of its modules. */
function choose(spec: AgentSpec, offered: ReadonlyMap<string, Offered>): readonly Offered[] {
  const { tools } = spec;
  const own = ({ source, tool }: Offered): boolean =>
    (source.id === BUILTIN_SOURCE || source.moduleId !== undefined) && hasNeeded(spec, tool.spec.needs);
  const chosen =
    tools === undefined
      ? [...offered.values()].filter(own)
      : [...new Set(tools)].flatMap((name) => offered.get(name) ?? []);
  return chosen.filter(({ source: { moduleId } }) => moduleId === undefined || hasModule(spec, moduleId));
}

function hasNeeded(spec: AgentSpec, needs: ToolSpec["needs"]): boolean {
  return needs === "agents" ? isSocial(spec) : needs === undefined || spec.workspace !== undefined;
}

function isSocial({ delegates = [], acceptsFrom = [] }: AgentSpec): boolean {
  return delegates.length + acceptsFrom.length > 0;
}

function unknownTools(
  spec: AgentSpec,
  offered: ReadonlyMap<string, Offered>,
): ReturnType<Registry["unknownTools"]> {
  const named = [
    ...[...new Set(spec.tools)].map((name) => ({ setting: "tools", name })),
    ...Object.keys(spec.approvals ?? {}).map((name) => ({ setting: "approvals", name })),
  ];
  return named.flatMap((one) => {
    const known = offered.get(one.name);
    if (known === undefined) return [one];
    const { moduleId } = known.source;
    if (one.setting !== "tools" || moduleId === undefined || hasModule(spec, moduleId)) return [];
    return [{ ...one, ofModule: moduleId }];
  });
}

/** What a source lists; a throw outside of any promise, and silence, are failures like any other. */
async function listed(source: ToolSource, options: CallOptions): Promise<readonly Tool[]> {
  return await untilAborted(source.list(options), options.signal);
}

/** All tools by name. The first source that brings a name keeps it; a name that providers refuse is left out. */
function merged(
  sources: readonly ToolSource[],
  lists: ReadonlyMap<string, readonly Tool[]>,
  compile: CheckCompiler,
  logger: Logger,
): ReadonlyMap<string, Offered> {
  const offered = new Map<string, Offered>();
  for (const source of sources) {
    for (const tool of lists.get(source.id) ?? []) {
      const { name } = tool.spec;
      if (!NAME.test(name)) logger.warn("tools.name_refused", { source: source.id, tool: name });
      else if (offered.has(name)) logger.warn("tools.name_taken", { source: source.id, tool: name });
      else offered.set(name, { source, ...register(tool, compile) });
    }
  }
  return offered;
}

function register(tool: Tool, compile: CheckCompiler): Registered {
  let check: Promise<InputCheck> | undefined;
  return {
    tool,
    check: () => (check ??= compile(tool.spec.inputSchema)),
  };
}
