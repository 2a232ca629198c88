import type { FlowRun, FlowWait } from "@troupe/contracts";
import { expect, it } from "vitest";
import { codeOf, commit, type GetHarness, options, result, SPACE } from "./store-fixtures.ts";
import { change, claim, claimOne, flowIn, moveOf, PROGRAMS, start, whatOf } from "./store-flow-fixtures.ts";

export function describeFlows(get: GetHarness): void {
  describeChanges(get);
  describeHistories(get);
  describeClaims(get);
  describeRenewals(get);
  describeDueTimes(get);
  describeCancels(get);
}

function describeChanges(get: GetHarness): void {
  it("keeps a flow as it was begun, once however often it is", async () => {
    const harness = get();
    await start(harness);
    await start(harness, { goal: "Another" });

    expect(await flowIn(harness)).toMatchObject({
      ...{ goal: "Deliver order 7", state: { order: 7 }, step: "pack", status: "running", reason: "start" },
      ...{ revision: 1, attempt: 0, wait: undefined, endedAt: undefined, isMirrored: false },
    });
    expect(await whatOf(harness)).toEqual(["started"]);
  });

  it("writes each change with its line of history, and refuses one that comes from an older revision", async () => {
    const harness = get();
    const { flows } = harness.stores;
    await start(harness);
    const flow = await flowIn(harness);
    const wait: FlowWait = { kind: "manual", to: "send" };

    await commit(
      harness,
      flows.move(
        moveOf(flow, { wait, state: { packed: "так 📦" } }),
        change(harness, "waits", "for a person"),
      ),
    );
    const late = await codeOf(
      commit(harness, flows.move(moveOf(flow, { step: "send" }), change(harness, "step"))),
    );

    expect(late).toBe("store.conflict");
    expect(await flowIn(harness)).toMatchObject({
      ...{ status: "waiting", wait, state: { packed: "так 📦" }, revision: 2, dueAt: undefined },
    });
    expect(await flows.history({ id: "flow-1" }, options)).toMatchObject([
      { n: 1, what: "started", step: "pack" },
      { n: 2, what: "waits", step: "pack", by: "process-1", detail: "for a person" },
    ]);
  });

  it("changes nothing that has ended", async () => {
    const harness = get();
    const { flows } = harness.stores;
    await start(harness);
    await commit(
      harness,
      flows.move(moveOf(await flowIn(harness), { end: "finished" }), change(harness, "finished")),
    );
    const ended = await flowIn(harness);

    expect(ended).toMatchObject({ status: "finished", dueAt: undefined, endedAt: expect.any(Number) });
    expect(await codeOf(commit(harness, flows.move(moveOf(ended), change(harness, "step"))))).toBe(
      "store.conflict",
    );
    await commit(harness, flows.requestCancel(ended, change(harness, "cancel-requested", "too late")));
    expect(await flowIn(harness)).toEqual(ended);
  });

  it("keeps texts that no database looks into, such as a NUL and half a letter", async () => {
    const harness = get();
    const nul = String.fromCharCode(0);
    await start(harness, { state: { odd: `a${nul}b`, half: "\ud800" } });

    expect((await flowIn(harness)).state).toEqual({ odd: "a\ufffdb", half: "\ufffd" });
  });
}

function describeHistories(get: GetHarness): void {
  it("gives the newest lines of a long history, oldest first, and those before a revision", async () => {
    const harness = get();
    const { flows } = harness.stores;
    await start(harness);
    for (const step of ["a", "b", "c"])
      await commit(harness, flows.move(moveOf(await flowIn(harness), { step }), change(harness, step)));
    const linesOf = async (query: object) =>
      (await flows.history({ id: "flow-1", ...query }, options)).map(({ n, what }) => `${n} ${what}`);

    expect(await linesOf({ limit: 2 })).toEqual(["3 b", "4 c"]);
    expect(await linesOf({ limit: 2, before: 3 })).toEqual(["1 started", "2 a"]);
    expect(await linesOf({})).toHaveLength(4);
  });
}

