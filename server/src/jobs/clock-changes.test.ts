import type { JobSpec } from "@troupe/contracts";
import { expect, it } from "vitest";
import { timeAfterRun } from "./after-run.ts";
import { nextTime, timeIn } from "./schedule.ts";

/** Whenever clocks are put forward or back, a daily job runs once a day, and never twice for one time. */

const DAY = 86_400_000;
const HOUR = 3_600_000;
const utc = (text: string): number => Date.parse(`${text}Z`);

/** Zones of both hemispheres: by an hour, by half an hour, by two, at midnight, the wrong way round, and not at all. */
const ZONES: readonly string[] = [
  ...["Europe/Kyiv", "Europe/London", "Europe/Dublin", "America/New_York", "America/St_Johns", "Asia/Beirut"],
  ...["Africa/Cairo", "Africa/Casablanca", "Antarctica/Troll", "Asia/Kathmandu", "Asia/Tokyo", "UTC"],
  ...["Australia/Sydney", "Australia/Lord_Howe", "America/Santiago", "America/Asuncion", "Pacific/Auckland"],
  ...["Pacific/Chatham", "Pacific/Norfolk", "America/Sao_Paulo"],
];

/** Moments of a year at which the zone's clocks change, to the day. */
function changesOf(zone: string, year: number): readonly number[] {
  const offset = (at: number): number => utc(timeIn(zone, at).local) - at;
  const from = Date.UTC(year, 0, 2);
  return Array.from({ length: 362 }, (_, day) => from + day * DAY).filter(
    (at) => offset(at) !== offset(at + DAY),
  );
}

const MINUTES = [0, 15, 30, 45];
const TIMES = [23, 0, 1, 2, 3, 4].flatMap((hour) => MINUTES.map((minute) => ({ hour, minute })));

it.each(ZONES)("%s: every time of a day is run once on each of the days around a change", (zone) => {
  const changes = [2018, 2026].flatMap((year) => changesOf(zone, year));
  const wrong: string[] = [];
  for (const change of changes)
    for (const { hour, minute } of TIMES) {
      const schedule = { cron: `${minute} ${hour} * * *`, zone };
      const days: string[] = [];
      let at = change - 3 * DAY;
      for (let n = 0; n < 6; n += 1) {
        const next = nextTime(schedule, at);
        if (next === undefined || next.at <= at) throw new Error("Time does not pass.");
        days.push(next.local.slice(0, 10));
        ({ at } = next);
      }
      const expected = days.map((_, n) =>
        new Date(utc(`${days[0]}T12:00:00`) + n * DAY).toISOString().slice(0, 10),
      );
      if (days.join() !== expected.join()) wrong.push(`${schedule.cron} ran on ${days.join(" ")}`);
    }

  expect(wrong).toEqual([]);
  // Where clocks change, this looked at it.
  if (["Europe/Kyiv", "Australia/Sydney", "America/Santiago", "Antarctica/Troll"].includes(zone))
    expect(changes.length).toBeGreaterThanOrEqual(4);
});

it("runs each time once through a clock that jumps, and every one of a day for those that make up for all", () => {
  const schedule = { everyMs: HOUR, zone: "Europe/Kyiv" };
  const spec: JobSpec = {
    ...{ title: "Look", kind: "recurring", schedule, work: { kind: "message", text: "Look." } },
    ...{ deliverTo: "session", missed: "all", overlap: "queue", dependsOn: [], onFailedDependency: "hold" },
  };
  // The night on which the clocks go forward; then somebody puts the machine's clock 5 hours forward, and 3 back.
  let now = utc("2026-03-28T22:30:00");
  let next = nextTime(schedule, now);
  const runs: number[] = [];
  for (let n = 0; n < 24 && next !== undefined; n += 1) {
    now = Math.max(now, next.at) + 20_000;
    if (n === 6) now += 5 * HOUR;
    if (n === 15) now -= 3 * HOUR;
    runs.push(next.at);
    next = timeAfterRun(spec, { dueAt: next.at, startedAt: now, nowMs: now + 5_000 });
  }

  expect(runs.slice(1).map((at, n) => at - (runs[n] ?? 0))).toEqual(Array.from({ length: 23 }, () => HOUR));
});
