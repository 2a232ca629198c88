import { createManualClock } from "@troupe/testing";
import { expect, test } from "vitest";
import { spareMemory } from "./spare-memory.ts";

test("what the start needed is given back once, as soon as nobody waits", async () => {
  const clock = createManualClock();
  let isBusy = true;
  let collected = 0;
  const collect = () => {
    collected += 1;
  };
  using _ = spareMemory({ clock, isBusy: () => isBusy }, collect);

  await clock.advance(20_000);
  const whileBusy = collected;
  isBusy = false;
  await clock.advance(60_000);

  expect([whileBusy, collected, clock.timers]).toEqual([0, 1, 0]);
});

test("a stop cancels it, and without a collector no timer is set", async () => {
  const clock = createManualClock();
  let collected = 0;
  const collect = () => {
    collected += 1;
  };
  spareMemory({ clock, isBusy: () => false }, collect)[Symbol.dispose]();
  using _ = spareMemory({ clock, isBusy: () => false }, undefined);

  await clock.advance(60_000);

  expect([collected, clock.timers]).toEqual([0, 0]);
});
