import type {
  Channel,
  EffectHandler,
  FlowDefinition,
  FlowPort,
  MessageBus,
  ToolSource,
} from "@troupe/contracts";
import {
  agentFlow,
  createFlowDefinitions,
  createFlowEngine,
  createFlowPort,
  createFlowTools,
  type FlowDefinitions,
  type FlowEngine,
} from "../flows/index.ts";
import type { Foundation } from "./compose.ts";
import { SPACE, type TurnParts } from "./compose-turns.ts";

/** Everything that flows bring. */
export interface FlowParts {
  readonly flowPort: FlowPort;
  readonly flowEngine: FlowEngine;
  readonly flowDefinitions: FlowDefinitions;
  readonly flowHandler: EffectHandler;
  readonly flowTools: ToolSource;
}

/** Joins flows; they are made before the turns that they begin, so the way in is asked for when it is needed. */
export function composeFlows(
  foundation: Foundation,
  parts: {
    readonly definitions: readonly FlowDefinition[] | undefined;
    readonly bus: MessageBus;
    readonly turns: () => Pick<TurnParts, "inbox" | "supervisor">;
    readonly channels: readonly Channel[];
  },
): FlowParts {
  const inbox = () => parts.turns().inbox;
  const control = () => parts.turns().supervisor.control;
  const pushes = (id: string): boolean => parts.channels.some((channel) => channel.id === id);
  const definitions = createFlowDefinitions([agentFlow, ...(parts.definitions ?? [])]);
  const common = {
    ...foundation,
    ...foundation.stores,
    ...parts,
    definitions,
    spaceId: SPACE,
    pushes,
    inbox,
    control,
  };
  const engine = createFlowEngine(common);
  return {
    flowPort: createFlowPort({ ...common, engine }),
    flowEngine: engine,
    flowDefinitions: definitions,
    flowHandler: engine.handler,
    flowTools: createFlowTools({ ...common, engine }),
  };
}

/** What turns and effects are given, with what flows bring. */
export function withFlows(
  given: { readonly toolSources?: readonly ToolSource[]; readonly effectHandlers?: readonly EffectHandler[] },
  { flowTools, flowHandler }: FlowParts,
): { readonly toolSources: readonly ToolSource[]; readonly effectHandlers: readonly EffectHandler[] } {
  const { toolSources = [], effectHandlers = [] } = given;
  return { toolSources: [...toolSources, flowTools], effectHandlers: [...effectHandlers, flowHandler] };
}
