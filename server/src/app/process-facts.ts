import type { Supervisor } from "../agent/index.ts";
import type { EffectWorkers } from "../workers/index.ts";
import type { HealthState } from "./health.ts";
import { dutiesOf, type Role } from "./roles.ts";
import type { ProcessFacts } from "./roll-call.ts";
import type { SwappableRouter } from "./swap-router.ts";
import { troupeVersion } from "./version.ts";

/** What a process tells of itself, for the status of all. */
export function factsOf(of: {
  readonly role: Role;
  readonly processId: string;
  readonly health: HealthState;
  readonly router: SwappableRouter;
  readonly supervisor: Supervisor;
  readonly effects: Pick<EffectWorkers, "lanes">;
}): ProcessFacts {
  const { running, waiting } = of.supervisor.stats();
  const { ready, reasons } = of.health.ready();
  return {
    ...{ id: of.processId, role: of.role, version: troupeVersion() },
    ...{ startedAt: of.health.startedAt, rssBytes: process.memoryUsage.rss(), ready, reasons },
    turns: { running, waiting },
    lanes: dutiesOf(of.role).worksBehind ? of.effects.lanes : [],
    breakers: of.router
      .health()
      .flatMap(({ provider, state }) => (state === "closed" ? [] : [{ provider, state }])),
  };
}
