import type { Judgement } from "../crash/judge.ts";
import type { Counts } from "../sim/check.ts";

export function addJudgements(rounds: readonly Judgement[]): Judgement {
  const counts: Counts = {
    ...{ messages: 0, acknowledged: 0, turns: 0, replied: 0, delivered: 0 },
    ...{ unknown: 0, dead: 0, effects: 0, acts: 0 },
  };
  for (const round of rounds)
    for (const name of Object.keys(counts) as (keyof Counts)[]) counts[name] += round.counts[name];
  return {
    counts,
    unknown: rounds.flatMap((round) => round.unknown),
    breaches: rounds.flatMap((round) => round.breaches),
  };
}

/** A long run is stopped and gone on with; its servers must not outlive it. */
export function endWith(...servers: readonly (AsyncDisposable | undefined)[]): void {
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.once(name, () => {
      const ends = servers.map((server) => server?.[Symbol.asyncDispose]());
      void Promise.allSettled(ends).finally(() => process.exit(130));
    });
}
