import { expect, it } from "vitest";
import { atOf, nextTime, scheduleProblem, timeIn } from "./schedule.ts";

const utc = (text: string): number => Date.parse(`${text}Z`);

/** The next `count` times of a pattern, as `local = UTC`. */
function timesOf(cron: string, zone: string, after: string, count: number): string[] {
  const found: string[] = [];
  let at = utc(after);
  for (let i = 0; i < count; i++) {
    const next = nextTime({ cron, zone }, at);
    if (next === undefined) break;
    at = next.at;
    found.push(`${next.local} = ${new Date(at).toISOString().slice(0, 16)}`);
  }
  return found;
}

it.each([
  // [zone, after, the days around the change]: 8 o'clock stays 8 o'clock.
  [
    "Europe/Kyiv",
    "2026-03-28T00:00:00",
    ["2026-03-28T08:00:00 = 2026-03-28T06:00", "2026-03-29T08:00:00 = 2026-03-29T05:00"],
  ],
  [
    "Europe/Kyiv",
    "2026-10-24T00:00:00",
    ["2026-10-24T08:00:00 = 2026-10-24T05:00", "2026-10-25T08:00:00 = 2026-10-25T06:00"],
  ],
  [
    "America/New_York",
    "2026-03-07T10:00:00",
    ["2026-03-07T08:00:00 = 2026-03-07T13:00", "2026-03-08T08:00:00 = 2026-03-08T12:00"],
  ],
  [
    "America/New_York",
    "2026-10-31T10:00:00",
    ["2026-10-31T08:00:00 = 2026-10-31T12:00", "2026-11-01T08:00:00 = 2026-11-01T13:00"],
  ],
  [
    "Australia/Sydney",
    "2026-10-02T21:30:00",
    ["2026-10-03T08:00:00 = 2026-10-02T22:00", "2026-10-04T08:00:00 = 2026-10-03T21:00"],
  ],
  [
    "Australia/Sydney",
    "2026-04-03T20:00:00",
    ["2026-04-04T08:00:00 = 2026-04-03T21:00", "2026-04-05T08:00:00 = 2026-04-04T22:00"],
  ],
  // Brazil put its clocks forward at midnight until 2018 and has one time since.
  [
    "America/Sao_Paulo",
    "2018-11-03T00:00:00",
    ["2018-11-03T08:00:00 = 2018-11-03T11:00", "2018-11-04T08:00:00 = 2018-11-04T10:00"],
  ],
  [
    "America/Sao_Paulo",
    "2026-11-03T00:00:00",
    ["2026-11-03T08:00:00 = 2026-11-03T11:00", "2026-11-04T08:00:00 = 2026-11-04T11:00"],
  ],
  // Half an hour.
  [
    "Australia/Lord_Howe",
    "2026-10-02T20:00:00",
    ["2026-10-03T08:00:00 = 2026-10-02T21:30", "2026-10-04T08:00:00 = 2026-10-03T21:00"],
  ],
  [
    "Australia/Lord_Howe",
    "2026-04-03T20:00:00",
    ["2026-04-04T08:00:00 = 2026-04-03T21:00", "2026-04-05T08:00:00 = 2026-04-04T21:30"],
  ],
  [
    "UTC",
    "2026-03-28T09:00:00",
    ["2026-03-29T08:00:00 = 2026-03-29T08:00", "2026-03-30T08:00:00 = 2026-03-30T08:00"],
  ],
])("keeps 8 o'clock in %s after %s", (zone, after, expected) => {
  expect(timesOf("0 8 * * *", zone, after, expected.length)).toEqual(expected);
});

it.each([
  ["Europe/Kyiv", "30 3 * * *", "2026-03-28T12:00:00"],
  ["America/New_York", "30 2 * * *", "2026-03-07T18:00:00"],
  ["Australia/Sydney", "30 2 * * *", "2026-10-03T10:00:00"],
  ["America/Sao_Paulo", "30 0 * * *", "2018-11-03T12:00:00"],
  ["Australia/Lord_Howe", "15 2 * * *", "2026-10-03T10:00:00"],
])("runs once on the day on which %s skips the time of %s, soon after it", (zone, cron, after) => {
  const [first, second] = timesOf(cron, zone, after, 2);
  const day = (text: string | undefined) => text?.slice(0, 10);

  const skipped = new Date(utc(after) + 86_400_000 / 2).toISOString().slice(0, 10);
  expect([day(first), day(first) === day(second)]).toEqual([
    zone.startsWith("Australia") ? "2026-10-04" : skipped,
    false,
  ]);
});

