import { expect, it } from "vitest";
import { describeDependentJobs } from "./store-dependent-jobs.ts";
import { codeOf, commit, type GetHarness, OWNER, options, result, SPACE } from "./store-fixtures.ts";
import { claimOf, jobOf, lastRun, newJob, settled, statesOf, timeAt } from "./store-job-fixtures.ts";

export function describeJobs(get: GetHarness): void {
  describeKeeping(get);
  describeClaims(get);
  describeLeftBehind(get);
  describeOtherClaims(get);
  describeWaits(get);
  describeEnds(get);
  describeDependentJobs(get);
}

function describeKeeping(get: GetHarness): void {
  it("keeps a job as it was made, once", async () => {
    const harness = get();
    const job = newJob(harness, "job-1", { spec: { title: "Полити квіти" } });

    await commit(harness, harness.stores.jobs.put(job));
    await commit(harness, harness.stores.jobs.put({ ...job, peerId: "other" }));

    expect(await jobOf(harness, "job-1")).toEqual({
      ...job,
      ...{ begun: 0, runs: 0, revision: 1, reason: undefined, updatedAt: job.createdAt, endedAt: undefined },
    });
    expect(await harness.stores.jobs.get({ spaceId: "other", id: "job-1" }, options)).toBeUndefined();
  });

  it("changes what was chosen for whoever knows the newest revision", async () => {
    const harness = get();
    const { jobs } = harness.stores;
    const job = newJob(harness, "job-1");
    await commit(harness, jobs.put(job));
    const spec = { ...job.spec, title: "Another" };
    const next = timeAt(harness.now() + 5_000);

    await commit(harness, jobs.change({ id: "job-1", revision: 1 }, { spec, next, state: "paused" }, 7));

    expect(await codeOf(commit(harness, jobs.change({ id: "job-1", revision: 1 }, {}, 8)))).toBe(
      "store.conflict",
    );
    expect(await jobOf(harness, "job-1")).toMatchObject({
      spec,
      next,
      state: "paused",
      revision: 2,
      updatedAt: 7,
    });
  });

  it("lists jobs newest first, by agent and owner, with or without those that ended", async () => {
    const harness = get();
    const { jobs } = harness.stores;
    await commit(
      harness,
      ...["job-1", "job-2", "job-3"].map((id) => jobs.put(newJob(harness, id))),
      jobs.put(newJob(harness, "job-4", { ownerId: "someone" })),
      jobs.change({ id: "job-2", revision: 1 }, { state: "cancelled", reason: "enough" }, 7),
    );
    const list = async (query: object) =>
      (await jobs.list({ spaceId: SPACE, ...query }, options)).items.map(({ id }) => id);
    const mine = { agentId: "ana", ownerId: OWNER };

    expect(await list({})).toEqual(["job-4", "job-3", "job-2", "job-1"]);
    expect(await list({ isOpen: true })).toEqual(["job-4", "job-3", "job-1"]);
    expect(await list({ ...mine, isOpen: true })).toEqual(["job-3", "job-1"]);
    expect(await list(mine)).toEqual(["job-3", "job-2", "job-1"]);
    expect(await list({ spaceId: "other" })).toEqual([]);
    const first = await jobs.list({ spaceId: SPACE, limit: 3 }, options);
    expect((await jobs.list({ spaceId: SPACE, cursor: first.next ?? "" }, options)).items).toMatchObject([
      { id: "job-1" },
    ]);
  });
}

