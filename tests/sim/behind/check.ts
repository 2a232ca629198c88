// What must hold when everything behind the reply has come to rest. Each breach names the rule and what broke it.
import type { PlatformArrival } from "../../../testing/src/simulator/index.ts";
import { checkDelivery, checkSessions, checkTurn, type Report } from "../check.ts";
import { checkAgents } from "./check-agents.ts";
import { checkBehindEffects } from "./check-effects.ts";
import { checkFlows } from "./check-flows.ts";
import { checkJobs } from "./check-jobs.ts";
import type { Told } from "./clients.ts";
import { LEASE_MS } from "./composition.ts";
import type { BehindKept } from "./kept.ts";
import type { BehindPlan } from "./plan.ts";
import type { Seen } from "./seen.ts";

/** Everything that is known at the end of a schedule. */
export interface BehindOutcome {
  readonly plan: BehindPlan;
  readonly kept: BehindKept;
  readonly told: Told;
  readonly seen: Seen;
  readonly arrived: readonly PlatformArrival[];
  readonly rejected: ReadonlySet<string>;
  readonly doubted: ReadonlySet<string>;
  /** Nothing crashed, stopped, was cut off or was refused, and no clock jumped. */
  readonly wasCalm: boolean;
  /** Nothing took so long that a sender gave up. */
  readonly wasQuick: boolean;
}

export interface BehindCounts {
  turns: number;
  replied: number;
  delivered: number;
  jobs: number;
  runs: number;
  skipped: number;
  flows: number;
  steps: number;
  events: number;
  effects: number;
  dead: number;
  shed: number;
  messages: number;
  asks: number;
  suppressed: number;
  stops: number;
}

/** Calls `report` for each breach and counts what there was. */
export function checkBehind(outcome: BehindOutcome, report: Report): BehindCounts {
  const { kept } = outcome;
  for (const one of kept.turns) checkTurn(one, report);
  checkSessions({ kept, told: [] }, report);
  if (!endsLeases(outcome.plan)) checkDelivery(outcome, report);
  checkJobs(outcome, report);
  checkFlows(outcome, report);
  checkBehindEffects(outcome, report);
  checkAgents(outcome, report);
  return countsOf(outcome);
}

/**
 * A database whose clock leaps past a lease ends those of processes that live and send: two may send one reply then, and a
 * look in between sees neither. Everything that is kept is guarded by epochs; what is on its way to a platform is not.
 */
function endsLeases({ jumps }: BehindPlan): boolean {
  return jumps.some(({ byMs, of }) => of !== "one" && byMs >= LEASE_MS / 2);
}

function countsOf({ kept, told }: BehindOutcome): BehindCounts {
  const runs = kept.jobs.flatMap((one) => one.runs);
  const effectsIn = (state: string): number => kept.effects.filter((one) => one.state === state).length;
  return {
    turns: kept.turns.length,
    replied: kept.turns.filter(({ turn }) => turn.state === "replied").length,
    delivered: kept.turns.flatMap(({ outbox }) => outbox).filter(({ state }) => state === "delivered").length,
    jobs: kept.jobs.length,
    runs: runs.length,
    skipped: runs.filter(({ state }) => state === "skipped").length,
    flows: kept.flows.length,
    steps: kept.memories.filter(({ text }) => text.startsWith("flow ")).length,
    events: kept.events.length,
    effects: kept.effects.length,
    dead: effectsIn("dead"),
    shed: effectsIn("shed"),
    messages: kept.said.length,
    asks: kept.gathers.length,
    suppressed: kept.deliveries.filter(({ state }) => state === "suppressed").length,
    stops: told.stops.size,
  };
}
