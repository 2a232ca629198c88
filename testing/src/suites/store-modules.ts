import type { ModuleInstance, NewModuleInstance } from "@troupe/contracts";
import { expect, it } from "vitest";
import { accepting, commit, finished, type GetHarness, options, SPACE } from "./store-fixtures.ts";

const AT = Date.UTC(2026, 10, 20, 12, 0, 0);

const instance = (change: Partial<NewModuleInstance> = {}): NewModuleInstance => ({
  id: "task-1",
  spaceId: SPACE,
  agentId: "ana",
  moduleId: "tasks",
  sessionId: "session-1",
  turnId: "turn-1",
  storylineId: "story-1",
  audience: ["peer-1"],
  title: "Find the recipe 🎭",
  v: 1,
  payload: { of: "Oma's книга" },
  state: "active",
  dependsOn: [],
  callbacks: { whenEnded: { kind: "tasks.ended", v: 1, payload: { to: "you" } } },
  createdAt: AT,
  ...change,
});

const kept = ({ dependsOn: _, storylineId: _story, ...one }: NewModuleInstance): ModuleInstance => ({
  ...one,
  ...{ outcome: undefined, reason: undefined, endedAt: undefined, updatedAt: one.createdAt },
});

export function describeModules(get: GetHarness): void {
  describeInstances(get);
  describeEnding(get);
  describeDependencies(get);
  describeEndOfInstances(get);
}

function describeInstances(get: GetHarness): void {
  it("keeps an instance along its storylines, and adding it again changes nothing", async () => {
    const harness = get();
    const { moduleInstances } = harness.stores;
    const open = (storylineId: string) =>
      moduleInstances.open({ storylineId, moduleId: "tasks", readers: ["peer-1"] }, options);
    const task = instance();

    await commit(harness, moduleInstances.add(task));
    await commit(harness, moduleInstances.add({ ...task, title: "Another" }));
    await commit(
      harness,
      moduleInstances.link({ id: "task-1", storylineId: "story-2", sessionId: "session-2", at: AT }),
      moduleInstances.link({ id: "task-1", storylineId: "story-2", sessionId: "session-2", at: AT }),
      moduleInstances.link({ id: "gone", storylineId: "story-2", sessionId: "session-2", at: AT }),
    );

    expect(await moduleInstances.get("task-1", options)).toEqual(kept(task));
    expect(await open("story-1")).toEqual([kept(task)]);
    expect(await open("story-2")).toEqual([kept(task)]);
    expect(await open("story-3")).toEqual([]);
    const others = { storylineId: "story-1", moduleId: "other", readers: ["peer-1"] };
    expect(await moduleInstances.open(others, options)).toEqual([]);
  });

  it("gives an instance only where every reader may know of it", async () => {
    const harness = get();
    const { moduleInstances } = harness.stores;
    await commit(harness, moduleInstances.add(instance({ audience: ["peer-1", "peer-2"] })));
    const open = async (...readers: string[]) =>
      (await moduleInstances.open({ storylineId: "story-1", moduleId: "tasks", readers }, options)).length;

    expect([await open("peer-1"), await open("peer-2", "peer-1"), await open("peer-1", "peer-3")]).toEqual([
      1, 1, 0,
    ]);
  });
}

function describeEnding(get: GetHarness): void {
  it("ends an instance once: the first outcome stands, and nothing changes it later", async () => {
    const harness = get();
    const { moduleInstances } = harness.stores;
    const task = instance();
    await commit(harness, moduleInstances.add(task));
    const renewed = { id: "task-1", title: "Find two", v: 2, payload: { of: "both" } };

    await commit(harness, moduleInstances.update({ ...renewed, at: AT + 1 }));
    expect(await moduleInstances.get("task-1", options)).toEqual({
      ...kept(task),
      ...renewed,
      updatedAt: AT + 1,
    });
    await commit(
      harness,
      moduleInstances.archive({ id: "task-1", outcome: "done", reason: "found", at: AT + 2 }),
    );
    await commit(
      harness,
      moduleInstances.archive({ id: "task-1", outcome: "failed", reason: "late", at: AT + 3 }),
      moduleInstances.update({ ...renewed, title: "Three", at: AT + 4 }),
      moduleInstances.activate("task-1", AT + 5),
    );

    const ended = { state: "archived", outcome: "done", reason: "found", updatedAt: AT + 2, endedAt: AT + 2 };
    expect(await moduleInstances.get("task-1", options)).toEqual({ ...kept(task), ...renewed, ...ended });
    expect(
      await moduleInstances.open({ storylineId: "story-1", moduleId: "tasks", readers: ["peer-1"] }, options),
    ).toEqual([]);
  });
}

