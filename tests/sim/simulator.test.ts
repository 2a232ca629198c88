import { findPostgres, NO_POSTGRES } from "@troupe/testing";
import { afterAll, describe, expect, it } from "vitest";
import { MUTATIONS } from "./mutations.ts";
import { describeFailure, describeSchedule } from "./report.ts";
import { createSimulator } from "./schedule.ts";

/** The long form of this is `npm run sim`. */
const SCHEDULES = 1_000;
/** Each takes a real server some seconds. */
const SCHEDULES_ON_POSTGRES = 20;
/** A broken piece has to show within so many schedules. */
const NOTICED_WITHIN = 250;
/** Schedules that notice when a defect that the simulator found is put back; each line says which. */
const LEARNED_FROM = [
  // A message joined the burst that a direct call had opened, which answers nothing but itself.
  26,
  // A message joined while the store refused the finishing commit, and was never answered.
  39,
  // A message joined a running direct call.
  40,
  // A repeat of a kept message was refused for the budget.
  66,
  // A takeover forgot the cost of model calls that its journal told of.
  144,
  // A replayed answer ended its turn although a message had joined after it.
  213,
  // A direct call steered a running turn, and its tool never ran.
  275,
  // A send that the platform had turned away for now counted as begun.
  2270,
  // A turn that was stopped after a tool's result left no trace for the next one to see.
  2291,
  // The answer to an older claim came last and threw out the newer run of the same turn.
  3059,
  // A takeover missed a step of the model and made an external call again at another place.
  5691,
  // Messages that had joined in the one order were remembered in the other.
  12481,
  // A process that started at once looked too early for what the killed one had sent, and sent it again.
  84998,
  // A model that broke off began the attempt that the next claim was given, and two events had one name.
  513059,
];

const simulator = await createSimulator();
afterAll(() => simulator[Symbol.asyncDispose]());

describe("over many schedules of crashes, stops, delays, repeats and refusals", () => {
  it("nothing is lost, nothing is doubled, order is kept, and every message has one end", {
    timeout: 120_000,
  }, async () => {
    const failures: string[] = [];
    const seen = { strikes: 0, replied: 0, delivered: 0, unknown: 0, effects: 0, acts: 0 };

    for (const seed of [...LEARNED_FROM, ...Array.from({ length: SCHEDULES }, (_, at) => 10_000 + at)]) {
      const result = await simulator.run(seed);
      if (result.breaches.length > 0) failures.push(describeFailure(result));
      seen.strikes += result.strikes;
      for (const name of ["replied", "delivered", "unknown", "effects", "acts"] as const)
        seen[name] += result.counts[name];
    }

    expect(failures.slice(0, 3).join("\n")).toBe("");
    // Schedules in which nothing happens would keep every rule.
    expect(seen.strikes).toBeGreaterThan(SCHEDULES);
    expect(seen.replied).toBeGreaterThan(SCHEDULES);
    for (const name of ["delivered", "unknown", "effects", "acts"] as const)
      expect(seen[name]).toBeGreaterThan(100);
  });
});

describe("the checks notice", () => {
  it.each(MUTATIONS)("$name", { timeout: 60_000 }, async (mutation) => {
    const broken = new Set<string>();

    for (let seed = 1; seed <= NOTICED_WITHIN && !mutation.breaks.some((rule) => broken.has(rule)); seed++)
      for (const { rule } of (await simulator.run(seed, { mutation })).breaches) broken.add(rule);

    expect([...broken]).toEqual(expect.arrayContaining([...mutation.breaks]));
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

  it("gives another schedule than the next one", async () => {
    const hashes = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) hashes.add((await simulator.run(seed)).logHash);

    expect(hashes.size).toBe(20);
  });

  it("that fails is told with its rule, its events and how to replay it", async () => {
    const mutation = MUTATIONS.find((one) => one.name === "a turn that does not end its rows");
    if (mutation === undefined) throw new Error("There is no such mutation.");
    const result = await simulator.run(1, { keepLog: true, mutation });

    const text = describeSchedule(result);

    expect(text).toContain("npm run sim -- --seed 1");
    expect(text).toContain("each message has an end: ");
    expect(text).toMatch(/client +accepted m\d+/);
  });
});

const postgres = await findPostgres();

it("holds on PostgreSQL too", { timeout: 120_000 }, async ({ skip }) => {
  if (postgres === undefined) return skip(NO_POSTGRES);
  await using onPostgres = await createSimulator("postgres");
  for (let seed = 1; seed <= SCHEDULES_ON_POSTGRES; seed++) {
    const result = await onPostgres.run(seed);

    expect(result.breaches, describeFailure(result)).toEqual([]);
    // The same schedule on the other database: what differs is a difference of the databases.
    expect(result.logHash).toBe((await simulator.run(seed)).logHash);
  }
});
