import { TroupeError } from "@troupe/contracts";
import { createWakeLoop, type WakeLoop } from "../../kit/index.ts";
import type { Versions, VersionsDeps } from "./versions.ts";

/** Whoever writes by hand saves several times. */
const COMPANY_MS = 1_000;
const RETRY_MS = 30_000;

export interface WorkspaceKeeper extends Pick<WakeLoop, "start" | "stop"> {
  /** Something of the agent's folder changed. Costs nothing; a version is kept behind whatever runs. */
  nudge(agentId: string): void;
}

/** Keeps versions of what was changed by hand: one loop for all agents, which sleeps while nothing changes. */
export function createWorkspaceKeeper(
  deps: Pick<VersionsDeps, "clock" | "logger">,
  versions: Versions,
): WorkspaceKeeper {
  const changed = new Set<string>();
  const loop = createWakeLoop({
    ...{ name: "workspace.versions", clock: deps.clock, logger: deps.logger, retryMs: RETRY_MS },
    async round(signal) {
      for (const agentId of [...changed]) {
        changed.delete(agentId);
        try {
          await versions.alone(agentId, () => versions.keep(agentId, { signal }));
        } catch (error) {
          signal.throwIfAborted();
          // Told with the next change again; the folder is read all the same.
          const level = TroupeError.is(error, "config.missing") ? "debug" : "warn";
          deps.logger[level]("workspace.no_versions", { agent: agentId, error });
        }
      }
      return undefined;
    },
  });
  return {
    start: (signal) => loop.start(signal),
    stop: (withinMs) => loop.stop(withinMs),
    nudge(agentId) {
      changed.add(agentId);
      loop.wakeIn(COMPANY_MS);
    },
  };
}
