import type { AgentSpec, Module } from "@troupe/contracts";
import { nearestName } from "../kit/index.ts";
import { createMemoryModule } from "../memory/index.ts";
import { createHookRegistry, type HookRegistry, type JoinedModules, joinModules } from "../modules/index.ts";
import type { Foundation } from "./compose.ts";
import type { Problem } from "./config/index.ts";

/** A module, or what makes one from what everything stands on. */
export type ModuleSource = Module | ((foundation: Foundation) => Module);

export interface ModuleParts extends JoinedModules {
  /** Memory first, then those that were given, in their order. */
  readonly modules: readonly Module[];
  readonly hooks: HookRegistry;
}

/** Throws `config.invalid` for modules and hooks that cannot stand beside one another. */
export function composeModules(foundation: Foundation, sources: readonly ModuleSource[]): ModuleParts {
  const { stores, clock, logger, metrics } = foundation;
  const given = sources.map((source) => (typeof source === "function" ? source(foundation) : source));
  const modules = [createMemoryModule({ search: stores.search, clock, logger, metrics }), ...given];
  const hooks = createHookRegistry(foundation);
  return { ...joinModules(modules, hooks), modules, hooks };
}

/** Modules that an agent names and nobody brings. */
export function unknownModules(agents: readonly AgentSpec[], modules: readonly Module[]): readonly Problem[] {
  const known = modules.map(({ id }) => id);
  return agents.flatMap((agent) =>
    (["modules", "without"] as const).flatMap((setting) =>
      (agent[setting] ?? [])
        .filter((name) => !known.includes(name))
        .map((name): Problem => {
          const nearest = nearestName(name, known);
          const hint = nearest === undefined ? "" : `Did you mean "${nearest}"? `;
          return {
            ...{ file: `agents/${agent.id}.yaml`, line: undefined, path: setting },
            message: `${setting} names the module "${name}", which does not exist.`,
            hints: [`${hint}Known: ${known.join(", ")}.`],
          };
        }),
    ),
  );
}
