import type { Job, JobSpec } from "@troupe/contracts";
import { expect, it } from "vitest";
import { isLeftOut, timeAfterRun } from "./after-run.ts";
import { cycleFrom } from "./cycles.ts";
import { timeIn } from "./schedule.ts";
import { settledRun } from "./settle.ts";
import { isSameTitle } from "./titles.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const spec = (over: Partial<JobSpec> = {}): JobSpec => ({
  ...{ title: "Look", kind: "recurring", schedule: { everyMs: HOUR, zone: "UTC" } },
  ...{ work: { kind: "message", text: "Look." }, deliverTo: "session", missed: "one", overlap: "skip" },
  ...{ dependsOn: [], onFailedDependency: "hold" },
  ...over,
});
const after = (job: JobSpec, dueAt: number, startedAt: number, nowMs: number) =>
  timeAfterRun(job, { dueAt, startedAt, nowMs })?.at;

it("goes on at the next time of the schedule", () => {
  expect(after(spec(), 0, 5, 30)).toBe(HOUR);
  expect(after(spec({ kind: "one_off", schedule: { at: 0, zone: "UTC" } }), 0, 5, 30)).toBeUndefined();
});

it("makes up for missed times by policy: one, none, or all of the last day", () => {
  const down = 5 * HOUR + 10 * MINUTE;
  expect(after(spec({ missed: "one" }), 0, down, down + 5)).toBe(6 * HOUR);
  expect(after(spec({ missed: "all" }), 0, down, down + 5)).toBe(HOUR);
  expect(after(spec({ missed: "all" }), 5 * HOUR, down, down + 5)).toBe(6 * HOUR);
  expect(after(spec({ missed: "all" }), 0, 100 * HOUR, 100 * HOUR)).toBe(77 * HOUR);
  expect(isLeftOut(spec({ missed: "skip" }), 0, 2 * MINUTE)).toBe(true);
  expect(isLeftOut(spec({ missed: "skip" }), 0, MINUTE / 2)).toBe(false);
  expect(isLeftOut(spec({ missed: "one" }), 0, 9 * HOUR)).toBe(false);
});

it("leaves out the times that pass during a run, or runs the next of them", () => {
  expect(after(spec(), 0, 5, 3 * HOUR + 1)).toBe(4 * HOUR);
  expect(after(spec({ overlap: "queue" }), 0, 5, 3 * HOUR + 1)).toBe(HOUR);
});

it("never runs a time twice when the clock is put back, and none too many when it is put forward", () => {
  expect(after(spec(), 10 * HOUR, 2 * HOUR, 2 * HOUR + 5)).toBe(11 * HOUR);
  expect(after(spec({ missed: "all" }), 10 * HOUR, 2 * HOUR, 2 * HOUR)).toBe(11 * HOUR);
  expect(after(spec(), 10 * HOUR, 10_000 * HOUR, 10_000 * HOUR + 5)).toBe(10_001 * HOUR);
});

it("goes on from the store's clock where that of the process is behind, so that no time is missed for ever", () => {
  const job = {
    id: "job",
    revision: 1,
    runs: 0,
    spec: spec({ missed: "skip" }),
    next: timeIn("UTC", 10 * HOUR),
  };
  const run = { id: "job.1", dueAt: 10 * HOUR, startedAt: 12 * HOUR + 5 };

  const settled = settledRun(job as Job, run, { state: "skipped" }, 10 * HOUR + 5);

  expect(settled).toMatchObject({ at: 12 * HOUR + 5, job: { state: "active", next: { at: 13 * HOUR } } });
});

it("names the circle that jobs would wait in", () => {
  const needs = [
    { jobId: "a", needsId: "b" },
    { jobId: "b", needsId: "c" },
    { jobId: "b", needsId: "d" },
    { jobId: "c", needsId: "a" },
  ];
  expect(cycleFrom("a", needs)).toEqual(["a", "b", "c", "a"]);
  expect(cycleFrom("d", needs)).toBeUndefined();
  expect(cycleFrom("x", [{ jobId: "x", needsId: "x" }])).toEqual(["x", "x"]);
  expect(cycleFrom("a", needs.slice(0, 3))).toBeUndefined();
});

it.each([
  ["Weekly report (draft 2)", "weekly report", true],
  ["Morning news digest", "Morning news summary digest", true],
  ["Water the plants", "Buy milk", false],
  ["Полити квіти!", "полити квіти", true],
  ["A1", "A2", true],
  ["Check", "Checkers tournament", true],
])("compares titles: %s and %s", (one, other, same) => {
  expect(isSameTitle(one, other)).toBe(same);
});
