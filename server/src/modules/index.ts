/** What modules bring, joined: the hooks of a process, what becomes of their tasks, and the checks that modules must pass. */
export { checkedEffects } from "./effect-drafts.ts";
export { createHookRegistry, type HookRegistry, MAX_HOOKS_PER_POINT } from "./hook-registry.ts";
export { type JoinedModules, joinModules } from "./join-modules.ts";
export { createModuleTasks } from "./module-tasks.ts";
export { createDependantsHandler } from "./settle-dependants.ts";
