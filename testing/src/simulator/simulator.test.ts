import type { Committed, Envelope } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { describe, expect, it } from "vitest";
import { createSimulatedBus } from "./bus.ts";
import { createEventQueue } from "./event-queue.ts";
import { createFaults, type FaultPlan, NO_FAULTS } from "./faults.ts";
import { createSimulatedPlatform } from "./platform.ts";
import { createSimulatedProcess, type SimulatedProcess } from "./process.ts";
import { createRandom } from "./random.ts";
import { createSimulatedUnit } from "./store-access.ts";
import { createWorld, type World } from "./world.ts";

const FOREVER_MS = 60_000;
const never = new AbortController().signal;

function setUp(plan: Partial<FaultPlan> = {}, seed = 1) {
  const world = createWorld({ seed, keepLog: true });
  const faults = createFaults(world, { ...NO_FAULTS, ...plan });
  const process = createSimulatedProcess({ world, faults, name: "p1" });
  return { world, faults, process };
}

async function settle(world: World): Promise<void> {
  await world.run(() => false, world.nowMs + FOREVER_MS);
}

describe("randomness", () => {
  it("follows from its seed, and a fork does not disturb what it came from", () => {
    const one = createRandom(7);
    const other = createRandom(7);
    other.fork("elsewhere").next();

    expect([one.next(), one.int(1, 6), one.pick("abc".split(""))]).toEqual([
      other.next(),
      other.int(1, 6),
      other.pick("abc".split("")),
    ]);
    expect(createRandom(8).next()).not.toBe(createRandom(7).next());
  });
});

describe("the queue of events", () => {
  it("gives them by time, and by the order of adding where the time is the same", () => {
    const random = createRandom(3);
    const queue = createEventQueue<{ readonly atMs: number; readonly order: number }>();
    const events = Array.from({ length: 500 }, (_, order) => ({ atMs: random.int(0, 40), order }));
    for (const event of events) queue.push(event);

    const taken = Array.from({ length: 500 }, () => queue.pop());

    expect(taken).toEqual(events.toSorted((a, b) => a.atMs - b.atMs || a.order - b.order));
    expect(queue.pop()).toBeUndefined();
  });
});

describe("a process", () => {
  it("asks the outside and is answered some time later", async () => {
    const { world, process } = setUp();
    let answered: string | undefined;
    void process
      .perform("ask", () => "yes")
      .then((answer) => {
        answered = `${answer} at ${world.nowMs > 0}`;
      });

    await settle(world);

    expect(answered).toBe("yes at true");
  });

  it("never learns of anything after a crash, though what it sent may take effect", async () => {
    const kept = { before: 0, after: 0, told: 0 };
    for (let seed = 1; seed <= 60; seed++) {
      const { world, process, faults } = setUp({ strikeEvery: 1, maxStrikes: 1 }, seed);
      let tookEffect = false;
      void process.perform("ask", () => {
        tookEffect = true;
      });
      process.clock.schedule(5_000, () => {
        kept.told += 1;
      });
      void process
        .perform("ask again", () => {})
        .then(() => {
          if (process.state === "crashed") kept.told += 1;
        });
      await settle(world);
      expect([process.state, faults.strikes]).toEqual(["crashed", 1]);
      kept[tookEffect ? "after" : "before"] += 1;
    }

    expect(kept.told).toBe(0);
    expect(kept.before).toBeGreaterThan(5);
    expect(kept.after).toBeGreaterThan(5);
  });

  it("that is stopped gets everything later, in order, and not before it continues", async () => {
    const { world, process } = setUp();
    const heard: string[] = [];
    for (const ms of [10, 20, 30]) process.clock.schedule(ms, () => heard.push(`${ms} at ${world.nowMs}`));
    world.after(15, undefined, "stop", () => process.stop(1_000));

    await settle(world);

    expect(heard).toEqual(["10 at 10", "20 at 1015", "30 at 1015"]);
  });

  it("rejects at once when work that may be abandoned is aborted", async () => {
    const { world, process } = setUp({ slowShare: 1, slowMs: 5_000 });
    const abort = new AbortController();
    const asked = process.perform("ask", () => 1, { signal: abort.signal, isAbandonedOnAbort: true });
    abort.abort(new Error("not needed any more"));

    await expect(asked).rejects.toThrow("not needed any more");
    await settle(world);
  });
});

