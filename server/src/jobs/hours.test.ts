import { expect, test } from "vitest";
import { hoursEndAt } from "./hours.ts";

const NIGHT = { from: "23:00", to: "7:00" };
const at = (text: string): number => Date.parse(text);

test.each<[string, string, string | undefined]>([
  ["Europe/Kyiv", "2026-11-21T20:59:00Z", undefined],
  ["Europe/Kyiv", "2026-11-21T21:00:00Z", "2026-11-22T05:00:00Z"],
  ["Europe/Kyiv", "2026-11-22T03:30:00Z", "2026-11-22T05:00:00Z"],
  ["Europe/Kyiv", "2026-11-22T05:00:00Z", undefined],
  ["America/New_York", "2026-11-21T21:00:00Z", undefined],
  ["America/New_York", "2026-11-22T05:00:00Z", "2026-11-22T12:00:00Z"],
  // The night in which clocks are put forward ends an hour sooner, and the one in which they are put back an hour later.
  ["Europe/Kyiv", "2026-03-28T22:00:00Z", "2026-03-29T04:00:00Z"],
  ["Europe/Kyiv", "2026-10-24T21:00:00Z", "2026-10-25T05:00:00Z"],
  ["Australia/Sydney", "2026-10-03T14:00:00Z", "2026-10-03T20:00:00Z"],
])("a night in %s at %s ends %s", (zone, now, end) => {
  expect(hoursEndAt(NIGHT, zone, at(now))).toBe(end === undefined ? undefined : at(end));
});

test("hours within one day", () => {
  const lunch = { from: "12:00", to: "13:30" };
  expect(hoursEndAt(lunch, "UTC", at("2026-11-21T12:00:00Z"))).toBe(at("2026-11-21T13:30:00Z"));
  expect(hoursEndAt(lunch, "UTC", at("2026-11-21T13:30:00Z"))).toBeUndefined();
  expect(hoursEndAt(lunch, "UTC", at("2026-11-21T23:00:00Z"))).toBeUndefined();
});
