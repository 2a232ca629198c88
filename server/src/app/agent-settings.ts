import type { Lane } from "@troupe/contracts";
import { AGENT_DEFAULTS, type AgentSettings } from "../agent/index.ts";
import type { Config } from "./config/index.ts";

/** What turns are run by, as the configuration in force says. */
export function agentSettings(config: () => Config, sweepMs: number): AgentSettings {
  // Read anew each time, since a reload may change it.
  const lane = (name: Lane) => config().limits.maxConcurrentTurns[name];
  return {
    ...AGENT_DEFAULTS,
    sweepMs,
    concurrency: {
      get realtime() {
        return lane("realtime");
      },
      get background() {
        return lane("background");
      },
      get heavy() {
        return lane("heavy");
      },
    },
    get maxWaiting() {
      return config().limits.maxQueuedTurns;
    },
    get maxSteps() {
      return config().turns.maxSteps;
    },
    get historyTokens() {
      return config().turns.historyTokens;
    },
  };
}
