// Kills real processes with SIGKILL under load, on all three kinds of delivery, and counts what was lost or doubled.
//   npm run crash -- --kills 300 --state FILE     what FILE says is done is not done again
//   npm run crash -- --store postgres --kills 300 the same on a PostgreSQL server of its own, which is crashed as well
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { NO_CLUSTER, startPostgresCluster } from "@troupe/testing";
import { type RoundResult, runRound } from "../crash/driver.ts";
import { roundSummary } from "../crash/summary.ts";

/** Kills of one home; then it comes to rest, is checked, and the next home begins. */
const KILLS_A_ROUND = 25;
const RESTARTS_A_ROUND = 2;

interface State {
  readonly version: 1;
  readonly rounds: RoundResult[];
}

function readState(path: string | undefined): State {
  if (path === undefined || !existsSync(path)) return { version: 1, rounds: [] };
  const state = JSON.parse(readFileSync(path, "utf8")) as State;
  if (state.version !== 1) throw new Error(`${path} was written by another version. Give another --state.`);
  return state;
}

function keepState(path: string | undefined, state: State): void {
  if (path === undefined) return;
  writeFileSync(`${path}.new`, `${JSON.stringify(state, undefined, 2)}\n`);
  renameSync(`${path}.new`, path);
}

function sumOf(rounds: readonly RoundResult[]): RoundResult {
  const sum = (pick: (round: RoundResult) => number): number =>
    rounds.reduce((all, round) => all + pick(round), 0);
  const names = [
    "messages",
    "acknowledged",
    "turns",
    "replied",
    "delivered",
    "unknown",
    "dead",
    "effects",
    "acts",
  ] as const;
  const counts = Object.fromEntries(names.map((name) => [name, sum((round) => round.counts[name])]));
  return {
    kills: sum((round) => round.kills),
    killsInStart: sum((round) => round.killsInStart),
    restarts: sum((round) => round.restarts),
    seconds: sum((round) => round.seconds),
    counts: counts as unknown as RoundResult["counts"],
    unknown: rounds.flatMap((round) => round.unknown),
    breaches: rounds.flatMap((round) => round.breaches),
  };
}

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "300" },
    seed: { type: "string", default: "1" },
    store: { type: "string", default: "sqlite" },
    state: { type: "string" },
  },
});
await using server = values.store === "postgres" ? await startPostgresCluster() : undefined;
if (values.store === "postgres" && server === undefined) throw new Error(`--store postgres ${NO_CLUSTER}.`);
// A long run is stopped and gone on with; its server must not outlive it.
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.once(name, () => {
    void Promise.resolve(server?.[Symbol.asyncDispose]()).finally(() => process.exit(130));
  });
const wanted = Number(values.kills);
const state = readState(values.state);
for (;;) {
  const done = sumOf(state.rounds).kills;
  if (done >= wanted) break;
  const kills = Math.min(KILLS_A_ROUND, wanted - done);
  const seed = Number(values.seed) + state.rounds.length;
  const onServer = server === undefined ? {} : { server, restarts: RESTARTS_A_ROUND };
  const round = await runRound({ kills, seed, ...onServer });
  state.rounds.push(round);
  keepState(values.state, state);
  console.log(`${done + kills} of ${wanted} kills, ${round.breaches.length} breaches in this round`);
}
const total = sumOf(state.rounds);
console.log(roundSummary(total));
process.exitCode = total.breaches.length === 0 ? 0 : 1;
