/** What modules bring, joined: the hooks of a process, and the checks that modules must pass. */
export { createHookRegistry, type HookRegistry, MAX_HOOKS_PER_POINT } from "./hook-registry.ts";
export { type JoinedModules, joinModules } from "./join-modules.ts";
