/** Flows: durable state machines with named steps and explicit waits. */
export { AGENT_FLOW, agentFlow } from "./agent-flow.ts";
export { hearFlowEvents } from "./bus-events.ts";
export { createFlowDefinitions, type FlowDefinitions } from "./definitions.ts";
export { createFlowEngine, type FlowEngine, type FlowEngineDeps } from "./engine.ts";
export { createFlowPort, type FlowPortDeps } from "./port.ts";
export { createFlowTools, FLOW_TOOLS } from "./tools.ts";
