import { NO_CLUSTER, NO_NATS, startNatsServer, startPostgresCluster } from "@troupe/testing";
import { expect, it } from "vitest";
import { runClusterRound } from "./cluster.ts";
import { clusterSummary, sumOf } from "./summary.ts";

/** The long form of this is `npm run crash -- --cluster`. */
it("several processes, killed and stopped past their lease while both servers restart, lose and double nothing", {
  timeout: 240_000,
}, async ({ skip }) => {
  await using store = await startPostgresCluster();
  if (store === undefined) return skip(NO_CLUSTER);
  await using bus = await startNatsServer();
  if (bus === undefined) return skip(NO_NATS);

  const round = await runClusterRound({
    servers: { store, bus },
    size: { gateway: 2, agent: 2, worker: 1 },
    plan: { kills: 6, stops: 2, busRestarts: 1, storeRestarts: 1 },
    seed: 1,
    leastMessages: 100,
  });

  console.log(clusterSummary(round));
  expect(round.breaches).toEqual([]);
  expect(sumOf(round.kills)).toBe(6);
  expect(sumOf(round.stops)).toBe(2);
  expect([round.busRestarts, round.storeRestarts]).toEqual([1, 1]);
  // Without load there is nothing to lose.
  expect(round.counts.acknowledged).toBe(round.counts.messages);
  expect(round.counts.messages).toBeGreaterThanOrEqual(100);
  for (const count of ["replied", "delivered", "effects", "acts"] as const)
    expect(round.counts[count]).toBeGreaterThan(10);
  expect(round.jobs).toBeGreaterThan(5);
  expect(round.jobRuns).toBe(round.jobs);
  expect(round.unknown.length).toBe(round.counts.unknown);
});
