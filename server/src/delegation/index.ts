/** Agents among themselves: who may reach whom, tools for asking and telling, and the handlers that make it happen. */
import type { EffectHandler, Tool } from "@troupe/contracts";
import { createAnsweredHandler } from "./answered.ts";
import { askAgentsTool, askAgentTool } from "./ask-tools.ts";
import { channelTools } from "./channel-tools.ts";
import { createDeliverHandler } from "./deliver.ts";
import type { DelegationDeps, HandlerDeps } from "./deps.ts";
import { findAgentTool, listAgentsTool } from "./find-tools.ts";
import { handBackTool, handOffTool } from "./hand-off.ts";
import { stopTool } from "./stop-tool.ts";
import { createTellHandler } from "./tell.ts";

export type { DelegationDeps, DelegationLimits, HandlerDeps } from "./deps.ts";
export { matchesAny, mayReach } from "./reach.ts";
export { redeliveries } from "./redeliver.ts";

/** The tools of agents that may reach others, or be reached. */
export function createDelegationTools(deps: DelegationDeps): readonly Tool[] {
  return [
    askAgentTool(deps),
    askAgentsTool(deps),
    listAgentsTool(deps),
    findAgentTool(deps),
    ...channelTools(deps),
    handOffTool(deps),
    handBackTool(deps),
  ];
}

/** Those that people call by a command, whatever an agent's blueprint names. */
export function createDelegationCommandTools(deps: HandlerDeps): readonly Tool[] {
  return [handBackTool(deps), stopTool(deps)];
}

/** What gives agents their turns, and tells them of the answers. */
export function createDelegationHandlers(deps: HandlerDeps): readonly EffectHandler[] {
  return [createDeliverHandler(deps), createAnsweredHandler(deps), createTellHandler(deps)];
}
