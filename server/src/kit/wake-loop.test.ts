import { createLogRecorder, createManualClock } from "@troupe/testing";
import { expect, it } from "vitest";
import { createWakeLoop, within } from "./wake-loop.ts";

function setUp(round: (signal: AbortSignal) => Promise<number | undefined>) {
  const clock = createManualClock();
  const logger = createLogRecorder();
  let rounds = 0;
  const loop = createWakeLoop({
    name: "test",
    clock,
    logger,
    retryMs: 1_000,
    round: (signal) => {
      rounds += 1;
      return round(signal);
    },
  });
  return { clock, logger, loop, life: new AbortController(), rounds: () => rounds };
}

it("runs at start, then when its time comes, then only when woken", async () => {
  const waits = [50, undefined];
  const { clock, loop, life, rounds } = setUp(async () => waits.shift());

  loop.start(life.signal);
  await clock.settle();
  const atStart = rounds();
  await clock.advance(50);
  const afterTime = rounds();
  await clock.advance(60_000);
  const idle = rounds();
  loop.wake();
  await clock.settle();

  expect([atStart, afterTime, idle, rounds(), clock.timers]).toEqual([1, 2, 2, 3, 0]);
});

it("never runs two rounds at once, and runs one more for all wakes during a round", async () => {
  let open = (): void => {};
  const { clock, loop, life, rounds } = setUp(
    () => new Promise((resolve) => (open = () => resolve(undefined))),
  );
  loop.start(life.signal);

  for (let n = 0; n < 10; n++) loop.wake();
  await clock.settle();
  const during = rounds();
  open();
  await clock.settle();
  open();
  await clock.settle();

  expect([during, rounds()]).toEqual([1, 2]);
});

it("keeps the earlier of two times", async () => {
  const { clock, loop, life, rounds } = setUp(async () => undefined);
  loop.start(life.signal);
  await clock.settle();

  loop.wakeIn(100);
  loop.wakeIn(500);
  loop.wakeIn(20);
  await clock.advance(20);
  const early = rounds();
  await clock.advance(1_000);

  expect([early, rounds()]).toEqual([2, 2]);
});

it("logs a failing round and waits before the next, whoever wakes it", async () => {
  let fails = true;
  const { clock, loop, life, rounds, logger } = setUp(async () => {
    if (fails) throw new Error("broken");
    return undefined;
  });
  loop.start(life.signal);
  await clock.settle();

  loop.wake();
  loop.wakeIn(5);
  await clock.advance(999);
  const before = rounds();
  fails = false;
  await clock.advance(1);
  loop.wake();
  await clock.settle();

  expect([before, rounds()]).toEqual([1, 3]);
  expect(logger.troubles()).toEqual(["loop.failed"]);
});

it("does nothing before its start and after its stop, and waits for a round within bounds", async () => {
  const { clock, loop, life, rounds } = setUp(() => new Promise(() => {}));
  loop.wake();
  loop.start(life.signal);
  await clock.settle();

  let isStopped = false;
  const stopping = loop.stop(300).then(() => (isStopped = true));
  await clock.advance(299);
  const early = isStopped;
  await clock.advance(1);
  await stopping;
  loop.wake();
  loop.wakeIn(1);
  await clock.advance(10);

  expect([early, rounds(), clock.timers]).toEqual([false, 1, 0]);
});

it("tells whether a promise settled in time, also when it failed", async () => {
  const clock = createManualClock();
  const never = within(clock, new Promise(() => {}), 10);
  const failed = within(clock, Promise.reject(new Error("no")), 10);
  await clock.advance(10);

  expect([await never, await failed, clock.timers]).toEqual([false, true, 0]);
});
