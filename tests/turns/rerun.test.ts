import type { Write } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endOf, LEASE_MS, NEVER, openStage, recordOf, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

/** After so long a process tries a turn again whose attempt broke off. */
const RERUN_MS = 5_000;

const isFinish = (writes: readonly Write<unknown>[]): boolean => writes.length > 4;

/** A process in which the first `times` finishing commits meet a defect of ours. */
function breaksOff(times: number) {
  let left = times;
  return {
    beforeCommit: async (writes: readonly Write<unknown>[]) => {
      if (isFinish(writes) && left-- > 0) throw new TypeError("A defect.");
    },
  };
}

test("a turn whose attempt broke off is tried again a little later", async () => {
  const one = await stage.process("one", breaksOff(1));

  const { turnId } = await one.say("hello");
  expect((await recordOf(stage, turnId)).turn.state).toBe("running");
  await stage.clock.advance(RERUN_MS);

  const { turn } = await recordOf(stage, turnId);
  expect(turn).toMatchObject({ state: "replied", attempt: 2, epoch: 2, owner: "one" });
  expect(turn.trace.map(({ what }) => what)).toContain("again");
});

test("a turn that the store was away for as it began is begun again, and nobody is told of a failure", async () => {
  await (await stage.process("one")).say("hello");
  let refusals = 1;
  const two = await stage.process("two", {
    sessions: (own) => ({
      ...own,
      history: (query, call) =>
        refusals-- > 0
          ? Promise.reject(new TroupeError("The database is away.", { code: "store.busy", retryable: true }))
          : own.history(query, call),
    }),
  });

  const { turnId } = await two.say("hello again");
  const waiting = (await recordOf(stage, turnId)).turn.state;
  await stage.clock.advance(RERUN_MS);

  expect(waiting).toBe("running");
  expect((await recordOf(stage, turnId)).turn).toMatchObject({ state: "replied", attempt: 2 });
  expect(stage.model.requests).toHaveLength(2);
});

test("a turn that was cancelled while it waited to be tried again is not asked of a model", async () => {
  const one = await stage.process("one", breaksOff(1));
  const { turnId } = await one.say("hello");

  const result = await one.supervisor.control.cancel(turnId, { reason: "enough" }, { signal: NEVER });
  await stage.clock.advance(RERUN_MS);

  expect(result.kind).toBe("requested");
  expect((await recordOf(stage, turnId)).turn.state).toBe("cancelled");
  expect(stage.model.requests).toHaveLength(1);
});

test("a turn that ended elsewhere while it waited to be tried again is left alone", async () => {
  const one = await stage.process("one", breaksOff(1));
  const { turnId } = await one.say("hello");
  await stage.stores.unit.commit([stage.stores.leases.end("one")], { signal: NEVER });
  const two = await stage.process("two");
  two.supervisor.start();
  await stage.clock.advance(10);
  expect((await recordOf(stage, turnId)).turn).toMatchObject({ state: "replied", owner: "two" });

  await stage.clock.advance(RERUN_MS);

  expect(stage.model.requests).toHaveLength(2);
  const next = await one.say("are you still there?");
  expect(endOf(one.events, next.turnId)?.state).toBe("replied");
});

test("a turn that breaks off each time is given up and told", async () => {
  const one = await stage.process("one", { ...breaksOff(2), settings: { maxAttempts: 2 } });

  const { turnId } = await one.say("hello");
  await stage.clock.advance(3 * RERUN_MS);

  expect((await recordOf(stage, turnId)).turn).toMatchObject({
    state: "dead",
    error: { code: "turn.attempts_exhausted" },
  });
  expect(endOf(one.events, turnId)?.state).toBe("dead");
});

test("while the store takes nothing, a turn that broke off waits and is not lost", async () => {
  let isDown = false;
  const off = breaksOff(1);
  const one = await stage.process("one", {
    beforeCommit: async (writes) => {
      await off.beforeCommit(writes);
      if (isDown) throw new TroupeError("The disk is full.", { code: "store.full" });
    },
  });
  const { turnId } = await one.say("hello");
  isDown = true;
  await stage.clock.advance(4 * RERUN_MS);

  isDown = false;
  await stage.clock.advance(RERUN_MS);

  expect((await recordOf(stage, turnId)).turn.state).toBe("replied");
});

test("stopping does not wait for a turn that is to be tried again, and leaves it to the next start", async () => {
  const one = await stage.process("one", breaksOff(1));
  const { turnId } = await one.say("hello");

  await one.supervisor.drain({ graceMs: 1_000 });
  await stage.clock.advance(2 * RERUN_MS);

  expect(stage.model.requests).toHaveLength(1);
  expect(stage.clock.timers).toBe(0);
  expect((await recordOf(stage, turnId)).turn.state).toBe("running");
});

