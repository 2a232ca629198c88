import type { FlowRun, FlowWait, NewFlow } from "@troupe/contracts";
import { expect, it } from "vitest";
import { codeOf, commit, type GetHarness, options, result, SPACE } from "./store-fixtures.ts";
import { change, claim, flowIn, moveOf, newFlow, PROGRAMS, start, whatOf } from "./store-flow-fixtures.ts";

export function describeFlowFamilies(get: GetHarness): void {
  describeDrives(get);
  describeFamilies(get);
  describeLists(get);
  describeParked(get);
}

function describeDrives(get: GetHarness): void {
  const own = { id: "flow-1", spaceId: SPACE, sessionId: "session-1", definition: "order" };
  const mine: Partial<NewFlow> = { sessionId: "session-1", wait: { kind: "manual", to: "pack" } };

  it("lets an agent move a flow several times in one commit, joining what it notes", async () => {
    const harness = get();
    const { flows } = harness.stores;
    const wait: FlowWait = { kind: "manual", to: "send" };

    await commit(
      harness,
      flows.start(newFlow(mine), change(harness, "started")),
      flows.drive(
        { ...own, key: "call-1", step: "send", patch: { box: "blue", count: 2 }, wait },
        change(harness, "advanced"),
      ),
      flows.drive(
        { ...own, key: "call-2", patch: { count: 3 }, end: "finished" },
        change(harness, "finished"),
      ),
    );

    expect(await flowIn(harness)).toMatchObject({
      ...{ step: "send", status: "finished", state: { order: 7, box: "blue", count: 3 }, revision: 3 },
    });
    expect(await whatOf(harness)).toEqual(["started", "advanced", "finished"]);
  });

  it("does nothing to the flow of another session, to another definition, or to what is to be cancelled", async () => {
    const harness = get();
    const { flows } = harness.stores;
    await start(harness, mine);
    const before = await flowIn(harness);
    const drive = (over: object) =>
      commit(
        harness,
        flows.drive(
          { ...own, key: "call", patch: {}, end: "finished", ...over },
          change(harness, "finished"),
        ),
      );

    await drive({ sessionId: "session-2" });
    await drive({ definition: "another" });
    await drive({ spaceId: "other" });
    expect(await flowIn(harness)).toEqual(before);
    await commit(harness, flows.requestCancel(before, change(harness, "cancel-requested", "stop")));
    await drive({});

    expect((await flowIn(harness)).status).toBe("waiting");
    expect(await whatOf(harness)).toEqual(["started", "cancel-requested"]);
  });
}

function describeFamilies(get: GetHarness): void {
  it("makes a parent that waits for its children look again when one ends", async () => {
    const harness = get();
    const { flows } = harness.stores;
    await start(harness, { id: "parent", wait: { kind: "children", to: "all-done" } });
    await start(harness, { id: "child", parentId: "parent" });
    const [parent] = (await claim(harness)).filter(({ id }) => id === "parent");
    const child = await flowIn(harness, "child");
    await commit(harness, flows.move(moveOf(child, { end: "finished" }), change(harness, "finished")));

    // Whoever counted before the child ended may not put the parent to rest.
    const rest = flows.release(parent as FlowRun, { dueAt: undefined, attempt: 0 });
    expect(await codeOf(commit(harness, rest))).toBe("store.conflict");
    expect((await claim(harness)).map(({ id }) => id)).toEqual(["parent"]);
    expect(await flows.children("parent", options)).toMatchObject([{ id: "child", status: "finished" }]);
    expect(await whatOf(harness, "parent")).toEqual(["started", "child-ended"]);
  });

  it("says whether a child has not ended yet", async () => {
    const harness = get();
    const { flows } = harness.stores;
    await start(harness, { id: "parent", wait: { kind: "children", to: "all-done" } });
    expect(await flows.hasOpenChildren("parent", options)).toBe(false);
    await start(harness, { id: "child", parentId: "parent" });
    expect(await flows.hasOpenChildren("parent", options)).toBe(true);
    const child = await flowIn(harness, "child");
    await commit(harness, flows.move(moveOf(child, { end: "failed" }), change(harness, "failed")));

    expect(await flows.hasOpenChildren("parent", options)).toBe(false);
  });

  it("asks the children of a cancelled or failed flow to cancel, and of a finished one not", async () => {
    const harness = get();
    const { flows } = harness.stores;
    for (const end of ["cancelled", "failed", "finished"] as const) {
      await start(harness, { id: end });
      await start(harness, { id: `child of ${end}`, parentId: end });
      await commit(harness, flows.move(moveOf(await flowIn(harness, end), { end }), change(harness, end)));
    }
    const asked = async (end: string) =>
      (await flowIn(harness, `child of ${end}`)).cancelRequested !== undefined;

    expect([await asked("cancelled"), await asked("failed"), await asked("finished")]).toEqual([
      true,
      true,
      false,
    ]);
    expect(await whatOf(harness, "child of failed")).toEqual(["started", "cancel-requested"]);
  });
}

