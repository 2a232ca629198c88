import { expect, it } from "vitest";
import { createManualClock } from "./manual-clock.ts";

it("runs timers in order of their time, those that timers start included, and no later ones", async () => {
  const clock = createManualClock(1_000);
  const ran: string[] = [];
  clock.schedule(30, () => ran.push(`thirty at ${clock.now()}`));
  clock.schedule(10, () => {
    ran.push(`ten at ${clock.now()}`);
    clock.schedule(5, () => ran.push(`fifteen at ${clock.now()}`));
  });
  clock.schedule(31, () => ran.push("too late"));

  await clock.advance(30);

  expect(ran).toEqual(["ten at 1010", "fifteen at 1015", "thirty at 1030"]);
  expect([clock.now(), clock.monotonicMs(), clock.timers]).toEqual([1_030, 30, 1]);
});

it("forgets a timer that is disposed of", async () => {
  const clock = createManualClock();
  let ran = false;
  const timer = clock.schedule(10, () => {
    ran = true;
  });

  timer[Symbol.dispose]();
  await clock.advance(20);

  expect(ran).toBe(false);
});

it("moves the wall clock without moving what is scheduled", async () => {
  const clock = createManualClock(0);
  let ran = false;
  clock.schedule(10, () => {
    ran = true;
  });

  clock.shiftWallClock(60_000);
  await clock.settle();

  expect([ran, clock.now(), clock.monotonicMs()]).toEqual([false, 60_000, 0]);
});

it("runs late what became due while it slept", async () => {
  const clock = createManualClock(0);
  let ranAtMs: number | undefined;
  clock.schedule(10, () => {
    ranAtMs = clock.monotonicMs();
  });

  clock.sleep(1_000);
  const early = ranAtMs;
  await clock.advance(0);

  expect([early, ranAtMs]).toEqual([undefined, 1_000]);
});
