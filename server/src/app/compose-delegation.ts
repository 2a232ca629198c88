import type { EffectHandler, MessageBus, ToolSource } from "@troupe/contracts";
import { createDelegationHandlers, createDelegationTools, type HandlerDeps } from "../delegation/index.ts";
import type { SwappableAgents } from "./agents.ts";
import type { Foundation } from "./compose.ts";
import type { Config } from "./config/index.ts";

export interface Delegation {
  /** The source with the tools of agents among themselves behind its own. */
  withTools(source: ToolSource): ToolSource;
  readonly handlers: readonly EffectHandler[];
}

/** Agents among themselves, joined to the way in and to the way to stop. */
export function composeDelegation(
  foundation: Foundation,
  parts: {
    readonly agents: SwappableAgents;
    readonly bus: MessageBus;
    readonly config: () => Config;
    readonly accept: HandlerDeps["accept"];
    readonly cancel: HandlerDeps["cancel"];
  },
): Delegation {
  const { agents, bus, config, accept, cancel } = parts;
  const deps: HandlerDeps = {
    ...foundation,
    ...foundation.stores,
    ...{ agents, bus, accept, cancel },
    limits: () => config().agentLimits,
  };
  const tools = createDelegationTools(deps);
  return {
    withTools: (source) => ({
      id: source.id,
      list: async (options) => [...(await source.list(options)), ...tools],
    }),
    handlers: createDelegationHandlers(deps),
  };
}
