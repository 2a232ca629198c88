import type { CallOptions, Stores } from "@troupe/contracts";
import type { HookRegistry } from "../modules/index.ts";
import { importAgents, type SwappableAgents, withTurnDefaults } from "./agents.ts";
import type { Foundation } from "./compose.ts";
import { type ModuleParts, unknownModules } from "./compose-modules.ts";
import type { Processes } from "./compose-processes.ts";
import { SPACE, type TurnParts } from "./compose-turns.ts";
import type { Config, Problem } from "./config/index.ts";
import { isShared } from "./open-store.ts";

/** For work that nothing but the end of the process cuts short. */
const UNBOUNDED: CallOptions = { signal: new AbortController().signal };

interface ImportParts {
  readonly turns: TurnParts;
  readonly processes: Pick<Processes, "tellAgents">;
  readonly modules: ModuleParts;
}

/** Makes the agents of a configuration those of the process, in the store and in memory; or says what is wrong with them. */
export function agentImport(
  { stores, clock }: Foundation,
  agents: SwappableAgents,
  { turns, processes, modules }: ImportParts,
): (config: Config) => Promise<readonly Problem[]> {
  return async (config) => {
    await turns.toolbox.load(UNBOUNDED);
    const problems = [...unknownTools(config, turns), ...unknownModules(config, modules.modules)];
    if (problems.length > 0) return problems;
    const before = new Map(agents.list(SPACE).map(({ spec, revision }) => [spec.id, revision]));
    if (isShared(config)) {
      // A process without files of its own has what others brought.
      if (config.agents.length > 0) await importAgents({ stores, clock }, SPACE, config.agents, UNBOUNDED);
      await readAgents(stores, agents, config, UNBOUNDED);
      if (config.agents.length > 0) processes.tellAgents();
      await tellLoaded(modules.hooks, agents, before);
      return [];
    }
    const imported = await importAgents({ stores, clock }, SPACE, config.agents, UNBOUNDED);
    agents.swap(imported.map((agent) => withTurnDefaults(agent, config.turns)));
    await tellLoaded(modules.hooks, agents, before);
    return [];
  };
}

/** The agents as the store has them: where processes share it, its table is the truth, whoever brought them. */
export async function readAgents(
  stores: Stores,
  agents: SwappableAgents,
  { turns }: Config,
  options: CallOptions,
): Promise<void> {
  const kept = await stores.agents.list(SPACE, options);
  agents.swap(kept.map((agent) => withTurnDefaults(agent, turns)));
}

/** Agents that came, or came back with another revision. */
async function tellLoaded(
  hooks: HookRegistry,
  agents: SwappableAgents,
  before: ReadonlyMap<string, number>,
): Promise<void> {
  if (!hooks.has("agent_loaded")) return;
  for (const agent of agents.list(SPACE)) {
    if (before.get(agent.spec.id) === agent.revision) continue;
    await hooks.tell("agent_loaded", { agent }, { ...UNBOUNDED, spec: agent.spec });
  }
}

/** Tools that an agent names and nobody brings; extensions may bring some that the files alone do not tell of. */
function unknownTools(config: Config, turns: TurnParts): readonly Problem[] {
  return config.agents.flatMap((agent) =>
    turns.toolbox.validate(agent).map(({ setting, name, nearest, ofModule }) => ({
      file: `agents/${agent.id}.yaml`,
      line: undefined,
      path: setting,
      message:
        ofModule === undefined
          ? `${setting} names the tool "${name}", which does not exist.`
          : `${setting} names the tool "${name}" of the module "${ofModule}", which the agent goes without.`,
      hints: nearest === undefined ? [] : [`Did you mean "${nearest}"?`],
    })),
  );
}
