import type { UnitOfWork } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, expect, it } from "vitest";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import { openInlineStores } from "../store/index.ts";
import { createProcessLease } from "./process-lease.ts";

const LEASE_MS = 15_000;
const signal = new AbortController().signal;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function setUp() {
  const clock = createManualClock();
  const logger = createLogRecorder();
  const metrics = createMetrics();
  const ids = createIdGenerator(clock);
  const opened = openInlineStores({
    memory: true,
    clock,
    ids,
    logger,
    metrics,
    leaseClock: () => clock.now(),
  });
  closers.push(opened.close);
  const { stores } = opened;
  const state = { commits: 0, lost: 0, mode: "well" as "well" | "fails" | "hangs" };
  const unit: UnitOfWork = {
    ...stores.unit,
    commit: (writes, options) => {
      state.commits += 1;
      if (state.mode === "fails") return Promise.reject(new TroupeError("Away.", { code: "store.failed" }));
      return state.mode === "hangs" ? new Promise(() => {}) : stores.unit.commit(writes, options);
    },
  };
  const lease = createProcessLease({
    unit,
    leases: stores.leases,
    clock,
    logger,
    processId: "p1",
    pid: 1,
    role: "all",
    leaseMs: LEASE_MS,
    onLost: () => {
      state.lost += 1;
    },
  });
  return { clock, logger, stores, lease, state };
}

it("renews at a third of the lease with one timer, and knows until when it holds", async () => {
  const { clock, lease, state } = setUp();
  await lease.start(signal);
  await clock.settle();
  const held = lease.hold();
  const atStart = held();

  await clock.advance(60_000);

  expect([atStart, held()]).toEqual([LEASE_MS, 60_000 + LEASE_MS]);
  expect(state).toEqual({ commits: 14, lost: 0, mode: "well" });
  expect(clock.timers).toBe(1);
});

it("holds nothing before its start", () => {
  const { lease } = setUp();

  expect(lease.hold()()).toBe(Number.NEGATIVE_INFINITY);
});

it.each(["fails", "hangs"] as const)(
  "tells once that it is lost when the store %s past its end, and not before",
  async (mode) => {
    const { clock, lease, state } = setUp();
    await lease.start(signal);
    await clock.advance(1_000);
    const held = lease.hold();
    state.mode = mode;

    await clock.advance(LEASE_MS - 1_001);
    const early = [state.lost, held()];
    await clock.advance(10_000);

    expect(early).toEqual([0, LEASE_MS]);
    expect([state.lost, held()]).toEqual([1, Number.NEGATIVE_INFINITY]);
  },
);

it("gets over a store that fails for a while", async () => {
  const { clock, lease, state } = setUp();
  await lease.start(signal);
  await clock.settle();
  const held = lease.hold();
  state.mode = "fails";
  await clock.advance(LEASE_MS - 2_000);
  state.mode = "well";

  await clock.advance(60_000);

  expect(state.lost).toBe(0);
  expect(held()).toBeGreaterThan(clock.monotonicMs());
});

it("is lost at once when another process ended it", async () => {
  const { clock, lease, state, stores } = setUp();
  await lease.start(signal);
  await clock.settle();
  await stores.unit.commit([stores.leases.endOthers("p2")], { signal });

  await clock.advance(LEASE_MS / 3);

  expect(state.lost).toBe(1);
});

it("after a sleep past its end holds again, but not what was held before", async () => {
  const { clock, lease, logger, state } = setUp();
  await lease.start(signal);
  await clock.settle();
  const before = lease.hold();

  clock.sleep(LEASE_MS + 1);
  const asleep = before();
  await clock.advance(1);
  const after = lease.hold();

  expect(asleep).toBeLessThan(clock.monotonicMs());
  expect(before()).toBe(Number.NEGATIVE_INFINITY);
  expect(after()).toBeGreaterThan(clock.monotonicMs());
  expect([state.lost, logger.troubles()]).toEqual([0, ["lease.lapsed"]]);
});

it("ends its lease when it stops, within bounds also when the store hangs", async () => {
  const { clock, lease, state } = setUp();
  await lease.start(signal);
  await clock.settle();
  state.mode = "hangs";
  let isStopped = false;

  const stopping = lease.stop(500).then(() => {
    isStopped = true;
  });
  await clock.advance(1_000);
  await stopping;

  expect([isStopped, clock.timers]).toEqual([true, 0]);
});
