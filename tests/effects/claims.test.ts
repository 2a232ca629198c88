import type { Effect, EffectHandler, UnitOfWork } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { createManualClock } from "@troupe/testing";
import { describe, expect, it } from "vitest";
import { LEASE_MS, setUp } from "./fixture.ts";

/** A handler that ends when it is told to. */
function gated() {
  const gate = Promise.withResolvers<void>();
  let reason: unknown;
  return {
    open: () => gate.resolve(),
    reason: () => reason,
    handler:
      (mark: (id: string) => ReturnType<ReturnType<typeof setUp>["mark"]>): EffectHandler["handle"] =>
      async (effect, options) => {
        options.signal.addEventListener("abort", () => (reason = options.signal.reason));
        await gate.promise;
        return [mark(`${effect.id}-${effect.attempt}`)];
      },
  };
}

describe("claims of effects that run", () => {
  it("last as long as their handlers run, in one commit for all, and nobody else begins them", async () => {
    const world = setUp();
    const gate = gated();
    const commits: number[] = [];
    const unit: UnitOfWork = {
      ...world.stores.unit,
      commit: (writes, options) => {
        commits.push(writes.length);
        return world.stores.unit.commit(writes, options);
      },
    };
    await world.put("one");
    await world.put("two");
    world.process(gate.handler(world.mark), { unit }, { timeoutMs: 600_000 });
    await world.clock.settle();
    commits.length = 0;
    const others: string[] = [];
    world.process(
      async ({ id }: Effect) => {
        others.push(id);
        return [];
      },
      { processId: "other" },
    );

    await world.clock.advance(LEASE_MS * 5);
    const renewals = [...commits];
    gate.open();
    await world.clock.settle();

    expect(others).toEqual([]);
    expect(renewals.length).toBeGreaterThanOrEqual(10);
    expect(renewals.length).toBeLessThanOrEqual(16);
    expect(new Set(renewals)).toEqual(new Set([1]));
    expect(await world.marks()).toEqual(["one-1", "two-1"]);
  });

  it("that cannot be prolonged stop their handlers before they end", async () => {
    const world = setUp();
    const gate = gated();
    await world.put("one");
    const effects = {
      ...world.stores.effects,
      renew: (): never => {
        throw new TroupeError("away", { code: "store.busy" });
      },
    };
    world.process(gate.handler(world.mark), { effects }, { timeoutMs: 600_000 });

    await world.clock.advance(LEASE_MS);
    expect(gate.reason()).toMatchObject({ code: "store.conflict" });
    expect(world.logger.lines.map(({ event }) => event)).toContain("effect.claim_lost");
    expect(await world.states()).toEqual({ one: "pending" });
  });

  it("that another process took while this one slept stop the handler when it wakes", async () => {
    const world = setUp();
    const gate = gated();
    await world.put("one");
    const ownClock = createManualClock(world.clock.now());
    world.process(
      gate.handler(world.mark),
      { clock: ownClock, processId: "sleeper" },
      { timeoutMs: 600_000 },
    );
    await ownClock.settle();
    world.process(async ({ id }) => [world.mark(`${id}-by-other`)], { processId: "other" });

    await world.clock.advance(LEASE_MS + 6_000);
    await ownClock.advance(LEASE_MS);
    gate.open();
    await ownClock.settle();

    expect(gate.reason()).toMatchObject({ code: "store.conflict" });
    expect(await world.marks()).toEqual(["one-by-other"]);
  });
});

describe("effects that take their process down", () => {
  it("count an attempt each time, and are dead after as many as their kind allows", async () => {
    const world = setUp();
    await world.put("one");
    const begun: number[] = [];
    const retry = { maxAttempts: 3 };
    for (let n = 1; n <= 5; n++) {
      // Its clock stands still: it neither prolongs nor ends what it began.
      const clock = createManualClock(world.clock.now());
      world.process(
        ({ attempt }) => {
          begun.push(attempt);
          return new Promise(() => {});
        },
        { clock, processId: `p-${n}` },
        { retry },
      );
      await clock.settle();
      await world.clock.advance(LEASE_MS + 1);
    }

    const [kept] = await world.stores.effects.ofTurn("t", { signal: new AbortController().signal });
    expect(begun).toEqual([1, 2, 3]);
    expect(kept).toMatchObject({ state: "dead", error: expect.stringContaining("after 3 attempts") });
    expect(kept?.errors.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
  });

  it("one that always fails among a thousand blocks none of them", async () => {
    const world = setUp();
    await world.put("poison", { createdAt: 0, priority: 0 });
    for (let n = 0; n < 1_000; n++) await world.put(`good-${n}`);
    let attempts = 0;
    world.process(async ({ id }) => {
      if (id !== "poison") return [];
      attempts += 1;
      throw new Error("never works");
    });

    await world.clock.advance(4 * 3_600_000);

    const states = Object.entries(await world.states());
    expect(attempts).toBe(10);
    expect(states.filter(([, state]) => state === "done")).toHaveLength(1_000);
    expect(states.filter(([, state]) => state === "dead")).toEqual([["poison", "dead"]]);
  }, 120_000);

  it("hold up nobody of their key once they are dead", async () => {
    const world = setUp();
    for (const id of ["a", "b", "c"]) await world.put(id, { key: "kate" });
    const begun: string[] = [];
    world.process(
      async ({ id }) => {
        begun.push(id);
        if (id === "a") throw new Error("never works");
        return [world.mark(id)];
      },
      {},
      { retry: { maxAttempts: 2 } },
    );

    await world.clock.advance(60_000);

    expect(begun).toEqual(["a", "a", "b", "c"]);
    expect(await world.states()).toEqual({ a: "dead", b: "done", c: "done" });
  });
});

describe("retries as their kind wishes", () => {
  it("come after its pauses and no more often than it says", async () => {
    const world = setUp();
    await world.put("one");
    const at: number[] = [];
    world.process(
      () => {
        at.push(world.clock.monotonicMs());
        return Promise.reject(new Error("away"));
      },
      {},
      { retry: { maxAttempts: 3, baseMs: 100, capMs: 300 } },
    );

    await world.clock.advance(10_000);

    expect(at).toEqual([0, 150, 375]);
    expect(await world.states()).toEqual({ one: "dead" });
  });

  it("carry every effect of a kind that one commit put, not the last alone", async () => {
    const world = setUp();
    for (const id of ["a", "b", "c"]) await world.put(id);
    world.process(async ({ id }) => [world.mark(id)]);

    await world.clock.advance(1_000);

    expect(await world.marks()).toEqual(["a", "b", "c"]);
  });
});