function describeRenewals(get: GetHarness): void {
  it("prolongs the claims that are still held, and tells which of them are to be cancelled", async () => {
    const harness = get();
    const { flows } = harness.stores;
    for (const id of ["kept", "asked", "taken", "free"]) await start(harness, { id });
    const first = flows.claim({ owner: "a", leaseMs: 400, limit: 3, programs: PROGRAMS });
    expect(await result(harness, first)).toHaveLength(3);
    await commit(
      harness,
      flows.requestCancel({ id: "asked", spaceId: SPACE }, change(harness, "cancel-requested", "stop")),
      flows.move(moveOf(await flowIn(harness, "taken"), { step: "send" }), change(harness, "step")),
    );
    const renew = (owner: string) =>
      result(
        harness,
        flows.renew({ owner, leaseMs: 60_000, ids: ["kept", "asked", "taken", "free", "none"] }),
      );

    expect((await renew("a")).toSorted((one, two) => one.id.localeCompare(two.id))).toEqual([
      { id: "asked", epoch: 1, cancelRequested: "stop" },
      { id: "kept", epoch: 1, cancelRequested: undefined },
    ]);
    expect(await renew("b")).toEqual([]);
    await harness.pass(450);
    // The lease that was prolonged stands; only what nobody held is given.
    expect((await claim(harness, "b")).map(({ id }) => id).toSorted()).toEqual(["free", "taken"]);
  });
}

function describeClaims(get: GetHarness): void {
  it("gives a due flow to one claim, under its next epoch, until the lease ends", async () => {
    const harness = get();
    const { flows } = harness.stores;
    await start(harness);

    const [first] = await result(
      harness,
      flows.claim({ owner: "a", leaseMs: 1_000, limit: 5, programs: PROGRAMS }),
    );
    expect(first).toMatchObject({ epoch: 1, attempt: 1, owner: "a" });
    expect(await claim(harness, "b")).toEqual([]);
    await harness.pass(1_001);
    const [second] = await claim(harness, "b");

    expect(second).toMatchObject({ epoch: 2, attempt: 2, owner: "b" });
    const late = flows.move(moveOf(first as FlowRun, { epoch: 1, step: "send" }), change(harness, "step"));
    expect(await codeOf(commit(harness, late))).toBe("store.conflict");
  });

  it("gives no flow of a program that the process does not know, and says nothing of it to its timer", async () => {
    const harness = get();
    const { flows } = harness.stores;
    await start(harness);

    expect(await flows.nextDue(["order@2"], options)).toBeUndefined();
    expect(await claim(harness, "new", ["order@2", "other@1"])).toEqual([]);
    expect(await claim(harness, "old", ["other@1", "order@1"])).toHaveLength(1);
  });

  it("gives nothing to a process whose own lease has ended, whose claims would be over as they begin", async () => {
    const harness = get();
    const { leases } = harness.stores;
    await commit(harness, leases.register({ id: "a", pid: 1, role: "all", leaseMs: 60_000 }));
    await start(harness);
    expect(await claim(harness, "a")).toHaveLength(1);
    await start(harness, { id: "flow-2" });
    await commit(harness, leases.end("a"));

    expect(await claim(harness, "a")).toEqual([]);
    await commit(harness, leases.renew("a", 60_000));
    expect((await claim(harness, "a")).map(({ id }) => id)).toEqual(["flow-2"]);
  });

  it("takes over at once from a process whose lease has ended", async () => {
    const harness = get();
    const { flows, leases } = harness.stores;
    await commit(harness, leases.register({ id: "process-1", pid: 1, role: "all", leaseMs: 60_000 }));
    await start(harness);
    await claimOne(harness);
    expect(await flows.nextDue(PROGRAMS, options)).toBeGreaterThan(harness.now());

    await commit(harness, leases.end("process-1"));

    expect(await flows.nextDue(PROGRAMS, options)).toBe(0);
    expect(await claim(harness, "process-2")).toMatchObject([{ epoch: 2, owner: "process-2" }]);
  });
}

