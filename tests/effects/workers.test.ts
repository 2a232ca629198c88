import type { UnitOfWork } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { createManualClock } from "@troupe/testing";
import { describe, expect, it } from "vitest";
import { LEASE_MS, setUp } from "./fixture.ts";

describe("running effects", () => {
  it("commits what a handler returns together with the done-mark, as soon as the doorbell rings", async () => {
    const world = setUp();
    const commits: number[] = [];
    const unit: UnitOfWork = {
      ...world.stores.unit,
      commit: (writes, options) => {
        commits.push(writes.length);
        return world.stores.unit.commit(writes, options);
      },
    };
    world.process(async (effect) => [world.mark(`${effect.id}-a`), world.mark(`${effect.id}-b`)], { unit });
    await world.clock.settle();
    await world.put("one");
    commits.length = 0;

    world.ring();
    await world.clock.settle();

    expect(await world.marks()).toEqual(["one-a", "one-b"]);
    expect(await world.states()).toEqual({ one: "done" });
    expect(commits).toEqual([1, 3]);
  });

  it("bounds each lane by itself, so that slow work of one lane holds up no other", async () => {
    const world = setUp();
    const running: string[] = [];
    const gates = new Map<string, () => void>();
    world.process((effect) => {
      running.push(effect.id);
      return new Promise((resolve) => gates.set(effect.id, () => resolve([])));
    });
    for (let n = 0; n < 4; n++) await world.put(`background-${n}`);
    for (let n = 0; n < 2; n++) await world.put(`heavy-${n}`, { lane: "heavy" });
    await world.put("realtime-0", { lane: "realtime" });

    world.ring();
    await world.clock.settle();
    const first = running.toSorted();
    gates.get("background-0")?.();
    await world.clock.settle();

    expect(first).toEqual(["background-0", "background-1", "heavy-0", "realtime-0"]);
    expect(running).toHaveLength(5);
  });

  it("commits nothing while nothing is due", async () => {
    const world = setUp();
    let commits = 0;
    const unit: UnitOfWork = {
      ...world.stores.unit,
      commit: (writes, options) => {
        commits += 1;
        return world.stores.unit.commit(writes, options);
      },
    };
    world.process(async () => [], { unit });

    await world.clock.advance(60_000);

    expect(commits).toBe(0);
  });

  it("finds effects whose doorbell was lost within seconds", async () => {
    const world = setUp();
    world.process(async (effect) => [world.mark(effect.id)]);
    await world.clock.settle();
    await world.put("one");

    await world.clock.advance(5_000);

    expect(await world.marks()).toEqual(["one"]);
  });

  it.each([
    ["an unknown kind", { kind: "test.future" }],
    ["an unknown version", { v: 2 }],
  ])("parks %s for a newer process, and says so", async (_what, changes) => {
    const world = setUp();
    await world.put("one", changes);
    world.process(() => Promise.reject(new Error("must not run")));

    await world.clock.advance(60_000);

    expect(await world.states()).toEqual({ one: "parked" });
    expect(world.logger.troubles()).toEqual(["effect.parked"]);
  });
});

