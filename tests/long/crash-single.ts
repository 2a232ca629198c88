// One process that does everything, on SQLite or on a PostgreSQL server of its own.
import { NO_CLUSTER, startPostgresCluster } from "@troupe/testing";
import { type RoundResult, runRound } from "../crash/driver.ts";
import { roundSummary } from "../crash/summary.ts";
import { addJudgements, endWith } from "./crash-totals.ts";
import { openRounds } from "./kept-rounds.ts";

/** Kills of one home; then it comes to rest, is checked, and the next home begins. */
const KILLS_A_ROUND = 25;
const RESTARTS_A_ROUND = 2;

/** Resolves with how many breaches all rounds have. */
export async function runSingleLane(options: {
  readonly kills: number;
  readonly seed: number;
  readonly store: string;
  readonly state: string | undefined;
}): Promise<number> {
  const isPostgres = options.store === "postgres";
  await using server = isPostgres ? await startPostgresCluster() : undefined;
  if (isPostgres && server === undefined) throw new Error(`--store postgres ${NO_CLUSTER}.`);
  endWith(server);
  const kept = openRounds<RoundResult>(options.state, "single");
  for (;;) {
    const done = totalOf(kept.rounds).kills;
    if (done >= options.kills) break;
    const kills = Math.min(KILLS_A_ROUND, options.kills - done);
    const onServer = server === undefined ? {} : { server, restarts: RESTARTS_A_ROUND };
    const round = await runRound({ kills, seed: options.seed + kept.rounds.length, ...onServer });
    kept.add(round);
    console.log(`${done + kills} of ${options.kills} kills, ${round.breaches.length} breaches in this round`);
  }
  const total = totalOf(kept.rounds);
  console.log(roundSummary(total));
  return total.breaches.length;
}

function totalOf(rounds: readonly RoundResult[]): RoundResult {
  const sum = (pick: (round: RoundResult) => number): number =>
    rounds.reduce((all, round) => all + pick(round), 0);
  return {
    ...addJudgements(rounds),
    kills: sum((round) => round.kills),
    killsInStart: sum((round) => round.killsInStart),
    restarts: sum((round) => round.restarts),
    seconds: sum((round) => round.seconds),
  };
}
