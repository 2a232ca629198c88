import type { Channel, UnitOfWork } from "@troupe/contracts";
import { createFakePlatform, createLogRecorder, createManualClock, type FakePlatform } from "@troupe/testing";
import { afterEach, describe, expect, it } from "vitest";
import { createLocalBus } from "../bus/index.ts";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import { openInlineStores } from "../store/index.ts";
import { createOutboxWorld, SEND_TIMEOUT_MS } from "./relay-fixture.ts";

const signal = new AbortController().signal;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function setUp(pick: (platform: FakePlatform) => Channel = (platform) => platform.keyed("chat")) {
  const clock = createManualClock();
  const platform = createFakePlatform({ clock });
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
  const bus = createLocalBus({ clock, logger, metrics });
  const { stores } = opened;
  const world = createOutboxWorld({ stores, bus, clock, logger, metrics, channel: pick(platform) });
  const shown = () => platform.arrived.map(({ target, text }) => `${target}: ${text}`);
  return { ...world, clock, platform, logger, metrics, stores, bus, shown };
}

describe("delivering", () => {
  it("delivers a row as soon as the doorbell rings, and keeps the platform's id", async () => {
    const world = setUp();
    world.process("p1");
    await world.clock.settle();
    const id = await world.put("kate", "hello");

    world.ring();
    await world.clock.settle();

    expect(world.shown()).toEqual(["kate: hello"]);
    expect(await world.record(id)).toMatchObject({ state: "delivered", platformId: "p-1", attempt: 1 });
    expect(world.metrics.render()).toContain('outbox_deliveries_total{channel="chat",outcome="delivered"} 1');
  });

  it("finds rows whose doorbell was lost within seconds", async () => {
    const world = setUp();
    world.process("p1");
    await world.clock.settle();
    await world.put("kate", "hello");

    await world.clock.advance(5_000);

    expect(world.shown()).toEqual(["kate: hello"]);
  });

  it("keeps the order within a target, however slow, and lets other targets pass", async () => {
    const world = setUp();
    world.platform.meet({ kind: "delay", ms: 3_000, arrives: "after" });
    await world.put("kate", "one");
    await world.put("kate", "two");
    await world.put("max", "hi");
    await world.put("kate", "three");
    world.process("p1");

    await world.clock.settle();
    const early = world.shown();
    await world.clock.advance(3_000);

    expect(early).toEqual(["max: hi"]);
    expect(world.shown()).toEqual(["max: hi", "kate: one", "kate: two", "kate: three"]);
  });

  it("keeps the order when an older row has to wait for its retry", async () => {
    const world = setUp();
    world.platform.meet({ kind: "rate-limited", retryAfterMs: 60_000 });
    const first = await world.put("kate", "one");
    await world.put("kate", "two");
    world.process("p1");

    await world.clock.advance(59_999);
    const early = world.shown();
    await world.clock.advance(2_000);

    expect(early).toEqual([]);
    expect(world.shown()).toEqual(["kate: one", "kate: two"]);
    expect(await world.record(first)).toMatchObject({ state: "delivered", attempt: 2 });
  });

  it("sends many at once, within its bound, and all of them", async () => {
    const world = setUp();
    world.platform.meet(
      ...Array.from({ length: 100 }, () => ({ kind: "delay", ms: 1_000, arrives: "after" }) as const),
    );
    for (let n = 0; n < 100; n++) await world.put(`peer-${n}`, "hi");
    world.process("p1");

    await world.clock.settle();
    const begun = world.platform.sends.length;
    await world.clock.advance(5_000);

    expect(begun).toBe(32);
    expect(new Set(world.shown()).size).toBe(100);
    expect(world.platform.sends).toHaveLength(100);
  });

  it("keeps its places apart by channel, so that a slow one does not stand before the others", async () => {
    const world = setUp();
    const slow = createFakePlatform({ clock: world.clock });
    slow.meet(
      ...Array.from({ length: 200 }, () => ({ kind: "delay", ms: 8_000, arrives: "after" }) as const),
    );
    for (let n = 0; n < 100; n++) await world.put(`peer-${n}`, "hi", "slow");
    for (let n = 0; n < 40; n++) await world.put(`peer-${n}`, "hi");
    const channels = new Map([
      ["slow", slow.keyed("slow")],
      ["chat", world.platform.keyed("chat")],
    ]);
    world.process("p1", { channels });

    await world.clock.settle();

    expect(slow.sends).toHaveLength(32);
    expect(world.shown()).toHaveLength(40);
    await world.clock.advance(60_000);
    expect(slow.arrived).toHaveLength(100);
  });

  it("is quiet while nothing is due: it looks every five seconds, and commits nothing", async () => {
    const world = setUp();
    let commits = 0;
    const unit: UnitOfWork = {
      ...world.stores.unit,
      commit: (writes, options) => {
        commits += 1;
        return world.stores.unit.commit(writes, options);
      },
    };
    world.process("p1", { unit });

    await world.clock.advance(60_000);

    expect(commits).toBe(0);
    expect(world.clock.timers).toBe(1);
  });
});

