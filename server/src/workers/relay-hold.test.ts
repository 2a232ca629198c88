import { createFakePlatform, createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, describe, expect, it } from "vitest";
import { createLocalBus } from "../bus/index.ts";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import { openInlineStores } from "../store/index.ts";
import { createOutboxWorld } from "./relay-fixture.ts";

const options = { signal: new AbortController().signal };
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function setUp(kind: "keyed" | "verifiable" | "blind") {
  const clock = createManualClock();
  const platform = createFakePlatform({ clock });
  const deps = { clock, logger: createLogRecorder(), metrics: createMetrics() };
  const opened = openInlineStores({
    ...{ memory: true, ids: createIdGenerator(clock), leaseClock: () => clock.now() },
    ...deps,
  });
  closers.push(opened.close);
  const { stores } = opened;
  const bus = createLocalBus(deps);
  const world = createOutboxWorld({ ...deps, stores, bus, channel: platform[kind]("chat") });
  const { unit, holds } = stores;
  const hold = { spaceId: "default", reason: "Restored.", since: clock.now() + 1 };
  return {
    ...world,
    ...{ clock, platform, stores },
    hold: () => unit.commit([holds.place(hold)], options),
    lift: () => unit.commit([holds.lift("default")], options),
  };
}

describe.each(["keyed", "verifiable", "blind"] as const)("a held outbox, %s", (kind) => {
  it("sends nothing, old or new, however many relays look, and each row once when it is released", async () => {
    const world = setUp(kind);
    await world.put("kate", "from before");
    await world.hold();
    world.process("p1");
    world.process("p2");
    await world.put("ana", "from after");
    world.ring();
    await world.clock.advance(120_000);
    const held = world.platform.sends.length;

    await world.lift();
    world.ring();
    await world.clock.advance(120_000);

    expect(held).toBe(0);
    expect(world.platform.arrived.map(({ text }) => text).toSorted()).toEqual(["from after", "from before"]);
    expect(world.platform.sends).toHaveLength(2);
  });
});

it("does not send again what a blind channel may have had when the copy was made", async () => {
  const world = setUp("blind");
  const id = await world.put("kate", "perhaps");
  const { outbox, unit } = world.stores;
  const claim = outbox.claim({ owner: "of the other home", leaseMs: 1_000, limit: 1, channel: "chat" });
  const [row] = (await unit.commit([claim], options)).read(claim);
  await unit.commit([outbox.begin({ id, epoch: row?.epoch ?? 0 })], options);
  await world.hold();
  world.process("p1");
  await world.clock.advance(60_000);

  await world.lift();
  world.ring();
  await world.clock.advance(60_000);

  expect(world.platform.sends).toEqual([]);
  expect((await world.record(id)).state).toBe("unknown");
});