function describeClaims(get: GetHarness): void {
  it("claims each job whose time has come once, with a run of its own", async () => {
    const harness = get();
    const { jobs, jobRuns } = harness.stores;
    await commit(
      harness,
      jobs.put(newJob(harness, "job-1", { next: timeAt(harness.now() - 5) })),
      jobs.put(newJob(harness, "job-2", { state: "pending", next: timeAt(harness.now() - 9) })),
      jobs.put(newJob(harness, "later", { next: timeAt(harness.now() + 60_000) })),
      jobs.put(newJob(harness, "blocked", { state: "blocked" })),
    );

    const claims = await Promise.all([
      result(harness, jobRuns.claim(claimOf("p-1", 1))),
      result(harness, jobRuns.claim(claimOf("p-2"))),
    ]);

    const claimed = claims.flat();
    expect(claimed.map(({ runId }) => runId).toSorted()).toEqual(["job-1.1", "job-2.1"]);
    expect(claimed[0]).toMatchObject({ epoch: 1, attempt: 1, job: { state: "running", begun: 1 } });
    expect(await statesOf(harness, "job-1", "job-2", "later")).toEqual(["running", "running", "active"]);
    expect(await lastRun(harness, "job-1")).toMatchObject({ id: "job-1.1", state: "starting", attempt: 1 });
  });

  it("gives a run that was not started to another process once its lease has ended, the same run", async () => {
    const harness = get();
    const { jobs, jobRuns } = harness.stores;
    await commit(harness, jobs.put(newJob(harness, "job-1")));
    const [first] = await result(harness, jobRuns.claim(claimOf("p-1")));
    expect(await result(harness, jobRuns.claim(claimOf("p-2")))).toEqual([]);

    await harness.pass(1_001);
    const [second] = await result(harness, jobRuns.claim(claimOf("p-2")));

    expect(second).toMatchObject({ runId: first?.runId, dueAt: first?.dueAt, epoch: 2 });
    // The moment of the first claim, as it was kept and as it was told.
    expect(Math.abs((second?.claimedAt ?? 0) - (first?.claimedAt ?? 0))).toBeLessThan(500);
    // Whatever a person chose meanwhile is of the run after it.
    await commit(
      harness,
      jobs.change({ id: "job-1", revision: 1 }, { next: timeAt(harness.now() + 9_000) }, 7),
    );
    await harness.pass(1_001);
    const [third] = await result(harness, jobRuns.claim(claimOf("p-2")));
    expect(third).toMatchObject({ runId: first?.runId, dueAt: first?.dueAt });
    const old = { jobId: "job-1", epoch: 1 };
    expect(await codeOf(commit(harness, jobRuns.postpone(old, 10)))).toBe("store.conflict");
  });

  it("gives it at once when the lease of its process has ended", async () => {
    const harness = get();
    const { jobs, jobRuns, leases } = harness.stores;
    await commit(harness, leases.register({ id: "p-1", pid: 1, role: "all", leaseMs: 60_000 }));
    await commit(
      harness,
      jobs.put(newJob(harness, "job-1")),
      jobRuns.claim({ ...claimOf("p-1"), leaseMs: 60_000 }),
    );
    await commit(harness, leases.end("p-1"));

    expect(await jobRuns.untilDueMs("p-9", options)).toBe(0);
    expect(await result(harness, jobRuns.claim(claimOf("p-2")))).toMatchObject([
      { runId: "job-1.1", epoch: 2 },
    ]);
  });
}

function describeLeftBehind(get: GetHarness): void {
  it("leaves a start to the process that asks, although its own lease has ended: it is alive", async () => {
    const harness = get();
    const { jobs, jobRuns, leases } = harness.stores;
    await commit(harness, leases.register({ id: "p-1", pid: 1, role: "all", leaseMs: 2_000 }));
    await commit(harness, jobs.put(newJob(harness, "job-1")));
    await result(harness, jobRuns.claim({ ...claimOf("p-1"), leaseMs: 90_000 }));
    await harness.pass(2_001);

    expect(await result(harness, jobRuns.claim(claimOf("p-1")))).toEqual([]);
    expect(await jobRuns.untilDueMs("p-1", options)).toBeGreaterThan(0);
    expect(await jobRuns.untilDueMs("p-2", options)).toBe(0);
    expect(await result(harness, jobRuns.claim(claimOf("p-2")))).toHaveLength(1);
  });

  it("gives the run of a job that was cancelled meanwhile too, so that somebody ends it", async () => {
    const harness = get();
    const { jobs, jobRuns } = harness.stores;
    await commit(harness, jobs.put(newJob(harness, "job-1")));
    await result(harness, jobRuns.claim(claimOf("p-1")));
    await commit(harness, jobs.change({ id: "job-1", revision: 1 }, { state: "cancelled" }, 5));

    await harness.pass(1_001);

    expect(await result(harness, jobRuns.claim(claimOf("p-2")))).toMatchObject([
      { runId: "job-1.1", job: { state: "cancelled" } },
    ]);
  });

  it("lets a run begin until it or its job has ended", async () => {
    const harness = get();
    const { jobs, jobRuns } = harness.stores;
    const ids = ["open", "cancelled", "settled"];
    await commit(harness, ...ids.map((id) => jobs.put(newJob(harness, id))), jobRuns.claim(claimOf()));
    await commit(harness, jobs.change({ id: "cancelled", revision: 1 }, { state: "cancelled" }, 5));
    await commit(harness, jobRuns.settle(settled(harness, "settled")));
    const begin = (id: string) => codeOf(commit(harness, jobRuns.mayBegin({ runId: `${id}.1`, jobId: id })));

    expect(await begin("open")).toBe("kept");
    expect([await begin("cancelled"), await begin("settled"), await begin("unheard")]).toEqual(
      Array(3).fill("store.conflict"),
    );
  });

  it("does not let an older run that ends late move the job of a newer one", async () => {
    const harness = get();
    const { jobs, jobRuns } = harness.stores;
    await commit(harness, jobs.put(newJob(harness, "job-1")), jobRuns.claim(claimOf()));
    const next = timeAt(harness.now() - 5);
    await commit(harness, jobRuns.started({ runId: "job-1.1", jobId: "job-1", epoch: 1, turnId: "turn-1" }));
    await commit(harness, jobs.change({ id: "job-1", revision: 1 }, { state: "active", next }, 5));
    expect(await result(harness, jobRuns.claim(claimOf()))).toMatchObject([{ runId: "job-1.2" }]);

    await commit(harness, jobRuns.settle(settled(harness, "job-1", { revision: 2 })));

    expect(await jobOf(harness, "job-1")).toMatchObject({ state: "running", runs: 1, next });
    expect(await lastRun(harness, "job-1")).toMatchObject({ id: "job-1.2", state: "starting" });
  });
}