describe("the way to the store", () => {
  const committed: Committed = { read: () => undefined as never };

  it("takes riders along before the commit that they ride with, and sends them alone after 25 ms", async () => {
    const { world, process, faults } = setUp();
    const applied: unknown[] = [];
    const unit = createSimulatedUnit({
      process,
      faults,
      keepsOrder: true,
      apply: (writes) => {
        applied.push(writes);
        return committed;
      },
    });
    unit.ride(["first rider"] as never);
    await Promise.all([unit.commit(["commit"] as never, { signal: never }), settle(world)]);
    unit.ride(["second rider"] as never);
    await settle(world);

    expect(applied).toEqual([["first rider"], ["commit"], ["second rider"]]);
  });

  it("refuses for a while as the plan says, with nothing kept", async () => {
    const { world, process, faults } = setUp({ refuseShare: 1, refuseMs: 1_000 });
    let applied = 0;
    const unit = createSimulatedUnit({
      process,
      faults,
      keepsOrder: true,
      apply: () => {
        applied += 1;
        return committed;
      },
    });
    const refused = unit.commit([], { signal: never }).catch((error: unknown) => error);
    await settle(world);

    expect(
      TroupeError.is(await refused) &&
        ["store.busy", "store.full"].includes(((await refused) as TroupeError).code),
    ).toBe(true);
    expect(applied).toBe(0);
  });
});

describe("the bus", () => {
  const envelope: Envelope = { id: "1", kind: "ring", v: 1, at: 0, payload: {} };

  async function heard(plan: Partial<FaultPlan>): Promise<number> {
    const { world, faults, process } = setUp(plan);
    const other: SimulatedProcess = createSimulatedProcess({ world, faults, name: "p2" });
    const bus = createSimulatedBus(world, faults);
    let count = 0;
    bus.of(other).subscribe("turn.*", () => {
      count += 1;
    });
    for (let i = 0; i < 100; i++) bus.of(process).publish("turn.due", envelope);
    bus.of(process).publish("outbox.due", envelope);
    await settle(world);
    return count;
  }

  it("carries between processes, and drops and doubles as often as it is told to", async () => {
    const [plain, dropping, doubling] = [
      await heard({}),
      await heard({ dropShare: 0.5 }),
      await heard({ duplicateShare: 0.5 }),
    ];

    expect(plain).toBe(100);
    expect(dropping).toBeGreaterThan(20);
    expect(dropping).toBeLessThan(80);
    expect(doubling).toBeGreaterThan(120);
  });
});

describe("a process that is cut off from the bus", () => {
  it("hears itself alone, then is told that it is back", async () => {
    const { world, faults, process } = setUp();
    const other = createSimulatedProcess({ world, faults, name: "p2" });
    const bus = createSimulatedBus(world, faults);
    const heard: string[] = [];
    const envelope: Envelope = { id: "1", kind: "ring", v: 1, at: 0, payload: {} };
    for (const one of [process, other])
      bus.of(one).subscribe(">", (_envelope, subject) => heard.push(`${one.name} ${subject}`));
    bus.cutOff(other, 1_000);
    bus.of(process).publish("turn.due", envelope);
    bus.of(other).publish("outbox.due", envelope);

    await settle(world);
    expect(heard.toSorted()).toEqual(["p1 turn.due", "p2 bus.back", "p2 outbox.due"]);
    bus.of(process).publish("job.due", envelope);
    await settle(world);

    expect(heard.filter((one) => one.endsWith("job.due")).toSorted()).toEqual(["p1 job.due", "p2 job.due"]);
  });
});

describe("clocks that jump", () => {
  it("move what a process or the database reads, and no timer", async () => {
    const { world, process } = setUp();
    const [before, database] = [process.clock.now(), world.utcMs];
    let firedMs = 0;
    process.clock.schedule(100, () => {
      firedMs = world.nowMs;
    });

    process.shiftClock(-5_000);
    world.shiftUtc(60_000);
    await settle(world);

    expect(firedMs).toBe(100);
    expect(world.utcMs - database).toBe(60_100);
    expect(process.clock.now() - before).toBe(55_100);
  });
});

describe("the platform", () => {
  it("outlives the process that wrote to it, and drops repeats of a key on a keyed channel alone", async () => {
    const { world, faults, process } = setUp();
    const platform = createSimulatedPlatform(world, faults);
    const message = { key: "k1", target: "kate", text: "hello" };
    for (const kind of ["keyed", "blind"] as const) {
      const channel = platform.channel(kind, kind, process);
      void channel.send(message, { signal: never });
      void channel.send(message, { signal: never });
    }
    await settle(world);
    process.crash();

    expect(platform.arrived.map((one) => one.channel).toSorted()).toEqual(["blind", "blind", "keyed"]);
  });
});
