import type {
  Channel,
  EffectHandler,
  FlowDefinition,
  FlowPort,
  MessageBus,
  ToolSource,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import {
  AGENT_FLOW,
  agentFlow,
  createFlowDefinitions,
  createFlowEngine,
  createFlowPort,
  createFlowTools,
  type FlowDefinitions,
  type FlowEngine,
  hearFlowEvents,
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
  { flows = [] }: { readonly flows?: readonly FlowDefinition[] },
  parts: {
    readonly bus: MessageBus;
    readonly turns: () => Pick<TurnParts, "inbox" | "supervisor">;
    readonly channels: readonly Channel[];
    readonly sweepMs: number;
  },
): FlowParts {
  const inbox = () => parts.turns().inbox;
  const control = () => parts.turns().supervisor.control;
  const pushes = (id: string): boolean => parts.channels.some((channel) => channel.id === id);
  const definitions = createFlowDefinitions([agentFlow, ...notOurs(flows)]);
  const common = {
    ...foundation,
    ...foundation.stores,
    ...{ bus: parts.bus, sweepMs: parts.sweepMs },
    definitions,
    spaceId: SPACE,
    pushes,
    inbox,
    control,
  };
  const engine = createFlowEngine(common);
  const port = createFlowPort({ ...common, engine });
  return {
    flowPort: port,
    flowEngine: hearing(engine, () => hearFlowEvents({ ...common, port })),
    flowDefinitions: definitions,
    flowHandler: engine.handler,
    flowTools: createFlowTools({ ...common, engine }),
  };
}

/** The name under which agents' own flows are kept is nobody else's. */
function notOurs(definitions: readonly FlowDefinition[]): readonly FlowDefinition[] {
  if (!definitions.some(({ name }) => name === AGENT_FLOW)) return definitions;
  throw new TroupeError(
    `The name "${AGENT_FLOW}" is for the flows that agents drive. Give your flow another one.`,
    { code: "config.invalid" },
  );
}

/** Who works on flows hears of events for them too, as long as it does. */
function hearing(engine: FlowEngine, hear: () => Disposable): FlowEngine {
  let heard: Disposable | undefined;
  return {
    ...engine,
    start(signal) {
      engine.start(signal);
      heard ??= hear();
    },
    async stop(withinMs) {
      heard?.[Symbol.dispose]();
      await engine.stop(withinMs);
    },
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