function describeOtherClaims(get: GetHarness): void {
  it("claims a postponed run again, counting the try, and never one whose turn is there", async () => {
    const harness = get();
    const { jobs, jobRuns } = harness.stores;
    await commit(
      harness,
      jobs.put(newJob(harness, "job-1")),
      jobs.put(newJob(harness, "job-2")),
      jobRuns.claim(claimOf()),
    );
    await commit(harness, jobRuns.postpone({ jobId: "job-1", epoch: 1 }, 20));
    const started = { runId: "job-2.1", jobId: "job-2", epoch: 1, turnId: "turn-1" };
    expect(await result(harness, jobRuns.started(started))).toEqual({ jobState: "running" });

    await harness.pass(1_001);

    expect(await result(harness, jobRuns.claim(claimOf()))).toMatchObject([{ runId: "job-1.1", attempt: 2 }]);
    expect(await lastRun(harness, "job-2")).toMatchObject({ state: "running", turnId: "turn-1" });
  });

  it("says when the next one is due, and holds all of a held space", async () => {
    const harness = get();
    const { jobs, jobRuns, holds } = harness.stores;
    expect(await jobRuns.untilDueMs("p-9", options)).toBeUndefined();
    const next = timeAt(harness.now() - 3);
    await commit(harness, jobs.put(newJob(harness, "job-1", { next })));
    const untilMs = (await jobRuns.untilDueMs("p-9", options)) ?? 0;
    expect(Math.abs(untilMs - (next.at - harness.now()))).toBeLessThan(1_000);

    await commit(harness, holds.place({ spaceId: SPACE, reason: "restored", since: 1 }));
    expect(await jobRuns.untilDueMs("p-9", options)).toBeUndefined();
    expect(await result(harness, jobRuns.claim(claimOf()))).toEqual([]);
    expect(await jobRuns.counts(SPACE, options)).toEqual({
      open: 1,
      running: 0,
      due: { count: 1, oldestAt: next.at },
      nextAt: next.at,
    });

    await commit(harness, holds.lift(SPACE));
    expect(await result(harness, jobRuns.claim(claimOf()))).toHaveLength(1);
    expect(await jobRuns.counts(SPACE, options)).toEqual({
      open: 1,
      running: 1,
      due: { count: 0, oldestAt: undefined },
      nextAt: undefined,
    });
  });
}

