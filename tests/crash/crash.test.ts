import { NO_CLUSTER, startPostgresCluster } from "@troupe/testing";
import { expect, it } from "vitest";
import { runRound } from "./driver.ts";
import { roundSummary } from "./summary.ts";

/** The long form of this is `npm run crash`. */
it("a process killed again and again under load loses nothing, answers nobody twice and repeats no effect", {
  timeout: 120_000,
}, async () => {
  const round = await runRound({ kills: 6, seed: 1, leastMessages: 60 });

  console.log(roundSummary(round));
  expect(round.breaches).toEqual([]);
  expect(round.kills).toBe(6);
  // Without load there is nothing to lose.
  expect(round.counts.acknowledged).toBe(round.counts.messages);
  expect(round.counts.messages).toBeGreaterThan(50);
  for (const count of ["replied", "delivered", "effects", "acts"] as const)
    expect(round.counts[count]).toBeGreaterThan(10);
  expect(round.unknown.length).toBe(round.counts.unknown);
});

it("the same holds on PostgreSQL when its server is crashed as well", { timeout: 180_000 }, async ({
  skip,
}) => {
  await using server = await startPostgresCluster();
  if (server === undefined) return skip(NO_CLUSTER);

  const round = await runRound({ kills: 3, seed: 2, leastMessages: 60, server, restarts: 2 });

  console.log(roundSummary(round));
  expect(round.breaches).toEqual([]);
  expect(round.counts.acknowledged).toBe(round.counts.messages);
  expect(round.counts.messages).toBeGreaterThan(50);
  for (const count of ["replied", "delivered", "effects", "acts"] as const)
    expect(round.counts[count]).toBeGreaterThan(10);
});