describe("failing effects", () => {
  it("tries again with growing pauses, and keeps nothing of a failed attempt", async () => {
    const world = setUp();
    await world.put("one");
    const attempts: number[] = [];
    world.process(async (effect) => {
      attempts.push(world.clock.monotonicMs());
      if (effect.attempt < 3) throw new Error("the model is away");
      return [world.mark(effect.id)];
    });

    await world.clock.advance(60_000);

    expect(attempts).toEqual([0, 3_000, 9_000]);
    expect([await world.marks(), await world.states()]).toEqual([["one"], { one: "done" }]);
  });

  it("waits as long as the error asks", async () => {
    const world = setUp();
    await world.put("one");
    const attempts: number[] = [];
    world.process(async () => {
      attempts.push(world.clock.monotonicMs());
      if (attempts.length > 1) return [];
      throw new TroupeError("Spent.", { code: "budget.exceeded", retryable: true, retryAfterMs: 3_600_000 });
    });

    await world.clock.advance(3_700_000);

    expect(attempts).toEqual([0, 3_600_000]);
  });

  it.each([
    ["a payload that cannot be read", new TroupeError("No.", { code: "request.invalid" })],
    ["a defect of ours", new TypeError("undefined is not a function")],
  ])("gives up at once on %s", async (_what, error) => {
    const world = setUp();
    await world.put("one");
    let attempts = 0;
    world.process(() => {
      attempts += 1;
      return Promise.reject(error);
    });

    await world.clock.advance(600_000);

    expect([attempts, await world.states()]).toEqual([1, { one: "dead" }]);
  });

  it("gives up after ten attempts", async () => {
    const world = setUp();
    await world.put("one");
    let attempts = 0;
    world.process(() => {
      attempts += 1;
      return Promise.reject(new Error("away"));
    });

    await world.clock.advance(6 * 3_600_000);

    expect([attempts, await world.states()]).toEqual([10, { one: "dead" }]);
  }, 60_000);

  it("counts no attempt that ended because the store was away, and gives up after ten others", async () => {
    const world = setUp();
    await world.put("one");
    let attempts = 0;
    world.process(() => {
      attempts += 1;
      const away = { code: "store.busy", retryable: true } as const;
      return Promise.reject(attempts <= 25 ? new TroupeError("Away.", away) : new Error("broken"));
    });

    await world.clock.advance(6 * 3_600_000);

    expect([attempts, await world.states()]).toEqual([35, { one: "dead" }]);
  }, 60_000);

  it("keeps how one ended although the store is away for a moment", async () => {
    const world = setUp();
    await world.put("one");
    let refusals = 2;
    const unit: UnitOfWork = {
      ...world.stores.unit,
      commit(writes, options) {
        if (attempts === 0 || refusals-- <= 0) return world.stores.unit.commit(writes, options);
        return Promise.reject(new TroupeError("Away.", { code: "store.busy", retryable: true }));
      },
    };
    let attempts = 0;
    world.process(
      () => {
        attempts += 1;
        return Promise.reject(new TroupeError("No.", { code: "request.invalid" }));
      },
      { unit },
    );

    await world.clock.advance(LEASE_MS - 1_000);

    expect([attempts, await world.states()]).toEqual([1, { one: "dead" }]);
  });

  it("tries again when a guard among the handler's own writes does not hold", async () => {
    const world = setUp();
    await world.put("one");
    world.process(async (effect) => {
      const refused = world.stores.turns.finish({
        id: "no such turn",
        epoch: 1,
        inboundCount: 1,
        state: "failed",
        agentRevision: 1,
        costMicroUsd: 0,
        usage: { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0 },
        error: undefined,
        trace: [],
        at: 0,
      });
      return effect.attempt === 1 ? [world.mark("lost"), refused] : [world.mark("kept")];
    });

    await world.clock.advance(10_000);

    expect([await world.marks(), await world.states()]).toEqual([["kept"], { one: "done" }]);
  });
});

describe("processes that die, sleep and stop", () => {
  it("aborts a handler that takes longer than it may, and tries again", async () => {
    const world = setUp();
    await world.put("one");
    let abortedAtMs: number | undefined;
    world.process(
      (effect, options) => {
        if (effect.attempt > 1) return Promise.resolve([world.mark(effect.id)]);
        return new Promise(() =>
          options.signal.addEventListener("abort", () => (abortedAtMs = world.clock.monotonicMs())),
        );
      },
      {},
      { timeoutMs: 45_000 },
    );

    await world.clock.advance(90_000);

    expect(abortedAtMs).toBe(45_000);
    expect(await world.marks()).toEqual(["one"]);
  });

  it("does an effect once although its first process sleeps past the lease and goes on", async () => {
    const world = setUp();
    await world.put("one");
    const ownClock = createManualClock(world.clock.now());
    const awake = Promise.withResolvers<void>();
    world.process(
      async (effect) => {
        await awake.promise;
        return [world.mark(`${effect.id}-by-sleeper`)];
      },
      { clock: ownClock, processId: "sleeper" },
    );
    await ownClock.settle();
    world.process(async (effect) => [world.mark(`${effect.id}-by-other`)], { processId: "other" });

    await world.clock.advance(LEASE_MS + 6_000);
    awake.resolve();
    await ownClock.advance(1_000);

    expect(await world.marks()).toEqual(["one-by-other"]);
    expect(world.logger.lines.map(({ event }) => event)).toContain("effect.lost");
  });

  it("stopping waits for a handler within its bound, then aborts it, and keeps the effect for later", async () => {
    const world = setUp();
    await world.put("one");
    let reason: unknown;
    const workers = world.process((_effect, options) => {
      return new Promise(() =>
        options.signal.addEventListener("abort", () => (reason = options.signal.reason)),
      );
    });
    await world.clock.settle();

    const stopped = workers.stop(1_000);
    await world.clock.advance(999);
    const early = reason;
    await world.clock.advance(1);
    await stopped;

    expect(early).toBeUndefined();
    expect(reason).toMatchObject({ message: "Troupe is stopping." });
    expect(await world.states()).toEqual({ one: "pending" });
  });

  it("a stop gives up nothing, not even at the last attempt, and whoever starts next goes on at once", async () => {
    const world = setUp();
    await world.put("one");
    const hanging = () => new Promise<never>(() => {});
    const workers = world.process(hanging, {}, { retry: { maxAttempts: 1, baseMs: 60_000, capMs: 60_000 } });
    await world.clock.settle();
    const stopped = workers.stop(1_000);
    await world.clock.advance(1_000);
    await stopped;
    expect(await world.states()).toEqual({ one: "pending" });

    world.process(async (effect) => [world.mark(effect.id)]);
    await world.clock.settle();

    expect(await world.states()).toEqual({ one: "done" });
  });
});
