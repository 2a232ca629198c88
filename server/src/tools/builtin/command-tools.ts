import type { Tool } from "@troupe/contracts";
import { compactTool } from "./compact.ts";
import { type ForgetDeps, forgetTool } from "./forget.ts";
import { type InboxToolDeps, inboxTool } from "./inbox.ts";
import { type LinkToolDeps, linkTool } from "./link.ts";
import { listMemoriesTool } from "./list-memories.ts";
import { type StorylineToolDeps, storylineTool } from "./storyline.ts";
import { type WhyDeps, whyTool } from "./why.ts";

export type CommandToolDeps = WhyDeps & InboxToolDeps & StorylineToolDeps & ForgetDeps & LinkToolDeps;

/** Tools that come with Troupe and serve commands, also those of agents that have no such tool. */
export function createCommandTools(deps: CommandToolDeps): readonly Tool[] {
  return [
    whyTool(deps),
    inboxTool(deps),
    listMemoriesTool(deps),
    forgetTool(deps),
    storylineTool(deps),
    linkTool(deps),
    compactTool(),
  ];
}
