import { type Effect, type EffectHandler, TroupeError } from "@troupe/contracts";
import { describe, expect, it } from "vitest";
import { setUp } from "./fixture.ts";

/** Tells of each call which effects it was for. */
function batching(world: ReturnType<typeof setUp>, max: number, bad: string | undefined = undefined) {
  const calls: string[][] = [];
  const handle = async (effects: readonly Effect[]) => {
    calls.push(effects.map(({ id }) => id));
    if (effects.some(({ id }) => id === bad)) throw new Error(`${bad} is bad`);
    return effects.map(({ id }) => world.mark(id));
  };
  const own: Partial<EffectHandler> = { batch: { max, handle }, retry: { maxAttempts: 2 } };
  return { calls, own, one: (effect: Effect) => handle([effect]) };
}

describe("effects that are handled together", () => {
  it("come as many at once as their handler takes, in their order, and end in one commit", async () => {
    const world = setUp();
    for (let n = 1; n <= 7; n++) await world.put(`e-${n}`);
    const { calls, own, one } = batching(world, 5);
    const doneMarks: number[] = [];
    const unit = {
      ...world.stores.unit,
      commit: (...args: Parameters<typeof world.stores.unit.commit>) => {
        doneMarks.push(args[0].length);
        return world.stores.unit.commit(...args);
      },
    };
    world.process(one, { unit }, own);

    await world.clock.advance(1_000);

    expect(calls[0]).toEqual(["e-1", "e-2", "e-3", "e-4", "e-5"]);
    expect(calls.flat().toSorted()).toEqual(["e-1", "e-2", "e-3", "e-4", "e-5", "e-6", "e-7"]);
    // Five of their own, and one mark for all.
    expect(doneMarks).toContain(6);
    expect(new Set(Object.values(await world.states()))).toEqual(new Set(["done"]));
  });

  it("are handled one by one where one of them is bad, and only that one fails", async () => {
    const world = setUp();
    for (const id of ["a", "bad", "c"]) await world.put(id);
    const { calls, own, one } = batching(world, 5, "bad");
    world.process(one, {}, own);

    await world.clock.advance(60_000);

    expect(calls).toEqual([["a", "bad", "c"], ["a"], ["bad"], ["c"], ["bad"]]);
    expect(await world.states()).toEqual({ a: "done", bad: "dead", c: "done" });
    expect(await world.marks()).toEqual(["a", "c"]);
  });

  it("fail alone where their handler says so: what it wrote is kept with the others, and nobody is handled twice", async () => {
    const world = setUp();
    for (const id of ["a", "bad", "hopeless"]) await world.put(id);
    const calls: string[][] = [];
    const handle: NonNullable<EffectHandler["batch"]>["handle"] = async (effects, { fail }) => {
      calls.push(effects.map(({ id }) => id));
      for (const { id } of effects) {
        if (id === "bad") fail?.(id, new Error("bad for now"));
        if (id === "hopeless") fail?.(id, new TroupeError("No.", { code: "request.invalid" }));
      }
      return effects.map(({ id }) => world.mark(id));
    };
    world.process(
      (effect, options) => handle([effect], options),
      {},
      {
        ...{ batch: { max: 5, handle }, retry: { maxAttempts: 2 } },
      },
    );

    await world.clock.advance(1_000);
    const [states, marks] = [await world.states(), await world.marks()];
    await world.clock.advance(60_000);

    expect(calls).toEqual([["a", "bad", "hopeless"], ["bad"]]);
    expect(states).toEqual({ a: "done", bad: "pending", hopeless: "dead" });
    expect(marks).toEqual(["a", "bad", "hopeless"]);
    expect(await world.states()).toEqual({ a: "done", bad: "dead", hopeless: "dead" });
  });

  it("are of one version, and never two of one key", async () => {
    const world = setUp();
    await world.put("a", { key: "kate" });
    await world.put("b", { key: "kate" });
    await world.put("c");
    await world.put("v2", { v: 2 });
    const { calls, own, one } = batching(world, 5);
    world.process(one, {}, { ...own, versions: [1, 2] });

    await world.clock.advance(1_000);

    for (const call of calls) {
      expect(call).not.toEqual(expect.arrayContaining(["a", "b"]));
      if (call.includes("v2")) expect(call).toEqual(["v2"]);
    }
    expect(calls.flat().indexOf("a")).toBeLessThan(calls.flat().indexOf("b"));
    expect(calls.flat().toSorted()).toEqual(["a", "b", "c", "v2"]);
  });
});

describe("a lane past its bound", () => {
  const LANES = { background: { parallel: 1, leaseMs: 10_000, shedAbove: 3 } };
  const lanes = (world: ReturnType<typeof setUp>) => ({ ...world.lanes, ...LANES });

  it("leaves out what may be left out, visibly, and nothing else", async () => {
    const world = setUp();
    for (let n = 1; n <= 6; n++) await world.put(`hint-${n}`);
    world.process(async ({ id }) => [world.mark(id)], { lanes: lanes(world) }, { mayShed: true });

    await world.clock.advance(60_000);

    expect(await world.states()).toEqual({
      ...{ "hint-1": "done", "hint-2": "done", "hint-3": "done" },
      ...{ "hint-4": "shed", "hint-5": "shed", "hint-6": "shed" },
    });
    expect(world.logger.lines.filter(({ event }) => event === "effect.shed")).toHaveLength(1);
    expect(world.metrics.render()).toMatch(/effects_total\{kind="test.work",outcome="shed"\} 3/);
  });

  it("runs everything of kinds that do not say that they may be left out", async () => {
    const world = setUp();
    for (let n = 1; n <= 6; n++) await world.put(`work-${n}`);
    world.process(async ({ id }) => [world.mark(id)], { lanes: lanes(world) });

    await world.clock.advance(60_000);

    expect(await world.marks()).toHaveLength(6);
  });
});

it("parked effects are taken up by a process that knows them", async () => {
  const world = setUp();
  await world.put("one", { v: 2 });
  const old = world.process(() => Promise.reject(new Error("must not run")));
  await world.clock.advance(1_000);
  const before = await world.states();
  await old.stop(0);
  world.process(async ({ id }) => [world.mark(id)], { processId: "newer" }, { versions: [1, 2] });

  await world.clock.advance(1_000);

  expect([before, await world.states()]).toEqual([{ one: "parked" }, { one: "done" }]);
});