function describeWaits(get: GetHarness): void {
  it("tells for whom open ongoing jobs wait, each once", async () => {
    const harness = get();
    const { jobs } = harness.stores;
    const ongoing = { kind: "ongoing", until: { condition: "the parcel is there" } } as const;
    await commit(
      harness,
      jobs.put(newJob(harness, "job-1", { spec: ongoing, peerId: "p-1" })),
      jobs.put(newJob(harness, "job-2", { spec: ongoing, peerId: "p-1" })),
      jobs.put(newJob(harness, "job-3", { spec: ongoing, peerId: "p-2" })),
      jobs.put(newJob(harness, "job-4", { peerId: "p-3" })),
      jobs.change({ id: "job-3", revision: 1 }, { state: "cancelled" }, 7),
    );

    expect(await jobs.awaited(SPACE, options)).toEqual([{ agentId: "ana", peerId: "p-1" }]);
    expect(await jobs.awaited("other", options)).toEqual([]);
  });

  it("gives a postponed run as much longer, shows why it waits, and takes it for lost only after that", async () => {
    const harness = get();
    const { jobs, jobRuns } = harness.stores;
    await commit(harness, jobs.put(newJob(harness, "job-1")), jobRuns.claim({ ...claimOf(), runMs: 1_000 }));
    await commit(
      harness,
      jobRuns.postpone({ jobId: "job-1", epoch: 1 }, 5_000, "Quiet hours until 07:00 (Europe/Kyiv)."),
    );

    await harness.pass(4_900);

    expect(await jobRuns.stuck(options)).toEqual([]);
    expect(await lastRun(harness, "job-1")).toMatchObject({
      state: "starting",
      reason: "Quiet hours until 07:00 (Europe/Kyiv).",
    });
    await harness.pass(1_200);
    expect(await jobRuns.stuck(options)).toMatchObject([{ id: "job-1.1" }]);
  });
}

function describeEnds(get: GetHarness): void {
  it("settles a run once, counts it there alone, and moves its job on", async () => {
    const harness = get();
    const { jobs, jobRuns } = harness.stores;
    await commit(harness, jobs.put(newJob(harness, "job-1")), jobRuns.claim(claimOf()));
    const end = settled(harness, "job-1", { messageId: "message-1" });

    await commit(harness, jobRuns.settle(end));

    expect(await codeOf(commit(harness, jobRuns.settle(end)))).toBe("store.conflict");
    expect(await jobOf(harness, "job-1")).toMatchObject({
      state: "active",
      runs: 1,
      begun: 1,
      next: end.job.next,
    });
    expect(await lastRun(harness, "job-1")).toMatchObject({
      state: "succeeded",
      turnId: "turn-1",
      messageId: "message-1",
    });
    // A mark that comes late changes nothing.
    await commit(harness, jobRuns.started({ runId: "job-1.1", jobId: "job-1", epoch: 1, turnId: "turn-9" }));
    expect(await lastRun(harness, "job-1")).toMatchObject({ state: "succeeded", turnId: "turn-1" });
  });

  it("counts no run that was left out", async () => {
    const harness = get();
    const { jobs, jobRuns } = harness.stores;
    await commit(harness, jobs.put(newJob(harness, "job-1")), jobRuns.claim(claimOf()));
    await commit(harness, jobRuns.settle(settled(harness, "job-1", { state: "skipped", reason: "late" })));

    expect(await jobOf(harness, "job-1")).toMatchObject({ state: "active", runs: 0, begun: 1 });
  });

  it("leaves a job paused that was paused during its run, and cancelled one cancelled", async () => {
    const harness = get();
    const { jobs, jobRuns } = harness.stores;
    const ids = ["paused", "over", "cancelled"];
    await commit(harness, ...ids.map((id) => jobs.put(newJob(harness, id))), jobRuns.claim(claimOf()));
    await commit(
      harness,
      jobs.change({ id: "paused", revision: 1 }, { state: "paused" }, 5),
      jobs.change({ id: "over", revision: 1 }, { state: "paused" }, 5),
      jobs.change({ id: "cancelled", revision: 1 }, { state: "cancelled" }, 5),
    );
    expect(await codeOf(commit(harness, jobRuns.settle(settled(harness, "paused"))))).toBe("store.conflict");

    const over = settled(harness, "over", { revision: 2 });
    await commit(
      harness,
      jobRuns.settle(settled(harness, "paused", { revision: 2 })),
      jobRuns.settle({ ...over, job: { ...over.job, state: "completed" } }),
      jobRuns.settle(settled(harness, "cancelled", { revision: 2 })),
    );

    expect(await statesOf(harness, ...ids)).toEqual(["paused", "completed", "cancelled"]);
    await harness.pass(1_001);
    expect(await result(harness, jobRuns.claim(claimOf()))).toEqual([]);
  });
}
