import type { Module } from "@troupe/contracts";
import type { Conditions } from "./conditions.ts";
import { createEndedHandler, type EndedDeps } from "./ended.ts";
import { createJobTools, type JobToolDeps } from "./tools.ts";

/**
 * Schedules as agents have them: the tools that make and change jobs, what settles a run when its turn has ended, and what
 * judges conditions by what is said.
 */
export function createJobModule(
  deps: JobToolDeps & EndedDeps & { readonly conditions?: Pick<Conditions, "hook" | "handler"> },
): Module {
  const { conditions } = deps;
  return {
    id: "jobs",
    // It adds nothing to prompts.
    budgetTokens: 0,
    tools: createJobTools(deps),
    hooks: conditions === undefined ? [] : [conditions.hook],
    effects: [createEndedHandler(deps), ...(conditions === undefined ? [] : [conditions.handler])],
  };
}