test("no two events of a turn carry the same attempt and number, whatever broke off", async () => {
  const one = await stage.process("one", breaksOff(1));
  const cut = new TroupeError("cut", { code: "model.bad_response", retryable: true });
  stage.model.enqueue(
    { tokens: ["Half an "], error: cut },
    { text: "A whole answer." },
    { text: "Once more." },
  );

  const { turnId } = await one.say("hello");
  await stage.clock.advance(RERUN_MS);

  const names = one.events.map(({ attempt, n }) => `${attempt}.${n}`);
  expect(endOf(one.events, turnId)?.text).toBe("Once more.");
  expect(one.events.filter(({ type }) => type === "attempt-start")).toHaveLength(3);
  expect(new Set(names).size).toBe(names.length);
});

test("what fails after the finishing commit does not run the turn again", async () => {
  const one = await stage.process("one", {
    onKept: () => {
      throw new Error("The index is broken.");
    },
  });

  const { turnId } = await one.say("hello");
  await stage.clock.advance(2 * RERUN_MS);

  expect(stage.model.requests).toHaveLength(1);
  expect((await recordOf(stage, turnId)).turn).toMatchObject({ state: "replied", attempt: 1 });
  expect(one.supervisor.stats().running).toBe(0);
  expect(one.log.troubles()).toEqual(["turn.dispatch_failed"]);
});

test("a cancel whose doorbell was lost is found by the next sweep, without a takeover", async () => {
  const one = await stage.process("one");
  const two = await stage.process("two");
  one.supervisor.start();
  stage.model.enqueue({ tokens: ["Once upon"], hang: true });
  const { turnId } = await one.say("tell me a story");

  // Each process of the stage has a bus of its own, so the doorbell of the one never reaches the other.
  const result = await two.supervisor.control.cancel(turnId, { reason: "enough" }, { signal: NEVER });
  await stage.clock.advance(5_000);

  expect(result.kind).toBe("requested");
  expect((await recordOf(stage, turnId)).turn).toMatchObject({
    state: "cancelled",
    attempt: 1,
    owner: "one",
  });
  expect(endOf(one.events, turnId)).toMatchObject({ state: "cancelled", text: "Once upon" });
});

test("a sweep that finds nothing due commits nothing", async () => {
  let commits = 0;
  const one = await stage.process("one", {
    beforeCommit: async () => {
      commits += 1;
    },
  });
  one.supervisor.start();
  await one.say("hello");
  const before = commits;

  await stage.clock.advance(60_000);

  expect(commits).toBe(before);
});

test("a start takes no more turns of a lane than the lane has room for, and goes on when there is room", async () => {
  const gone = await stage.process("gone", {
    settings: { concurrency: { realtime: 9, background: 0, heavy: 0 } },
  });
  for (let i = 0; i < 5; i++) await gone.send("hello", { sessionKey: `s${i}`, lane: "background" });
  await gone.supervisor.drain({ graceMs: 0 });
  stage.model.enqueue(...[1, 2, 3, 4, 5].map((i) => ({ text: `answer ${i}`, delayMs: 1_000 })));

  const next = await stage.process("next", {
    settings: { concurrency: { realtime: 9, background: 2, heavy: 1 } },
  });
  next.supervisor.start();
  await stage.clock.advance(10);
  const atOnce = stage.model.requests.length;
  await stage.clock.advance(3_100);

  expect(atOnce).toBe(2);
  expect(stage.model.requests).toHaveLength(5);
  expect(next.supervisor.stats().running).toBe(0);
});

test("a message that waited longer than a turn may take has all of that time when it is its turn", async () => {
  const one = await stage.process("one", { deadlineMs: 5_000 });
  stage.model.enqueue({ text: "first", delayMs: 4_000 }, { text: "second", delayMs: 3_000 });
  await one.say("first");
  const { turnId } = await one.say("second");

  await stage.clock.advance(7_000);

  expect(endOf(one.events, turnId)).toMatchObject({ state: "replied", text: "second" });
});

test("a turn that was taken over after a long outage has all of its time again", async () => {
  const crash = {
    beforeCommit: (writes: readonly Write<unknown>[]) =>
      isFinish(writes) ? new Promise<void>(() => {}) : Promise.resolve(),
  };
  const one = await stage.process("one", { ...crash, deadlineMs: 5_000 });
  stage.model.enqueue({ text: "never kept" }, { text: "here I am", delayMs: 3_000 });
  const { turnId } = await one.say("hello");

  const two = await stage.process("two", { deadlineMs: 5_000 });
  two.supervisor.start();
  await stage.clock.advance(LEASE_MS + 10_000);

  expect((await recordOf(stage, turnId)).turn).toMatchObject({ state: "replied", attempt: 2 });
});
