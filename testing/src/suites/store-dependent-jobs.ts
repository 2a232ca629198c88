import type { Write } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  accepting,
  commit,
  finished,
  type GetHarness,
  options,
  result,
  SPACE,
  type StoreHarness,
} from "./store-fixtures.ts";
import { claimOf, jobOf, newJob, settled, statesOf } from "./store-job-fixtures.ts";

export function describeDependentJobs(get: GetHarness): void {
  describeDependencies(get);
  describeOtherDependencies(get);
  describeStuck(get);
}

const waitingFor = (harness: StoreHarness, id: string, needs: readonly string[], fails = false): Write =>
  harness.stores.jobs.put(
    newJob(harness, id, {
      state: "blocked",
      spec: { dependsOn: needs, kind: "one_off", onFailedDependency: fails ? "fail" : "hold" },
    }),
  );
const end = (harness: StoreHarness, id: string, state: "completed" | "failed"): Write => {
  const one = settled(harness, id, { state: state === "failed" ? "failed" : "succeeded" });
  return harness.stores.jobRuns.settle({ ...one, job: { ...one.job, state } });
};

function describeDependencies(get: GetHarness): void {
  it("frees a job when all that it waits for has completed, in that commit", async () => {
    const harness = get();
    const { jobs, jobRuns } = harness.stores;
    await commit(
      harness,
      ...["a", "b"].map((id) => jobs.put(newJob(harness, id))),
      waitingFor(harness, "c", ["a", "b"]),
    );
    await commit(harness, jobRuns.claim(claimOf()));

    await commit(harness, end(harness, "a", "completed"));
    expect(await statesOf(harness, "a", "c")).toEqual(["completed", "blocked"]);
    await commit(harness, end(harness, "b", "completed"));
    expect(await statesOf(harness, "b", "c")).toEqual(["completed", "pending"]);
    expect(await result(harness, jobRuns.release(1))).toEqual({ count: 0 });
  });

  it("never frees one whose dependency failed: it fails with all that wait for it, or is held", async () => {
    const harness = get();
    const { jobs, jobRuns } = harness.stores;
    await commit(
      harness,
      jobs.put(newJob(harness, "a")),
      waitingFor(harness, "fails", ["a"], true),
      waitingFor(harness, "fails too", ["fails"], true),
      waitingFor(harness, "held", ["a"]),
    );
    await commit(harness, jobRuns.claim(claimOf()));

    await commit(harness, end(harness, "a", "failed"));

    expect(await statesOf(harness, "fails", "fails too", "held")).toEqual(["failed", "failed", "blocked"]);
    expect((await jobOf(harness, "held"))?.reason).toMatch(/did not succeed/);
    expect(await result(harness, jobRuns.release(1))).toEqual({ count: 0 });
  });

  it("leaves none behind that was made in the moment in which what it waits for was cancelled", async () => {
    const harness = get();
    const { jobs, jobRuns } = harness.stores;
    await commit(harness, jobs.put(newJob(harness, "a")));
    await commit(harness, jobs.change({ id: "a", revision: 1 }, { state: "cancelled" }, 1));
    await commit(harness, waitingFor(harness, "fails", ["a"], true), waitingFor(harness, "held", ["a"]));

    await commit(harness, jobRuns.release(2));

    expect(await statesOf(harness, "fails", "held")).toEqual(["failed", "blocked"]);
    expect((await jobOf(harness, "held"))?.reason).toMatch(/did not succeed/);
  });
}

function describeOtherDependencies(get: GetHarness): void {
  it("treats a cancelled dependency as one that did not succeed", async () => {
    const harness = get();
    const { jobs } = harness.stores;
    await commit(harness, jobs.put(newJob(harness, "a")), waitingFor(harness, "b", ["a"], true));

    await commit(harness, jobs.change({ id: "a", revision: 1 }, { state: "cancelled" }, 5));

    expect(await statesOf(harness, "a", "b")).toEqual(["cancelled", "failed"]);
  });

  it("frees by itself what two ends in one moment left, and tells what waits for what", async () => {
    const harness = get();
    const { jobs, jobRuns } = harness.stores;
    await commit(
      harness,
      jobs.put(newJob(harness, "a")),
      jobRuns.claim(claimOf()),
      end(harness, "a", "completed"),
    );
    await commit(harness, waitingFor(harness, "b", ["a"]), waitingFor(harness, "c", ["b"]));

    expect(await jobs.needs(["c"], options)).toEqual([
      { jobId: "b", needsId: "a" },
      { jobId: "c", needsId: "b" },
    ]);
    expect(await result(harness, jobRuns.release(1))).toEqual({ count: 1 });
    expect(await statesOf(harness, "b", "c")).toEqual(["pending", "blocked"]);
  });
}

function describeStuck(get: GetHarness): void {
  it("finds runs whose turn ended without telling, vanished, or takes too long", async () => {
    const harness = get();
    const { jobs, jobRuns, turns } = harness.stores;
    const ids = ["told", "ended", "gone", "fine", "slow"];
    await commit(
      harness,
      ...ids.slice(0, 4).map((id) => jobs.put(newJob(harness, id))),
      jobRuns.claim(claimOf()),
    );
    await commit(harness, jobs.put(newJob(harness, "slow")));
    await commit(harness, jobRuns.claim({ ...claimOf(), runMs: 1 }));
    const turnIds = { told: "turn-1", ended: "turn-2", gone: "nowhere", fine: "turn-3" };
    for (const [at, sessionId] of ["told", "ended", "fine"].entries())
      await commit(harness, ...accepting(harness, at + 1, { sessionId, turn: { owner: "p-1" } }));
    for (const [jobId, turnId] of Object.entries(turnIds))
      await commit(harness, jobRuns.started({ runId: `${jobId}.1`, jobId, epoch: 1, turnId }));
    for (const id of ["turn-1", "turn-2"]) await commit(harness, turns.finish({ ...finished(), id }));
    const effect = {
      spaceId: SPACE,
      kind: "job.ended",
      v: 1,
      lane: "background",
      payload: {},
      createdAt: 1,
    } as const;
    await commit(
      harness,
      harness.stores.effects.put({ ...effect, id: "e-1", turnId: "turn-1", sessionId: "told" }),
    );
    await harness.pass(5);

    const found = await jobRuns.stuck(options);

    expect(found.map(({ jobId }) => jobId)).toEqual(["slow", "ended", "gone"]);
  });
}
