import { expect, test } from "vitest";
import { ageOf, durationText, moneyText, spokenText } from "./format.ts";

test("times and amounts are short, in the person's language", () => {
  expect([320, 1_340, 65_000].map((ms) => durationText(ms, "en"))).toEqual([
    "320 ms",
    "1.3 sec",
    "1 min 5 sec",
  ]);
  expect(durationText(1_340, "uk")).toBe("1,3 с");
  expect([1_100, 42, 2_500_000].map((amount) => moneyText(amount, "en"))).toEqual([
    "$0.0011",
    "$0.000042",
    "$2.50",
  ]);
});

test("a list is parted by the person's days", () => {
  const now = new Date(2026, 10, 21, 10, 0).getTime();
  const at = (day: number, hour = 12): number => new Date(2026, 10, day, hour).getTime();
  expect([at(21, 1), at(20, 23), at(19), at(1), 0].map((one) => ageOf(one, now))).toEqual([
    ...["today", "yesterday", "week", "month", "older"],
  ]);
});

test("what is read aloud has no signs and no code", () => {
  expect(spokenText("## So\n\n**Yes**, see [it](https://x).\n```js\nlet a;\n```\n", "(code)")).toBe(
    "So Yes, see it. (code)",
  );
});
