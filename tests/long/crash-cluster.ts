// Gateways, agents and workers that share the work, on a PostgreSQL and a NATS server of their own.
import { NO_CLUSTER, NO_NATS, startNatsServer, startPostgresCluster } from "@troupe/testing";
import { CLUSTER_ROLES, type ClusterRound, type ClusterSize, runClusterRound } from "../crash/cluster.ts";
import type { ByRole } from "../crash/faults.ts";
import { clusterSummary, sumOf } from "../crash/summary.ts";
import { addJudgements, endWith } from "./crash-totals.ts";
import { openRounds } from "./kept-rounds.ts";

/** Of one database; then it comes to rest, is checked, and the next one begins. */
const KILLS_A_ROUND = 25;
const STOPS_A_ROUND = 5;
const BUS_RESTARTS_A_ROUND = 2;
const STORE_RESTARTS_A_ROUND = 2;

/** Resolves with how many breaches all rounds have. */
export async function runClusterLane(options: {
  readonly kills: number;
  readonly stops: number;
  readonly seed: number;
  readonly size: ClusterSize;
  readonly state: string | undefined;
  readonly logs: string | undefined;
}): Promise<number> {
  await using store = await startPostgresCluster();
  if (store === undefined) throw new Error(`--cluster ${NO_CLUSTER}.`);
  await using bus = await startNatsServer();
  if (bus === undefined) throw new Error(`--cluster ${NO_NATS}.`);
  endWith(store, bus);
  const kept = openRounds<ClusterRound>(options.state, "cluster");
  for (;;) {
    const done = totalOf(kept.rounds);
    const left = { kills: options.kills - sumOf(done.kills), stops: options.stops - sumOf(done.stops) };
    if (left.kills <= 0 && left.stops <= 0) break;
    const round = await runClusterRound({
      servers: { store, bus },
      size: options.size,
      plan: {
        kills: Math.max(0, Math.min(KILLS_A_ROUND, left.kills)),
        stops: Math.max(0, Math.min(STOPS_A_ROUND, left.stops)),
        busRestarts: BUS_RESTARTS_A_ROUND,
        storeRestarts: STORE_RESTARTS_A_ROUND,
      },
      seed: options.seed + kept.rounds.length,
      logs: options.logs,
    });
    kept.add(round);
    const { kills, stops } = totalOf(kept.rounds);
    const so = `${sumOf(kills)} of ${options.kills} kills, ${sumOf(stops)} of ${options.stops} stops`;
    console.log(`${so}, ${round.breaches.length} breaches in this round of ${Math.round(round.seconds)} s`);
  }
  const total = totalOf(kept.rounds);
  console.log(clusterSummary(total));
  return total.breaches.length;
}

function totalOf(rounds: readonly ClusterRound[]): ClusterRound {
  const sum = (pick: (round: ClusterRound) => number): number =>
    rounds.reduce((all, round) => all + pick(round), 0);
  const byRole = (pick: (round: ClusterRound) => ByRole): ByRole =>
    Object.fromEntries(CLUSTER_ROLES.map((role) => [role, sum((round) => pick(round)[role])])) as ByRole;
  return {
    ...addJudgements(rounds),
    kills: byRole((round) => round.kills),
    stops: byRole((round) => round.stops),
    killsInStart: sum((round) => round.killsInStart),
    busRestarts: sum((round) => round.busRestarts),
    storeRestarts: sum((round) => round.storeRestarts),
    failedStarts: sum((round) => round.failedStarts),
    cancels: sum((round) => round.cancels),
    jobs: sum((round) => round.jobs),
    jobRuns: sum((round) => round.jobRuns),
    seconds: sum((round) => round.seconds),
  };
}
