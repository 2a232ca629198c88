// Hundreds of made people and groups talk with agents that keep nothing to themselves; nobody reads what they do not know.
import { findPostgres, NO_POSTGRES } from "@troupe/testing";
import { afterAll, describe, expect, it } from "vitest";
import { DOORS } from "./faces.ts";
import { LEAK_MUTATIONS } from "./mutations.ts";
import { createTalking, describeLeaks, type TalkResult, type TalkSize } from "./talk.ts";
import { describedRoutes } from "./walk.ts";
import { FOREIGN, OPERATORS, OTHERWISE, READS } from "./walk-routes.ts";

/** The long form of this is `npm run leaks`. */
const SIZE: TalkSize = { people: 240, groups: 60, deeds: 600 };
const SIZE_ON_POSTGRES: TalkSize = { people: 60, groups: 20, deeds: 80 };
/** Few people in few places, so that conversations grow long and circles overlap. */
const SMALL: TalkSize = { people: 18, groups: 12, deeds: 250 };
/** A broken piece has to show within so many talks. */
const NOTICED_WITHIN = 20;

const talking = createTalking("sqlite");
afterAll(() => talking[Symbol.asyncDispose]());

function expectSilence(result: TalkResult, deeds: number): void {
  expect(result.leaks.slice(0, 3), describeLeaks(result)).toEqual([]);
  expect(result.troubles).toEqual([]);
  // Where nothing is told, nothing leaks.
  for (const [what, share] of [
    ["secrets", 0.4],
    ["seen", 1],
    ["prompts", 0.4],
    ["replies", 0.6],
  ] as const)
    expect(result.counts[what], what).toBeGreaterThan(deeds * share);
}

it("walks every route that the API describes, or says why not", async () => {
  const tables = [READS, FOREIGN, OPERATORS, OTHERWISE].flatMap((table) => Object.keys(table));

  expect(tables.toSorted()).toEqual((await describedRoutes()).toSorted());
});

describe("an agent that says all it knows", () => {
  it("says nothing to anybody who does not know it", { timeout: 600_000 }, async () => {
    const result = await talking.run(1, SIZE);

    expectSilence(result, SIZE.deeds);
    // All ways that a secret may take were taken.
    for (const what of [
      ...["joined", "left", "branches", "files", "restarts", "links made", "undone links"],
      ...["documents", "files by hand", "nights", "embedded", "prompts of jobs"],
      ...["reminders in groups", "lists of jobs"],
      ...["pages read over HTTP", "asked of others' over HTTP", "frames of sockets", "tasks asked for"],
      ...DOORS.map((door) => `said by ${door}`),
      ...["whys", "memory lists", "recalls", "storylines", "merges", "splits", "sessions"],
    ])
      expect(result.counts[what], what).toBeGreaterThan(0);
  });

  it("nor where few people talk for long in circles that change", { timeout: 600_000 }, async () => {
    expectSilence(await talking.run(2, SMALL), SMALL.deeds);
  });

  it("gives the same talk for the same seed", { timeout: 600_000 }, async () => {
    const first = await talking.run(5, { ...SMALL, deeds: 60 });

    expect(await talking.run(5, { ...SMALL, deeds: 60 })).toEqual(first);
  });
});

describe("the looks notice", () => {
  it.each(LEAK_MUTATIONS)("$name", { timeout: 600_000 }, async (mutation) => {
    let leaks = 0;

    for (let seed = 1; leaks === 0 && seed <= NOTICED_WITHIN; seed++)
      leaks = (await talking.run(seed, SMALL, mutation)).leaks.length;

    expect(leaks).toBeGreaterThan(0);
  });
});

it("holds on PostgreSQL too", { timeout: 600_000 }, async ({ skip }) => {
  if ((await findPostgres()) === undefined) return skip(NO_POSTGRES);
  await using onPostgres = createTalking("postgres");

  const result = await onPostgres.run(1, SIZE_ON_POSTGRES);

  expect(result.leaks, describeLeaks(result)).toEqual([]);
  expect(result.troubles).toEqual([]);
  expect(result.counts.seen).toBeGreaterThan(SIZE_ON_POSTGRES.deeds);
});
