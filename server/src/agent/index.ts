/** Turns: six steps, the loop of model and tools, and who runs when. */

export { AGENT_DEFAULTS, type AgentDeps, type AgentSettings } from "./deps.ts";
export { createTellTime } from "./present-time.ts";
export { type ReplayDeps, replayTape } from "./replay.ts";
export { estimateMicroUsd } from "./spending.ts";
export { createSupervisor, type Supervisor } from "./supervisor.ts";
export type { EndedTape, TapeRecorder } from "./tape.ts";
