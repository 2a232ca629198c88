import type { EffectHandler, MessageBus, Tool, ToolSource } from "@troupe/contracts";
import {
  createDelegationCommandTools,
  createDelegationHandlers,
  createDelegationTools,
  type HandlerDeps,
} from "../delegation/index.ts";
import type { SwappableAgents } from "./agents.ts";
import type { Foundation } from "./compose.ts";
import type { Config } from "./config/index.ts";

export interface Delegation {
  /** The source with the tools of agents among themselves behind its own. */
  withTools(source: ToolSource): ToolSource;
  /** Those that people call by a command. */
  readonly commandTools: readonly Tool[];
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
    readonly onDead: NonNullable<HandlerDeps["onDead"]>;
  },
): Delegation {
  const { agents, bus, config, accept, cancel, onDead } = parts;
  const deps: HandlerDeps = {
    ...foundation,
    ...foundation.stores,
    ...{ agents, bus, accept, cancel, onDead },
    limits: () => config().agentLimits,
  };
  const tools = createDelegationTools(deps);
  return {
    withTools: (source) => ({
      id: source.id,
      list: async (options) => [...(await source.list(options)), ...tools],
    }),
    commandTools: createDelegationCommandTools(deps),
    handlers: createDelegationHandlers(deps),
  };
}
