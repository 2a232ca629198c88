import { findPostgres, NO_POSTGRES } from "@troupe/testing";
import { afterAll, describe, expect, it } from "vitest";
import { describeFailure, describeSchedule } from "../report.ts";
import { BEHIND_MUTATIONS } from "./mutations.ts";
import { createBehindSimulator } from "./schedule.ts";

/** The long form of this is `npm run sim -- --behind`. */
const SCHEDULES = 80;
/** Each takes a real server some seconds. */
const SCHEDULES_ON_POSTGRES = 3;
/** A broken piece has to show within so many schedules. */
const NOTICED_WITHIN = 300;
/** Schedules that found a defect; each line says which. */
const LEARNED_FROM: readonly number[] = [
  // Answers were told in a turn of their own although the asking turn had just taken them.
  10,
  // A job was cancelled while a process that then died started its run, which stayed open.
  77,
  // A turn was accepted after its chain was stopped, by a process that had slept, and replied.
  112,
  // A job was resumed while the run from before its pause still started, and ran twice at once.
  168,
  // A job was made in the moment in which what it waits for was cancelled, and stayed blocked.
  1375,
  // A worker came back late from a message's first try and took it away from the second.
  1588,
  // The store refused ten times in a row, and what a turn left to do was given up.
  343,
  // Clocks of processes went minutes ahead of the database's, and each step of a chain waited for as long.
  2358,
  // A process slept while its job was cancelled, and then began the run of which that was told.
  4313,
  // A process behind the database's clock found each time of a job missed, and the one after it.
  5459,
  // The database's clock leapt past all leases, and living processes took work from each other until its attempts were used up.
  9234,
  // Whoever cancelled a job that its own runs moved on was told to look again, and it ran for ever.
  43737,
  // A turn was stopped while the store could not take its end, and was answered once it could.
  59745,
  // An attempt whose claim was lost was not counted.
  71870,
  // A process that had slept looked at a flow which had begun others since; its step was refused, and the check was wrong.
  97076,
];

const simulator = await createBehindSimulator();
afterAll(() => simulator[Symbol.asyncDispose]());

describe("over many schedules of jobs, flows, effects and agents that talk", () => {
  it("each thing happens once, in its order and by its policy, and nothing is left claimed", {
    timeout: 300_000,
  }, async () => {
    const failures: string[] = [];
    const seen = { strikes: 0, runs: 0, steps: 0, events: 0, effects: 0, dead: 0, asks: 0, stops: 0 };

    for (const seed of [...LEARNED_FROM, ...Array.from({ length: SCHEDULES }, (_, at) => 10_000 + at)]) {
      const { strikes, counts, ...result } = await simulator.run(seed);
      if (result.breaches.length > 0) failures.push(describeFailure({ strikes, counts, ...result }));
      seen.strikes += strikes;
      for (const name of ["runs", "steps", "events", "effects", "dead", "asks", "stops"] as const)
        seen[name] += counts[name];
    }

    expect(failures.slice(0, 3).join("\n")).toBe("");
    // Schedules in which nothing happens would keep every rule.
    for (const name of ["strikes", "runs", "steps", "effects", "asks"] as const)
      expect(seen[name], name).toBeGreaterThan(SCHEDULES / 2);
    for (const name of ["events", "dead", "stops"] as const)
      expect(seen[name], name).toBeGreaterThan(SCHEDULES / 20);
  });
});

describe("the checks notice", () => {
  it.each(BEHIND_MUTATIONS)("$name", { timeout: 180_000 }, async (mutation) => {
    const broken = new Set<string>();

    for (let seed = 1; seed <= NOTICED_WITHIN && !mutation.breaks.some((rule) => broken.has(rule)); seed++)
      for (const { rule } of (await simulator.run(seed, { mutation })).breaches) broken.add(rule);

    expect(mutation.breaks.filter((rule) => broken.has(rule))).not.toEqual([]);
  });
});

describe("a seed", () => {
  it("gives the same schedule again, event for event", async () => {
    for (const seed of [3, 57, 155]) {
      const first = await simulator.run(seed, { keepLog: true });
      await simulator.run(seed + 1);
      const again = await simulator.run(seed, { keepLog: true });

      expect(again.lines).toEqual(first.lines);
      expect([again.logHash, again.steps, again.counts]).toEqual([first.logHash, first.steps, first.counts]);
    }
  });

  it("is told with what was planned, what happened and how to replay it", async () => {
    const mutation = BEHIND_MUTATIONS.find(
      ({ name }) => name === "a job whose run is settled without ending",
    );
    if (mutation === undefined) throw new Error("There is no such mutation.");
    let told = "";
    for (let seed = 1; told === "" && seed <= NOTICED_WITHIN; seed++) {
      const result = await simulator.run(seed, { keepLog: true, mutation });
      if (result.breaches.length > 0) told = describeSchedule(result);
    }

    expect(told).toContain("npm run sim -- --behind --seed ");
    expect(told).toContain("everything comes to rest: ");
    expect(told).toMatch(/ {2}job \{/);
  });
});

const postgres = await findPostgres();

it("holds on PostgreSQL too", { timeout: 300_000 }, async ({ skip }) => {
  if (postgres === undefined) return skip(NO_POSTGRES);
  await using onPostgres = await createBehindSimulator("postgres");
  for (let seed = 1; seed <= SCHEDULES_ON_POSTGRES; seed++) {
    const result = await onPostgres.run(seed);

    expect(result.breaches, describeFailure(result)).toEqual([]);
    // The same schedule on the other database: what differs is a difference of the databases.
    expect(result.logHash).toBe((await simulator.run(seed)).logHash);
  }
});
