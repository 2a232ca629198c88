import type { Channel, UnitOfWork } from "@troupe/contracts";
import {
  createFakePlatform,
  createLogRecorder,
  createManualClock,
  type FakePlatform,
  type ManualClock,
} from "@troupe/testing";
import { afterEach, describe, expect, it } from "vitest";
import { createLocalBus } from "../bus/index.ts";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import { openInlineStores } from "../store/index.ts";
import { createRelay } from "./relay.ts";
import { createOutboxWorld, LEASE_MS, SEND_TIMEOUT_MS } from "./relay-fixture.ts";

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

describe("processes that die, sleep and stop", () => {
  /** A process whose time stands still from now on, as one that was stopped or killed; its send is under way. */
  async function caughtSending(world: ReturnType<typeof setUp>, arrives: boolean): Promise<ManualClock> {
    const ownClock = createManualClock(world.clock.now());
    world.platform.meet({ kind: "hang", arrives });
    world.process("sleeper", { clock: ownClock });
    await ownClock.settle();
    return ownClock;
  }

  it.each([
    ["keyed", true],
    ["keyed", false],
    ["verifiable", true],
    ["verifiable", false],
  ] as const)(
    "%s: a takeover after the lease shows the message once, also when the sleeper wakes (arrived: %s)",
    async (kind, arrives) => {
      const world = setUp((platform) => platform[kind]("chat"));
      const id = await world.put("kate", "hello");
      const ownClock = await caughtSending(world, arrives);
      await world.clock.advance(1);
      world.process("other");
      await world.clock.advance(LEASE_MS - 10);
      const beforeLeaseEnds = world.platform.sends.length;

      await world.clock.advance(10_000);
      const taken = await world.record(id);
      await ownClock.advance(LEASE_MS + 10_000);
      await world.clock.advance(60_000);

      expect(beforeLeaseEnds).toBe(1);
      // Seeing nothing counts when it is seen for the second time.
      const attempt = kind === "verifiable" && !arrives ? 3 : 2;
      expect(taken).toMatchObject({ state: "delivered", attempt });
      expect(await world.record(id)).toEqual(taken);
      expect(world.shown()).toEqual(["kate: hello"]);
      expect(world.logger.troubles()).toContain("outbox.unsettled");
    },
  );

  it("blind: a send that an interruption caught is listed as unknown, and nobody sends it again", async () => {
    const world = setUp((platform) => platform.blind("chat"));
    const id = await world.put("kate", "hello");
    const ownClock = await caughtSending(world, true);
    world.process("other");

    await world.clock.advance(LEASE_MS + 10_000);
    const taken = await world.record(id);
    await ownClock.advance(LEASE_MS + 10_000);

    expect(taken).toMatchObject({ state: "unknown", begun: true });
    expect(await world.record(id)).toEqual(taken);
    expect(world.shown()).toEqual(["kate: hello"]);
  });

  it.each(["keyed", "blind"] as const)(
    "%s: begins no send under a claim that no longer outlasts it; the row is given back and goes soon",
    async (kind) => {
      const world = setUp((platform) => platform[kind]("chat"));
      const id = await world.put("kate", "hello");
      let slowCommits = 1;
      const slept = Promise.withResolvers<void>();
      const unit: UnitOfWork = {
        ...world.stores.unit,
        async commit(writes, options) {
          const committed = await world.stores.unit.commit(writes, options);
          // The answer to the claim comes late, as after a pause of the whole process.
          if (slowCommits-- === 1) {
            await world.clock.advance(LEASE_MS - SEND_TIMEOUT_MS + 1);
            slept.resolve();
          }
          return committed;
        },
      };
      world.process("p1", { unit });
      await slept.promise;
      await world.clock.settle();
      const early = [
        world.platform.sends.length,
        (await world.record(id)).state,
        (await world.record(id)).begun,
      ];

      const givenBackAt = world.clock.now();
      let sentAfterMs = Number.POSITIVE_INFINITY;
      while (world.clock.now() - givenBackAt < LEASE_MS) {
        await world.clock.advance(1_000);
        if (world.platform.sends.length > 0)
          sentAfterMs = Math.min(sentAfterMs, world.clock.now() - givenBackAt);
      }

      // Given back at once: nobody has to wait until the claim has ended.
      expect(early).toEqual([0, "pending", false]);
      expect(sentAfterMs).toBeLessThan(SEND_TIMEOUT_MS);
      expect(world.shown()).toEqual(["kate: hello"]);
      expect(world.logger.troubles()).toContain("outbox.left");
    },
  );

  it("begins no send once the lease of the process has ended, whatever the row's own lease says", async () => {
    const world = setUp();
    await world.put("kate", "hello");
    world.process("p1", { hold: () => () => Number.NEGATIVE_INFINITY });

    await world.clock.settle();

    expect(world.platform.sends).toEqual([]);
  });

  it("verifiable: waits for what a killed process had sent before an empty look counts", async () => {
    const world = setUp((platform) => platform.verifiable("chat"));
    const id = await world.put("kate", "hello");
    const { signal } = new AbortController();
    await caughtSending(world, false);
    // The next start ends the claims of the dead at once; the dead one's message is still between here and there.
    await world.stores.unit.commit([world.stores.leases.endOthers("next")], { signal });
    world.process("next");
    await world.clock.advance(1_000);
    const early = world.platform.sends.length;
    await world.platform.keyed("late").send({ key: id, target: "kate", text: "hello" }, { signal });

    await world.clock.advance(10_000);

    expect(early).toBe(1);
    expect(world.shown()).toEqual(["kate: hello"]);
    expect(await world.record(id)).toMatchObject({ state: "delivered" });
  });

  it("verifiable: a process that stood still past its lease and sends as it goes on is seen, and nothing is sent twice", async () => {
    const world = setUp((platform) => platform.verifiable("chat"));
    const id = await world.put("kate", "hello");
    const { signal } = new AbortController();
    await caughtSending(world, false);
    // It has long been at work when it takes over.
    world.process("other");
    await world.clock.advance(LEASE_MS + 100);
    const looked = world.platform.lookups.length;
    // The socket of the sleeper takes its request before its timer can say that it is too late.
    await world.platform.keyed("late").send({ key: id, target: "kate", text: "hello" }, { signal });

    await world.clock.advance(30_000);

    expect(looked).toBe(1);
    expect(world.shown()).toEqual(["kate: hello"]);
    expect(await world.record(id)).toMatchObject({ state: "delivered", attempt: 3 });
  });

  it("claims nothing while the process has no lease, or a reply would lose its attempts without one send", async () => {
    const world = setUp();
    const id = await world.put("kate", "hello");
    world.process("p1", { hold: () => () => Number.NEGATIVE_INFINITY });

    await world.clock.advance(3 * LEASE_MS);

    expect(await world.record(id)).toMatchObject({ state: "pending", attempt: 0 });
  });

  it("lets a send outlast the present lease of the process as long as that is renewed", async () => {
    const world = setUp();
    world.platform.meet({ kind: "delay", ms: SEND_TIMEOUT_MS - 1, arrives: "after" });
    const id = await world.put("kate", "hello");
    // Renewed every second, for three more seconds each time.
    const hold = () => () => Math.floor(world.clock.monotonicMs() / 1_000) * 1_000 + 3_000;
    world.process("p1", { hold });

    await world.clock.advance(SEND_TIMEOUT_MS);

    expect(await world.record(id)).toMatchObject({ state: "delivered", attempt: 1 });
  });

  it.each([
    ["keyed", "pending"],
    ["verifiable", "pending"],
    ["blind", "unknown"],
  ] as const)(
    "%s: ends a send a second before the lease of the process does, and keeps it as %s",
    async (kind, state) => {
      const world = setUp((platform) => platform[kind]("chat"));
      world.platform.meet({ kind: "hang", arrives: false });
      const id = await world.put("kate", "hello");
      world.process("p1", { hold: () => () => 4_000 });

      await world.clock.advance(2_999);
      const early = (await world.record(id)).state;
      await world.clock.advance(1);

      expect([early, (await world.record(id)).state]).toEqual(["sending", state]);
    },
  );

  it("stopping lets a send finish, and claims nothing more", async () => {
    const world = setUp();
    world.platform.meet({ kind: "delay", ms: 1_000, arrives: "after" });
    const id = await world.put("kate", "one");
    const relay = world.process("p1");
    await world.clock.settle();

    const stopped = relay.stop(5_000);
    await world.put("max", "two");
    world.ring();
    await world.clock.advance(1_000);
    await stopped;
    await world.clock.advance(60_000);

    expect((await world.record(id)).state).toBe("delivered");
    expect(world.shown()).toEqual(["kate: one"]);
  });

  it.each([
    ["blind", "unknown"],
    ["verifiable", "pending"],
    ["keyed", "pending"],
  ] as const)("%s: stopping aborts a send that takes too long, and keeps it as %s", async (kind, state) => {
    const world = setUp((platform) => platform[kind]("chat"));
    world.platform.meet({ kind: "hang", arrives: false });
    const id = await world.put("kate", "one");
    const relay = world.process("p1");
    await world.clock.settle();

    const stopped = relay.stop(2_000);
    await world.clock.advance(2_000);
    await stopped;

    expect((await world.record(id)).state).toBe(state);
  });

  it("refuses a lease that no send could fit into", () => {
    const world = setUp();
    const make = () =>
      createRelay({
        unit: world.stores.unit,
        outbox: world.stores.outbox,
        channels: new Map(),
        bus: world.bus,
        clock: world.clock,
        random: () => 0,
        logger: world.logger,
        metrics: world.metrics,
        processId: "p1",
        lease: { hold: () => () => 0 },
        leaseMs: 10_000,
        sendTimeoutMs: 10_000,
      });

    expect(make).toThrow("too short");
  });
});