function describeLists(get: GetHarness): void {
  it("lists by status and definition, newest first and page by page, and those of a session", async () => {
    const harness = get();
    const { flows } = harness.stores;
    await start(harness, { id: "a", sessionId: "session-1" });
    await start(harness, { id: "b", definition: "other" });
    await start(harness, { id: "c" });
    await start(harness, { id: "d", wait: { kind: "manual", to: "x" } });
    const running = { spaceId: SPACE, statuses: ["running"] as const };
    const idsOf = (items: readonly FlowRun[]) => items.map(({ id }) => id);

    const page = await flows.list({ ...running, limit: 2 }, options);
    expect(idsOf(page.items)).toEqual(["c", "b"]);
    expect(
      idsOf((await flows.list({ ...running, limit: 2, cursor: page.next ?? "" }, options)).items),
    ).toEqual(["a"]);
    expect(idsOf((await flows.list({ ...running, definition: "other" }, options)).items)).toEqual(["b"]);
    expect(idsOf((await flows.list({ ...running, spaceId: "other" }, options)).items)).toEqual([]);
    const session = { spaceId: SPACE, sessionId: "session-1", limit: 5 };
    expect(idsOf(await flows.ofSession(session, options))).toEqual(["a"]);
    expect(idsOf(await flows.ofSession({ ...session, spaceId: "other" }, options))).toEqual([]);
  });

  it("lists only what waits for one kind of thing, or what no known program is", async () => {
    const harness = get();
    const { flows } = harness.stores;
    await start(harness, { id: "runs" });
    await start(harness, { id: "waits", wait: { kind: "manual", to: "x" } });
    await start(harness, { id: "old", version: 9, wait: { kind: "manual", to: "x" } });
    await start(harness, { id: "watched", definition: "ci", isMirrored: true });
    await start(harness, { id: "gone", version: 9 });
    await commit(
      harness,
      flows.move(moveOf(await flowIn(harness, "gone"), { end: "finished" }), change(harness, "finished")),
    );
    const open = { spaceId: SPACE, statuses: ["running", "waiting"] as const };
    const listed = async (query: object) =>
      (await flows.list({ ...open, ...query }, options)).items.map(({ id }) => id);

    expect(await listed({ on: "manual" })).toEqual(["old", "waits"]);
    expect(await listed({ on: "event" })).toEqual([]);
    expect(await listed({ unknownTo: PROGRAMS })).toEqual(["old"]);
    expect(await listed({ unknownTo: [] })).toEqual(["old", "waits", "runs"]);
  });
}

function describeParked(get: GetHarness): void {
  it("counts what is parked by what it waits for, unknown versions apart", async () => {
    const harness = get();
    const { flows } = harness.stores;
    await start(harness, { id: "runs" });
    await start(harness, { id: "a", wait: { kind: "manual", to: "x" } });
    await start(harness, { id: "b", wait: { kind: "manual", to: "x" } });
    await start(harness, { id: "old", version: 9 });

    const oldestAt = expect.any(Number);
    expect(await flows.parked({ spaceId: SPACE, programs: PROGRAMS }, options)).toEqual([
      { on: "manual", count: 2, oldestAt },
      { on: "version", count: 1, oldestAt },
    ]);
    expect(await flows.parked({ spaceId: "other", programs: PROGRAMS }, options)).toEqual([]);
  });

  it("deletes what ended long ago with its history, oldest first, and nothing that is open", async () => {
    const harness = get();
    const { flows } = harness.stores;
    for (const id of ["a", "b"]) {
      await start(harness, { id });
      await commit(
        harness,
        flows.move(moveOf(await flowIn(harness, id), { end: "finished" }), change(harness, "finished")),
      );
      await harness.pass(5);
    }
    await start(harness, { id: "open" });
    const prune = (limit: number) =>
      result(harness, flows.prune({ spaceId: SPACE, before: harness.now(), limit }));

    expect(await prune(1)).toEqual({ count: 1 });
    expect([await flows.get("a", options), await whatOf(harness, "a")]).toEqual([undefined, []]);
    expect(await prune(9)).toEqual({ count: 1 });
    expect((await flowIn(harness, "open")).status).toBe("running");
  });
}
