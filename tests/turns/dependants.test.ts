import type { InstanceAction, ModuleInstance } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createDependantsHandler } from "../../server/src/modules/index.ts";
import { NEVER, openStage, type Stage } from "./stage.ts";
import { add, DRAFT, standing, tasksBy, told } from "./tasks.ts";

/** What becomes of tasks that wait for others. */

const options = { signal: NEVER };

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const settling = () => ({
  effectHandlers: [createDependantsHandler({ ...stage.stores, clock: stage.clock }), told],
});

const endOfTask = (one: ModuleInstance | undefined, outcome: "done" | "failed"): readonly InstanceAction[] =>
  one === undefined ? [] : [{ kind: "remove", id: one.id, outcome, reason: "It was said." }];

test("ending a task makes what waits for it active, fails what fails with it, and holds the rest, link by link", async () => {
  const dependsOn = (on: string, ifFails: "hold" | "fail" = "hold") => ({ dependsOn: [{ on, ifFails }] });
  const tasks = tasksBy(
    ({ inbound, instances }) => {
      const [word, outcome] = String(Object(inbound[0]?.parts[0]).text).split(" ");
      if (word === "plan")
        return {
          actions: [
            add("a", { callbacks: { whenActive: DRAFT, whenEnded: DRAFT } }),
            add("b", { ...dependsOn("a"), callbacks: { whenActive: DRAFT } }),
            add("c", dependsOn("b", "fail")),
            add("d", dependsOn("c", "fail")),
            add("e", dependsOn("c")),
          ],
        };
      const named = instances.find(({ title }) => title === `Do ${word}`);
      return { actions: endOfTask(named, outcome === "done" ? "done" : "failed") };
    },
    { effects: [told] },
  );
  const ana = await stage.process("p1", { modules: [tasks], ...settling() });

  await ana.say("plan");
  await stage.clock.advance(6_000);
  expect(await standing(stage)).toEqual({
    ...{ "Do a": "active", "Do b": "blocked", "Do c": "blocked", "Do d": "blocked", "Do e": "blocked" },
  });
  await ana.say("a done");
  await stage.clock.advance(6_000);
  expect(await standing(stage)).toMatchObject({ "Do a": "done", "Do b": "active", "Do c": "blocked" });
  const { turnId } = await ana.say("b failed");
  await stage.clock.advance(12_000);

  expect(await standing(stage)).toEqual({
    ...{ "Do a": "done", "Do b": "failed", "Do c": "failed", "Do d": "failed", "Do e": "blocked" },
  });
  const effects = await stage.stores.effects.ofTurn(turnId, options);
  expect(new Set(effects.map(({ state }) => state))).toEqual(new Set(["done"]));
  const all = await stage.stores.effects.list({ spaceId: "default", states: ["done"] }, options);
  const payloads = all.items.flatMap(({ kind, payload }) => (kind === "tasks.told" ? [payload] : []));
  expect(payloads.map((one) => one.outcome ?? "active").toSorted()).toEqual(["active", "active", "done"]);
});

test("a task added behind one that ended while it was being decided becomes active all the same", async () => {
  const tasks = tasksBy(async ({ instances }) => {
    const [first] = instances;
    if (first === undefined) return { actions: [add("a")] };
    // Somebody else ends it in this very moment.
    const end = { id: first.id, outcome: "done", reason: "Elsewhere.", at: stage.clock.now() } as const;
    await stage.stores.unit.commit([stage.stores.moduleInstances.archive(end)], options);
    return { actions: [add("b", { dependsOn: [{ on: first.id }] })] };
  });
  const ana = await stage.process("p1", { modules: [tasks], ...settling() });
  await ana.say("one");

  await ana.say("two");
  await stage.clock.advance(6_000);

  expect(await standing(stage)).toEqual({ "Do a": "done", "Do b": "active" });
});

test("more dependants than one page holds are settled page by page", async () => {
  const { moduleInstances, unit } = stage.stores;
  const about = { spaceId: "default", agentId: "ana", moduleId: "tasks", sessionId: "s", turnId: "t" };
  const task = (id: string, dependsOn: readonly string[]) =>
    moduleInstances.add({
      ...{ ...about, id, storylineId: "story", audience: ["p1"], title: id, v: 1, payload: {} },
      ...{ callbacks: {}, createdAt: 1, state: dependsOn.length === 0 ? "active" : "blocked" },
      dependsOn: dependsOn.map((one) => ({ id: one, ifFails: "hold" })),
    });
  const ids = Array.from({ length: 230 }, (_, n) => `t-${String(n).padStart(3, "0")}`);
  await unit.commit([task("root", []), ...ids.map((id) => task(id, ["root"]))], options);
  const ana = await stage.process("p1", settling());
  await unit.commit(
    [
      moduleInstances.archive({ id: "root", outcome: "done", reason: "so", at: 2 }),
      stage.stores.effects.put({
        ...{ ...about, id: "e", kind: "module.settle", v: 1, lane: "background", createdAt: 2 },
        payload: { instanceId: "root" },
      }),
    ],
    options,
  );
  await stage.clock.advance(20_000);

  expect(ana.log.troubles()).toEqual([]);
  const states = await Promise.all(ids.map(async (id) => (await moduleInstances.get(id, options))?.state));
  expect(states.filter((state) => state === "active")).toHaveLength(230);
});

test("a task that waited for two which end together becomes active once, and its callback is told once", async () => {
  const tasks = tasksBy(
    ({ instances }) => {
      if (instances.length > 0)
        return { actions: instances.slice(0, 2).flatMap((one) => endOfTask(one, "done")) };
      const dependsOn = [{ on: "a" }, { on: "b" }];
      return { actions: [add("a"), add("b"), add("c", { dependsOn, callbacks: { whenActive: DRAFT } })] };
    },
    { effects: [told] },
  );
  const ana = await stage.process("p1", { modules: [tasks], ...settling() });
  await ana.say("plan");
  await ana.say("both are done");
  await stage.clock.advance(12_000);

  expect(await standing(stage)).toEqual({ "Do a": "done", "Do b": "done", "Do c": "active" });
  const { items } = await stage.stores.effects.list({ spaceId: "default", states: ["done"] }, options);
  expect(items.map(({ kind }) => kind).toSorted()).toEqual(["module.settle", "module.settle", "tasks.told"]);
});
