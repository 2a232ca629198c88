import { createLogRecorder, createManualClock } from "@troupe/testing";
import { expect, it } from "vitest";
import { createMetrics } from "../kit/index.ts";
import { createIndexer } from "./indexer.ts";

/** An index behind which `backlog` messages wait; `calls` are the counts that were indexed at once. */
function setUp(backlog = 0) {
  const clock = createManualClock();
  const logger = createLogRecorder();
  const state = { backlog, calls: [] as number[], failures: 0 };
  const search = {
    indexNew: async (limit: number) => {
      if (state.failures > 0) {
        state.failures -= 1;
        throw new Error("busy");
      }
      const count = Math.min(limit, state.backlog);
      state.backlog -= count;
      state.calls.push(count);
      return count;
    },
  };
  const indexer = createIndexer({ search, clock, logger, metrics: createMetrics() });
  return { clock, logger, state, indexer, life: new AbortController() };
}

it("indexes at start what an earlier process left, in batches", async () => {
  const { clock, state, indexer, life } = setUp(250);

  indexer.start(life.signal);
  await clock.settle();

  expect(state.calls).toEqual([100, 100, 50]);
});

it("gathers nudges for 100 ms and does nothing at all while idle", async () => {
  const { clock, state, indexer, life } = setUp();
  indexer.start(life.signal);
  await clock.settle();
  state.calls.length = 0;

  indexer.nudge();
  indexer.nudge();
  state.backlog = 2;
  await clock.advance(99);
  const before = [...state.calls];
  await clock.advance(1);
  const after = [...state.calls];
  await clock.advance(60_000);

  expect([before, after, state.calls]).toEqual([[], [2], [2]]);
  expect(clock.timers).toBe(0);
});

it("does not wait once a whole batch is there", async () => {
  const { clock, state, indexer, life } = setUp();
  indexer.start(life.signal);
  await clock.settle();
  state.calls.length = 0;

  state.backlog = 100;
  for (let n = 0; n < 100; n++) indexer.nudge();
  await clock.settle();

  expect(state.calls).toEqual([100, 0]);
});

it("tries again after a failure, no faster however often it is nudged", async () => {
  const { clock, state, indexer, life, logger } = setUp(5);
  state.failures = 1;
  indexer.start(life.signal);
  await clock.settle();

  for (let n = 0; n < 300; n++) indexer.nudge();
  await clock.advance(4_999);
  const before = [...state.calls];
  await clock.advance(1);

  expect(before).toEqual([]);
  expect(state.calls).toEqual([5]);
  expect(logger.troubles()).toEqual(["loop.failed"]);
});

it("flushes everything when asked, and rests after the signal", async () => {
  const { clock, state, indexer, life } = setUp();
  indexer.start(life.signal);
  await clock.settle();
  state.backlog = 7;
  state.calls.length = 0;

  await indexer.flush({ signal: new AbortController().signal });
  life.abort();
  indexer.nudge(500);
  await clock.advance(1_000);

  expect(state.calls).toEqual([7]);
});