function describeDueTimes(get: GetHarness): void {
  it("gives back a claim to be tried later, with the reason and the tries so far", async () => {
    const harness = get();
    const { flows } = harness.stores;
    await start(harness);
    const flow = await claimOne(harness);
    const dueAt = harness.now() + 60_000;

    await commit(harness, flows.release(flow, { dueAt, error: "The shop is closed.", attempt: 1 }));

    expect(await flowIn(harness)).toMatchObject({
      attempt: 1,
      dueAt,
      error: "The shop is closed.",
      owner: undefined,
    });
    expect(await flows.nextDue(PROGRAMS, options)).toBe(dueAt);
    expect(await codeOf(commit(harness, flows.release({ ...flow, epoch: 9 }, { dueAt, attempt: 0 })))).toBe(
      "store.conflict",
    );
  });

  it("makes a timer due at its time, and a deadline where that is earlier", async () => {
    const harness = get();
    const at = harness.now() + 500_000;
    const deadline = { at: at - 100_000, to: "late" };
    await start(harness, { id: "timer", wait: { kind: "timer", at, to: "go" } });
    await start(harness, { id: "both", wait: { kind: "timer", at, to: "go", deadline } });
    await start(harness, {
      id: "event",
      wait: { kind: "event", topic: "t", correlationId: "c", to: "go", deadline },
    });

    expect((await flowIn(harness, "timer")).dueAt).toBe(at);
    expect((await flowIn(harness, "both")).dueAt).toBe(at - 100_000);
    expect((await flowIn(harness, "event")).dueAt).toBe(at - 100_000);
    expect(await claim(harness)).toEqual([]);
  });

  it("notes the turn that a wait got, without a change of its own", async () => {
    const harness = get();
    const { flows } = harness.stores;
    const wait: FlowWait = { kind: "turn", turn: { text: "Say it." }, to: "said" };
    await start(harness, { wait });
    const flow = await claimOne(harness);

    await commit(harness, flows.noteTurn(flow, { ...wait, turnId: "turn-9" }));

    expect(await flowIn(harness)).toMatchObject({
      wait: { turnId: "turn-9" },
      revision: 1,
      dueAt: undefined,
    });
  });
}

function describeCancels(get: GetHarness): void {
  it("keeps the wish to cancel, which wins over every other change, whatever program it is", async () => {
    const harness = get();
    const { flows } = harness.stores;
    await start(harness, { wait: { kind: "manual", to: "send" } });

    await commit(
      harness,
      flows.requestCancel(
        { id: "flow-1", spaceId: SPACE },
        change(harness, "cancel-requested", "no longer wanted"),
      ),
    );
    await commit(
      harness,
      flows.requestCancel({ id: "flow-1", spaceId: SPACE }, change(harness, "cancel-requested", "again")),
    );

    const asked = await flowIn(harness);
    expect(asked.cancelRequested).toBe("no longer wanted");
    expect(await codeOf(commit(harness, flows.move(moveOf(asked), change(harness, "step"))))).toBe(
      "store.conflict",
    );
    const [claimed] = await claim(harness, "process-1", ["other@1"]);
    expect(claimed).toMatchObject({ id: "flow-1", cancelRequested: "no longer wanted" });
    await commit(
      harness,
      flows.move(moveOf(claimed as FlowRun, { epoch: 1, end: "cancelled" }), change(harness, "cancelled")),
    );
    expect((await flowIn(harness)).status).toBe("cancelled");
    expect(await whatOf(harness)).toEqual(["started", "cancel-requested", "cancelled"]);
  });

  it("refuses the change of a step that ran while its flow was asked to cancel", async () => {
    const harness = get();
    const { flows } = harness.stores;
    await start(harness);
    const flow = await claimOne(harness);
    await commit(harness, flows.requestCancel(flow, change(harness, "cancel-requested", "stop")));

    const move = flows.move(
      moveOf(flow, { epoch: flow.epoch, end: "finished" }),
      change(harness, "finished"),
    );

    expect(await codeOf(commit(harness, move))).toBe("store.conflict");
    expect(await flowIn(harness)).toMatchObject({ status: "running", owner: "process-1" });
  });

  it("is asked by another space in vain", async () => {
    const harness = get();
    await start(harness);
    await commit(
      harness,
      harness.stores.flows.requestCancel(
        { id: "flow-1", spaceId: "other" },
        change(harness, "cancel-requested", "x"),
      ),
    );
    expect((await flowIn(harness)).cancelRequested).toBeUndefined();
  });
}