function describeDependencies(get: GetHarness): void {
  it("tells what an instance waits for, and who waits for it", async () => {
    const harness = get();
    const { moduleInstances } = harness.stores;
    const waiting = instance({
      id: "task-2",
      state: "blocked",
      dependsOn: [
        { id: "task-1", ifFails: "fail" },
        { id: "gone", ifFails: "hold" },
      ],
    });
    await commit(harness, moduleInstances.add(instance()), moduleInstances.add(waiting));
    const dependants = (id: string, after?: string) =>
      moduleInstances.dependants(after === undefined ? { id } : { id, after }, options);

    expect(await moduleInstances.dependencies("task-2", options)).toEqual([
      { id: "gone", ifFails: "hold", state: undefined, outcome: undefined },
      { id: "task-1", ifFails: "fail", state: "active", outcome: undefined },
    ]);
    expect(await dependants("task-1")).toEqual(["task-2"]);
    expect(await dependants("task-1", "task-2")).toEqual([]);
    expect(await dependants("task-2")).toEqual([]);

    await commit(harness, moduleInstances.activate("task-2", AT + 1));
    expect(await moduleInstances.get("task-2", options)).toMatchObject({
      state: "active",
      updatedAt: AT + 1,
    });
    expect(await dependants("task-1")).toEqual([]);
  });
}

function describeEndOfInstances(get: GetHarness): void {
  it("lists instances for operators, newest first and page by page", async () => {
    const harness = get();
    const { moduleInstances } = harness.stores;
    for (const n of [1, 2, 3]) {
      const agentId = n === 2 ? "kate" : "ana";
      await commit(harness, moduleInstances.add(instance({ id: `task-${n}`, agentId })));
    }
    const states = ["active"] as const;
    const ids = (page: { items: readonly ModuleInstance[] }) => page.items.map(({ id }) => id);

    const first = await moduleInstances.list({ spaceId: SPACE, states, limit: 2 }, options);
    expect(ids(first)).toEqual(["task-3", "task-2"]);
    const cursor = first.next;
    if (cursor === undefined) throw new Error("no second page");
    expect(ids(await moduleInstances.list({ spaceId: SPACE, states, cursor }, options))).toEqual(["task-1"]);
    expect(ids(await moduleInstances.list({ spaceId: SPACE, states, agentId: "kate" }, options))).toEqual([
      "task-2",
    ]);
    expect(ids(await moduleInstances.list({ spaceId: SPACE, states: ["archived"] }, options))).toEqual([]);
  });

  it("deletes the instances of a session with it, and their links, and no other", async () => {
    const harness = get();
    const { moduleInstances, turns, sessions } = harness.stores;
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    await commit(harness, turns.finish(finished()));
    const other = instance({ id: "task-2", sessionId: "session-2", storylineId: "story-2" });
    await commit(
      harness,
      moduleInstances.add(instance()),
      moduleInstances.add(other),
      moduleInstances.link({ id: "task-1", storylineId: "story-2", sessionId: "session-2", at: AT }),
    );

    await commit(harness, sessions.remove("session-1"));

    expect(await moduleInstances.get("task-1", options)).toBeUndefined();
    expect(
      await moduleInstances.open({ storylineId: "story-2", moduleId: "tasks", readers: ["peer-1"] }, options),
    ).toEqual([kept(other)]);
  });
}
