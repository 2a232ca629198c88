import { createManualClock } from "@troupe/testing";
import { expect, test } from "vitest";
import { createRateLimit } from "./rate-limit.ts";

test("a fresh key may send a minute's worth at once, then waits for its turn", () => {
  const clock = createManualClock();
  const limit = createRateLimit({ clock, perMinute: () => 6 });

  const waits = Array.from({ length: 6 }, () => limit.take("ana"));

  expect(waits).toEqual([0, 0, 0, 0, 0, 0]);
  expect(limit.take("ana")).toBe(10_000);
  expect(limit.take("kate")).toBe(0);
});

test("after the wait that it told, a key may send once", async () => {
  const clock = createManualClock();
  const limit = createRateLimit({ clock, perMinute: () => 6 });
  for (let i = 0; i < 6; i++) limit.take("ana");

  const waitMs = limit.take("ana");
  await clock.advance(waitMs);

  expect(limit.take("ana")).toBe(0);
  expect(limit.take("ana")).toBeGreaterThan(0);
});

test("many keys at once stay within the bound", () => {
  const limit = createRateLimit({ clock: createManualClock(), perMinute: () => 1, maxKeys: 10 });

  const waits = Array.from({ length: 100 }, (_, i) => limit.take(`key-${i}`));

  expect(waits.every((waitMs) => waitMs === 0)).toBe(true);
});

test("a rate of zero or less limits nothing", () => {
  const limit = createRateLimit({ clock: createManualClock(), perMinute: () => 0 });

  expect(Array.from({ length: 1000 }, () => limit.take("ana")).every((waitMs) => waitMs === 0)).toBe(true);
});

test("a token that is given back can be taken again, and a full bucket takes none", () => {
  const limit = createRateLimit({ clock: createManualClock(), perMinute: () => 2 });
  limit.take("ana");
  limit.take("ana");
  expect(limit.take("ana")).toBeGreaterThan(0);

  limit.giveBack("ana");
  expect(limit.take("ana")).toBe(0);

  for (let i = 0; i < 5; i++) limit.giveBack("kate");
  expect([limit.take("kate"), limit.take("kate")]).toEqual([0, 0]);
  expect(limit.take("kate")).toBeGreaterThan(0);
});
