import type { Module, ModuleTasks, SearchStore } from "@troupe/contracts";
import { type EffectVersions, nearestName } from "../kit/index.ts";
import { createMemoryModule, createPeopleModule } from "../memory/index.ts";
import {
  checkedEffects,
  createDependantsHandler,
  createHookRegistry,
  createModuleTasks,
  type HookRegistry,
  type JoinedModules,
  joinModules,
} from "../modules/index.ts";
import type { Foundation } from "./compose.ts";
import type { Config, Problem } from "./config/index.ts";

/** What modules are made from. */
export interface ModuleFoundation extends Foundation {
  /** Ends of tasks outside of decisions. */
  readonly tasks: ModuleTasks;
}

/** A module, or what makes one from what everything stands on. */
export type ModuleSource = Module | ((foundation: ModuleFoundation) => Module);

export interface ModuleParts extends JoinedModules {
  /** Memory and people first, then those that were given, in their order. */
  readonly modules: readonly Module[];
  readonly hooks: HookRegistry;
}

/** Throws `config.invalid` for modules and hooks that cannot stand beside one another. */
export function composeModules(
  foundation: Foundation,
  sources: readonly ModuleSource[],
  /** As a turn recalls. */
  search: Pick<SearchStore, "search">,
  /** Asked once everything is composed: what handlers there are, those of modules included. */
  effectVersions: EffectVersions,
): ModuleParts {
  const { stores, clock, logger, metrics } = foundation;
  const effects = checkedEffects(stores.effects, effectVersions);
  const tasks = createModuleTasks({ ...stores, clock });
  const theirs = { ...foundation, stores: { ...stores, effects }, tasks };
  const given = sources.map((source) => (typeof source === "function" ? source(theirs) : source));
  const modules = [
    createMemoryModule({ search, memories: stores.memories, clock, logger, metrics }),
    createPeopleModule({ ...stores, people: foundation.people }),
    ...given,
  ];
  const hooks = createHookRegistry({ ...foundation, effectVersions });
  const joined = joinModules(modules, hooks);
  const effectHandlers = [createDependantsHandler({ ...stores, clock }), ...joined.effectHandlers];
  return { ...joined, effectHandlers, modules, hooks };
}

/** Modules that an agent or a setting names and nobody brings. */
export function unknownModules(
  { agents, modules: settings }: Pick<Config, "agents" | "modules">,
  modules: readonly Module[],
): readonly Problem[] {
  const known = modules.map(({ id }) => id);
  const problemOf = (name: string, place: Pick<Problem, "file" | "path">): Problem => {
    const nearest = nearestName(name, known);
    const hint = nearest === undefined ? "" : `Did you mean "${nearest}"? `;
    return {
      ...place,
      line: undefined,
      message: `${place.path} names the module "${name}", which does not exist.`,
      hints: [`${hint}Known: ${known.join(", ")}.`],
    };
  };
  const isUnknown = (name: string): boolean => !known.includes(name);
  return [
    ...Object.keys(settings)
      .filter(isUnknown)
      .map((name) => problemOf(name, { file: "troupe.yaml", path: "modules" })),
    ...agents.flatMap((agent) =>
      (["modules", "without"] as const).flatMap((path) =>
        (agent[path] ?? [])
          .filter(isUnknown)
          .map((name) => problemOf(name, { file: `agents/${agent.id}.yaml`, path })),
      ),
    ),
  ];
}
