import type { Tool } from "@troupe/contracts";
import { type InboxToolDeps, inboxTool } from "./inbox.ts";
import { type WhyDeps, whyTool } from "./why.ts";

export type CommandToolDeps = WhyDeps & InboxToolDeps;

/** Tools that come with Troupe and serve commands alone: no model is offered them. */
export function createCommandTools(deps: CommandToolDeps): readonly Tool[] {
  return [whyTool(deps), inboxTool(deps)];
}
