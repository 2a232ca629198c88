import { expect, it } from "vitest";
import { runRound } from "./driver.ts";
import { roundSummary } from "./summary.ts";

/** The long form of this is `npm run crash`. */
it("a process killed again and again under load loses nothing, answers nobody twice and repeats no effect", {
  timeout: 120_000,
}, async () => {
  const round = await runRound({ kills: 6, seed: 1 });

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
