import type { AgentSpec } from "@troupe/contracts";

/** Whether the agent's turns have the module: all do that its blueprint does not speak of. */
export function hasModule({ modules, without }: AgentSpec, moduleId: string): boolean {
  if (without?.includes(moduleId) === true) return false;
  return modules?.includes(moduleId) ?? true;
}
