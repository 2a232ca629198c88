import { afterEach, beforeEach, expect, test } from "vitest";
import { bytesOf, prefixShare } from "./prompt-stage.ts";
import { LEASE_MS, NEVER, openStage, promptOf, recordOf, type Stage } from "./stage.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const ZONES: Readonly<Record<string, string>> = { p1: "Europe/Kyiv", p2: "America/New_York" };
const zoneOf = (peerId: string): string => ZONES[peerId] ?? "UTC";

// The clock of the stage begins on 20 November 2026 at 12:00 UTC.
let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const timesIn = (request: number): readonly string[] =>
  promptOf(stage, request).flatMap((line) => /It is .*/.exec(line) ?? []);

test("a prompt says weekday, date, time and zone just before the newest message, and each five minutes once", async () => {
  const one = await stage.process("one", { zoneOf });
  await stage.clock.advance(7 * MINUTE_MS);

  const { turnId } = await one.say("hello");
  await stage.clock.advance(2 * MINUTE_MS);
  await one.say("and now?");
  await stage.clock.advance(2 * MINUTE_MS);
  await one.say("and now?");

  const told = "It is Friday, 20 November 2026, about 14:05 (Europe/Kyiv).";
  expect(promptOf(stage, 0).slice(-2)).toEqual([`system: ${told}`, "user: hello"]);
  expect(timesIn(1)).toEqual([told]);
  expect(timesIn(2)).toEqual([told, told.replace("14:05", "14:10")]);
  expect(promptOf(stage, 2).at(-1)).toBe("user: and now?");
  const { turn } = await recordOf(stage, turnId);
  const blocks = turn.trace.find(({ what }) => what === "prompt")?.blocks ?? [];
  expect(blocks.find(({ block }) => block === "time")).toMatchObject({
    why: "what time it is in Europe/Kyiv",
  });
});

test("it stays where it stood: a prompt begins with all of the one before", async () => {
  const one = await stage.process("one", { zoneOf });
  for (let n = 0; n < 12; n++) {
    await one.say(`This is number ${n}.`);
    await stage.clock.advance(n * 11 * MINUTE_MS);
  }

  const prompts = stage.model.requests.map(bytesOf);

  expect(prompts.slice(1).map((next, at) => prefixShare(prompts[at] ?? "", next))).toEqual(
    prompts.slice(1).map(() => 100),
  );
});

test("each is told the time of their own zone", async () => {
  const one = await stage.process("one", { zoneOf });

  await one.say("hello", { sessionKey: "a", peerId: "p2", audience: ["p2"] });
  await one.say("hello", { sessionKey: "b", peerId: "p3", audience: ["p3"] });

  expect(timesIn(0)).toEqual(["It is Friday, 20 November 2026, about 07:00 (America/New_York)."]);
  expect(timesIn(1)).toEqual(["It is Friday, 20 November 2026, about 12:00 (UTC)."]);
});

test("after a long pause it says how long ago the last message came, also in a process that has just begun", async () => {
  const one = await stage.process("one", { zoneOf });
  await one.say("hello");
  await stage.clock.advance(50 * MINUTE_MS);
  await one.say("a pause of less than an hour");
  await stage.clock.advance(HOUR_MS);
  await one.say("an hour");
  const two = await stage.process("two", { zoneOf });
  await stage.clock.advance(3 * DAY_MS);
  await two.say("three days");
  await stage.clock.advance(100 * DAY_MS);
  await two.say("months");

  const pauses = stage.model.requests.map((_request, at) => timesIn(at).at(-1)?.split(" The last ")[1]);
  expect(pauses).toEqual([
    undefined,
    undefined,
    "message before this one came 1 hour ago.",
    "message before this one came 3 days ago.",
    "message before this one came 3 months ago.",
  ]);
});

test("the attempt that takes over says the time at which the turn was asked", async () => {
  const dead = await stage.process("dead", { zoneOf });
  stage.model.enqueue({ hang: true });
  await stage.clock.advance(5 * MINUTE_MS - 10_000);
  await dead.say("hello");
  await stage.clock.advance(20_000);
  await stage.stores.unit.commit([stage.stores.leases.end("dead")], { signal: NEVER });
  const two = await stage.process("two", { zoneOf });
  two.supervisor.start();
  await stage.clock.advance(10);

  expect(stage.model.requests).toHaveLength(2);
  expect(timesIn(1)).toEqual(timesIn(0));
  await stage.clock.advance(LEASE_MS);
});

test("a call that brings its own conversation is told nothing", async () => {
  const one = await stage.process("one", { zoneOf });

  await one.say("hello", { sessionKey: undefined, given: [{ role: "user", text: "hi" }] });

  expect(promptOf(stage, 0).join("\n")).not.toContain("It is");
});
