import type { EffectHandler, Module, ToolSource } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { HookRegistry } from "./hook-registry.ts";

const ID = /^[a-z][a-z0-9_-]{0,31}$/;

/** What all modules bring, for those who take it. */
export interface JoinedModules {
  readonly toolSources: readonly ToolSource[];
  readonly effectHandlers: readonly EffectHandler[];
}

/** Gives the hooks to the registry. Throws `config.invalid` for an id that is no name, or that two modules have. */
export function joinModules(modules: readonly Module[], hooks: Pick<HookRegistry, "add">): JoinedModules {
  const known = new Set<string>();
  for (const { id } of modules) {
    if (!ID.test(id)) {
      throw new TroupeError(
        `"${id.slice(0, 64)}" is no id of a module: it starts with a letter and holds a–z, 0–9, _ and -, at most 32.`,
        { code: "config.invalid" },
      );
    }
    if (known.has(id))
      throw new TroupeError(`Two modules are called "${id}". Leave one out.`, { code: "config.invalid" });
    known.add(id);
  }
  for (const { id, hooks: own = [] } of modules) for (const hook of own) hooks.add(id, hook);
  return {
    toolSources: modules.flatMap(({ id, tools = [] }) =>
      tools.length === 0 ? [] : [{ id: `module:${id}`, moduleId: id, list: async () => tools }],
    ),
    effectHandlers: modules.flatMap(({ effects = [] }) => effects),
  };
}