it.each([
  [
    "Europe/Kyiv",
    "30 3 * * *",
    "2026-10-24T12:00:00",
    ["2026-10-25T03:30:00 = 2026-10-25T00:30", "2026-10-26T03:30:00 = 2026-10-26T01:30"],
  ],
  [
    "America/New_York",
    "30 1 * * *",
    "2026-10-31T12:00:00",
    ["2026-11-01T01:30:00 = 2026-11-01T05:30", "2026-11-02T01:30:00 = 2026-11-02T06:30"],
  ],
  [
    "Australia/Sydney",
    "30 2 * * *",
    "2026-04-04T02:00:00",
    ["2026-04-05T02:30:00 = 2026-04-04T15:30", "2026-04-06T02:30:00 = 2026-04-05T16:30"],
  ],
  [
    "America/Sao_Paulo",
    "30 23 * * *",
    "2018-02-17T03:00:00",
    ["2018-02-17T23:30:00 = 2018-02-18T01:30", "2018-02-18T23:30:00 = 2018-02-19T02:30"],
  ],
  [
    "Australia/Lord_Howe",
    "45 1 * * *",
    "2026-04-04T02:00:00",
    ["2026-04-05T01:45:00 = 2026-04-04T14:45", "2026-04-06T01:45:00 = 2026-04-05T15:15"],
  ],
])("runs once, the first time, where %s shows the time of %s twice", (zone, cron, after, expected) => {
  expect(timesOf(cron, zone, after, 2)).toEqual(expected);
});

it("runs a pattern of every hour in every hour that there is", () => {
  const hours = (zone: string, from: string) =>
    timesOf("0 * * * *", zone, from, 5).map((text) => Date.parse(`${text.split(" = ")[1]}Z`) / 3_600_000);
  for (const [zone, from] of [
    ["Europe/Kyiv", "2026-10-24T22:30:00"],
    ["Europe/Kyiv", "2026-03-28T22:30:00"],
    ["Australia/Sydney", "2026-04-04T13:30:00"],
  ] as const) {
    const [first = 0, ...rest] = hours(zone, from);
    expect(rest).toEqual([1, 2, 3, 4].map((more) => first + more));
  }
});

it("steps an interval from its own beginning, over any change of the clocks", () => {
  const everyMs = 90 * 60_000;
  const from = utc("2026-03-29T00:00:00");
  const first = nextTime({ everyMs, zone: "Europe/Kyiv" }, from);
  expect(first).toEqual({ at: from + everyMs, local: "2026-03-29T04:30:00", zone: "Europe/Kyiv" });
  expect(nextTime({ everyMs, zone: "Europe/Kyiv" }, from + 10 * everyMs + 1, from)?.at).toBe(
    from + 11 * everyMs,
  );
});

it("reads a wall-clock time in its zone, in gap and overlap too", () => {
  const iso = (local: string, zone: string) => {
    const at = atOf(local, zone);
    return at === undefined ? undefined : new Date(at).toISOString().slice(0, 16);
  };
  expect(iso("2026-07-01 08:00", "Europe/Kyiv")).toBe("2026-07-01T05:00");
  expect(iso("2026-03-29T03:30", "Europe/Kyiv")).toBe("2026-03-29T01:30");
  expect(iso("2026-10-25T03:30", "Europe/Kyiv")).toBe("2026-10-25T00:30");
  expect(iso("2026-04-05T02:30", "Australia/Sydney")).toBe("2026-04-04T15:30");
  expect(iso("2026-10-04T02:15", "Australia/Lord_Howe")).toBe("2026-10-03T15:45");
  expect(iso("2026-02-30 08:00", "UTC")).toBeUndefined();
  expect(iso("2026-02-03 25:00", "UTC")).toBeUndefined();
  expect(iso("tomorrow", "UTC")).toBeUndefined();
  expect(timeIn("Asia/Kathmandu", 0).local).toBe("1970-01-01T05:30:00");
});

it.each([
  [{ zone: "Europe/Kiew", at: 10 }, /"Europe\/Kiew" is no time zone/],
  [{ zone: "UTC" }, /exactly one/],
  [{ zone: "UTC", at: 10, everyMs: 60_000 }, /exactly one/],
  [{ zone: "UTC", at: 1 }, /has passed/],
  [{ zone: "UTC", at: Number.NaN }, /cannot be read/],
  [{ zone: "UTC", everyMs: 59_999 }, /between one minute and 90 days/],
  [{ zone: "UTC", everyMs: 91 * 86_400_000 }, /between one minute and 90 days/],
  [{ zone: "UTC", cron: "61 8 * * *" }, /cannot be read/],
  [{ zone: "UTC", cron: "every day" }, /five fields/],
  [{ zone: "UTC", cron: "* * * * * *" }, /five fields/],
  [{ zone: "UTC", cron: "0 8 30 2 *" }, /never comes true/],
])("refuses %j with one sentence", (schedule, problem) => {
  expect(scheduleProblem(schedule, 5)).toMatch(problem);
});
