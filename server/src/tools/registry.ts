import type { Agent, AgentSpec, CallOptions, Logger, Tool, ToolSet, ToolSource } from "@troupe/contracts";
import { BUILTIN_SOURCE } from "./builtin/index.ts";
import { internalTools } from "./internal.ts";
import { compileCheck, type InputCheck } from "./validation.ts";

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
  select(agent: Agent): ToolSet;
  /** Names in the blueprint that no source has. */
  unknownTools(spec: AgentSpec): readonly string[];
  names(): readonly string[];
  /** The tools behind a set, internal ones included. */
  toolsOf(set: ToolSet): ReadonlyMap<string, Registered>;
}

interface Offered extends Registered {
  readonly sourceId: string;
}

export function createRegistry(sources: readonly ToolSource[], logger: Logger): Registry {
  const lists = new Map<string, readonly Tool[]>();
  const contents = new WeakMap<ToolSet, ReadonlyMap<string, Registered>>();
  let offered: ReadonlyMap<string, Offered> = new Map();
  let sets = new Map<string, ToolSet>();

  const choose = (names: readonly string[] | undefined): readonly Offered[] => {
    if (names === undefined) return [...offered.values()].filter((one) => one.sourceId === BUILTIN_SOURCE);
    return [...new Set(names)].flatMap((name) => offered.get(name) ?? []);
  };
  const makeSet = (names: readonly string[] | undefined): ToolSet => {
    const tools = new Map<string, Registered>(choose(names).map((one) => [one.tool.spec.name, one]));
    const specs = [...tools.values()].map((one) => one.tool.spec);
    const set: ToolSet = { specs, kindOf: (name) => tools.get(name)?.tool.spec.kind };
    for (const tool of internalTools(set))
      if (!tools.has(tool.spec.name)) tools.set(tool.spec.name, register(tool));
    contents.set(set, tools);
    return set;
  };

  return {
    async load(options) {
      const loaded = await Promise.allSettled(sources.map((source) => source.list(options)));
      options.signal.throwIfAborted();
      for (const [i, source] of sources.entries()) {
        const outcome = loaded[i];
        if (outcome?.status === "fulfilled") lists.set(source.id, outcome.value);
        else logger.error("tools.source_failed", { source: source.id, error: outcome?.reason });
      }
      offered = merged(sources, lists, logger);
      // Sets that running turns hold go on to work; new turns get new ones.
      sets = new Map();
    },
    select({ spec }) {
      const key = spec.tools === undefined ? "" : `=${spec.tools.join(",")}`;
      const known = sets.get(key);
      if (known !== undefined) return known;
      const set = makeSet(spec.tools);
      sets.set(key, set);
      return set;
    },
    unknownTools: (spec) => [...new Set(spec.tools ?? [])].filter((name) => !offered.has(name)),
    names: () => [...offered.keys()],
    toolsOf: (set) => contents.get(set) ?? new Map(),
  };
}

/** All tools by name. The first source that brings a name keeps it; a name that providers refuse is left out. */
function merged(
  sources: readonly ToolSource[],
  lists: ReadonlyMap<string, readonly Tool[]>,
  logger: Logger,
): ReadonlyMap<string, Offered> {
  const offered = new Map<string, Offered>();
  for (const { id: sourceId } of sources) {
    for (const tool of lists.get(sourceId) ?? []) {
      const { name } = tool.spec;
      if (!NAME.test(name)) logger.warn("tools.name_refused", { source: sourceId, tool: name });
      else if (offered.has(name)) logger.warn("tools.name_taken", { source: sourceId, tool: name });
      else offered.set(name, { sourceId, ...register(tool) });
    }
  }
  return offered;
}

function register(tool: Tool): Registered {
  let check: Promise<InputCheck> | undefined;
  return {
    tool,
    check: () => (check ??= compileCheck(tool.spec.inputSchema)),
  };
}
