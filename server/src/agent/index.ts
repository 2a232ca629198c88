/** Turns: six steps, the loop of model and tools, and who runs when. */
export { estimateMicroUsd } from "./ask-model.ts";
export { AGENT_DEFAULTS, type AgentDeps, type AgentSettings } from "./deps.ts";
export { createSupervisor, type Supervisor } from "./supervisor.ts";