describe("failing", () => {
  it.each(["keyed", "verifiable", "blind"] as const)(
    "%s: gives up at once what the platform rejects, with the reason",
    async (kind) => {
      const world = setUp((platform) => platform[kind]("chat"));
      world.platform.meet({ kind: "rejected" });
      const id = await world.put("kate", "hello");
      world.process("p1");

      await world.clock.advance(60_000);

      expect(await world.record(id)).toMatchObject({
        state: "dead",
        error: "chat refused the message.",
        attempt: 1,
      });
      expect(world.platform.sends).toHaveLength(1);
    },
  );

  it.each(["keyed", "verifiable", "blind"] as const)(
    "%s: waits as long as a rate limit asks, then delivers once",
    async (kind) => {
      const world = setUp((platform) => platform[kind]("chat"));
      world.platform.meet({ kind: "rate-limited", retryAfterMs: 20_000 });
      const id = await world.put("kate", "hello");
      world.process("p1");

      await world.clock.advance(19_999);
      const early = world.platform.sends.length;
      await world.clock.advance(2_000);

      expect([early, world.shown()]).toEqual([1, ["kate: hello"]]);
      expect(await world.record(id)).toMatchObject({ state: "delivered", attempt: 2 });
    },
  );

  it.each([
    ["keyed", true, 2, 0],
    ["keyed", false, 2, 0],
    ["verifiable", true, 1, 1],
    ["verifiable", false, 2, 1],
  ] as const)(
    "%s: after a failure that hides whether it arrived (%s), shows the message once",
    async (kind, arrives, sends, lookups) => {
      const world = setUp((platform) => platform[kind]("chat"));
      world.platform.meet({ kind: "unavailable", arrives });
      const id = await world.put("kate", "hello");
      world.process("p1");

      await world.clock.advance(60_000);

      expect(world.shown()).toEqual(["kate: hello"]);
      expect(await world.record(id)).toMatchObject({ state: "delivered", platformId: "p-1" });
      expect([world.platform.sends.length, world.platform.lookups.length]).toEqual([sends, lookups]);
    },
  );

  it.each([
    { kind: "unavailable", arrives: true },
    { kind: "hang", arrives: false },
    { kind: "defect", arrives: true },
  ] as const)("blind: lists $kind as unknown, and never sends again by itself", async (mishap) => {
    const world = setUp((platform) => platform.blind("chat"));
    world.platform.meet(mishap);
    const id = await world.put("kate", "hello");
    world.process("p1");

    await world.clock.advance(3_600_000);

    expect(await world.record(id)).toMatchObject({
      state: "unknown",
      error: expect.stringContaining("Nobody knows"),
    });
    expect(world.platform.sends).toHaveLength(1);
  });

  it("verifiable: does not send when it cannot look, and looks again later", async () => {
    const world = setUp((platform) => platform.verifiable("chat"));
    world.platform.meet({ kind: "unavailable", arrives: true });
    world.platform.failNextLookup();
    const id = await world.put("kate", "hello");
    world.process("p1");

    await world.clock.advance(120_000);

    expect([world.platform.sends.length, world.platform.lookups.length]).toEqual([1, 2]);
    expect(await world.record(id)).toMatchObject({ state: "delivered" });
  });

  it("verifiable: looks only after whatever was under way has had its time", async () => {
    const world = setUp((platform) => platform.verifiable("chat"));
    world.platform.meet({ kind: "unavailable", arrives: true });
    await world.put("kate", "hello");
    world.process("p1", { random: () => 0 });

    await world.clock.advance(SEND_TIMEOUT_MS - 1);
    const early = world.platform.lookups.length;
    await world.clock.advance(1_000);

    expect([early, world.platform.lookups.length]).toEqual([0, 1]);
  });

  it("stops a send that hangs after its time and tries again", async () => {
    const world = setUp();
    world.platform.meet({ kind: "hang", arrives: false });
    await world.put("kate", "hello");
    world.process("p1");

    await world.clock.advance(SEND_TIMEOUT_MS);
    const early = world.shown();
    await world.clock.advance(10_000);

    expect([early, world.shown()]).toEqual([[], ["kate: hello"]]);
  });

  it("is patient for an hour, then ends the row where an operator sees it", async () => {
    const world = setUp();
    world.platform.meet(
      ...Array.from({ length: 50 }, () => ({ kind: "unavailable", arrives: false }) as const),
    );
    const id = await world.put("kate", "hello");
    world.process("p1", { random: () => 1 });

    await world.clock.advance(3_000_000);
    const early = (await world.record(id)).state;
    await world.clock.advance(7_200_000);

    expect(early).toBe("pending");
    expect(await world.record(id)).toMatchObject({
      state: "dead",
      error: "Given up after 14 attempts: chat cannot be reached.",
      attempt: 14,
    });
  }, 60_000);

  it("keeps a row of a channel that is not there, and says which", async () => {
    const world = setUp();
    const id = await world.put("kate", "hello");
    world.process("p1", { channels: new Map() });

    await world.clock.advance(1_000);

    expect(await world.record(id)).toMatchObject({
      state: "pending",
      error: 'The channel "chat" is not configured here.',
    });
  });
});

it("settles what ends together in one commit, and after a conflict the others one by one", async () => {
  const world = setUp();
  const commits: number[] = [];
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.push(await world.put(`peer-${n}`, "hi"));
  const byHand = world.stores.outbox.settle({ id: "row-3", epoch: 1 }, { kind: "dead", error: "by hand" }, 0);
  const unit: UnitOfWork = {
    ...world.stores.unit,
    async commit(writes, options) {
      commits.push(writes.length);
      // Somebody else settles one of them just before.
      if (writes.length === 5) await world.stores.unit.commit([byHand], { signal });
      return await world.stores.unit.commit(writes, options);
    },
  };
  world.process("p1", { unit });

  await world.clock.settle();

  const states = await Promise.all(ids.map(async (id) => (await world.record(id)).state));
  expect(states).toEqual(["delivered", "delivered", "dead", "delivered", "delivered"]);
  expect(commits.slice(0, 7)).toEqual([1, 5, 1, 1, 1, 1, 1]);
});
