import { describe, expect, test } from "vitest";
import { readSaidTime, splitSaidTime } from "./said-time.ts";
import type { SaidTime } from "./types.ts";

const at = (hour: number, minute = 0): SaidTime => ({ kind: "at", clock: { hour, minute } });
const onDay = (days: number, hour?: number, minute = 0): SaidTime => ({
  kind: "at",
  day: { kind: "in", days },
  ...(hour === undefined ? {} : { clock: { hour, minute } }),
});
const weekday = (day: number, hour?: number, isNext = false): SaidTime => ({
  kind: "at",
  day: { kind: "weekday", weekday: day, isNext },
  ...(hour === undefined ? {} : { clock: { hour, minute: 0 } }),
});
const pattern = (cron: string): SaidTime => ({ kind: "pattern", cron });
const every = (minutes: number): SaidTime => ({ kind: "every", minutes });
const span = (seconds: number): SaidTime => ({ kind: "in", seconds });

describe("times as people say them", () => {
  test.each<[string, SaidTime]>([
    ["in 10 minutes", span(600)],
    ["in a minute", span(60)],
    ["in one minute", span(60)],
    ["in an hour", span(3_600)],
    ["in half an hour", span(1_800)],
    ["in 1 hour and 30 minutes", span(5_400)],
    ["in an hour and a half", span(5_400)],
    ["in 2h", span(7_200)],
    ["in 90 seconds", span(90)],
    ["in two days", span(172_800)],
    ["in a couple of hours", span(7_200)],
    ["за 10 хвилин", span(600)],
    ["через годину", span(3_600)],
    ["за пів години", span(1_800)],
    ["через півгодини", span(1_800)],
    ["за півтори години", span(5_400)],
    ["через дві години", span(7_200)],
    ["через п’ять хвилин", span(300)],
    ["at 9", at(9)],
    ["at 9:30", at(9, 30)],
    ["at 9.30", at(9, 30)],
    ["9:30", at(9, 30)],
    ["9pm", at(21)],
    ["at 9 pm", at(21)],
    ["at 12 am", at(0)],
    ["at 9 o'clock", at(9)],
    ["at nine", at(9)],
    ["at half past nine", at(9, 30)],
    ["at noon", at(12)],
    ["at 7 in the evening", at(19)],
    ["in the morning", at(9)],
    ["о 9", at(9)],
    ["о 9:30", at(9, 30)],
    ["о 9 вечора", at(21)],
    ["о дев'ятій", at(9)],
    ["опівдні", at(12)],
    ["tomorrow", onDay(1)],
    ["tomorrow at 9", onDay(1, 9)],
    ["at 9 tomorrow", onDay(1, 9)],
    ["tomorrow morning", onDay(1, 9)],
    ["tomorrow evening at 7", onDay(1, 19)],
    ["tonight", onDay(0, 20)],
    ["this evening at 8", onDay(0, 20)],
    ["today at 18:00", onDay(0, 18)],
    ["the day after tomorrow at 10", onDay(2, 10)],
    ["завтра о 9", onDay(1, 9)],
    ["завтра вранці", onDay(1, 9)],
    ["сьогодні о 18:00", onDay(0, 18)],
    ["сьогодні ввечері", onDay(0, 19)],
    ["післязавтра о 10", onDay(2, 10)],
    ["on Monday at 8", weekday(1, 8)],
    ["Monday", weekday(1)],
    ["next Friday at 10", weekday(5, 10, true)],
    ["у понеділок о 8", weekday(1, 8)],
    ["в п'ятницю о 10", weekday(5, 10)],
    [
      "2026-12-24 18:30",
      { kind: "at", day: { kind: "date", year: 2026, month: 12, day: 24 }, clock: { hour: 18, minute: 30 } },
    ],
    [
      "on 25 December at 10",
      { kind: "at", day: { kind: "date", month: 12, day: 25 }, clock: { hour: 10, minute: 0 } },
    ],
    ["December 25th", { kind: "at", day: { kind: "date", month: 12, day: 25 } }],
    [
      "25 грудня о 10",
      { kind: "at", day: { kind: "date", month: 12, day: 25 }, clock: { hour: 10, minute: 0 } },
    ],
    ["every 2 hours", every(120)],
    ["every hour", every(60)],
    ["hourly", every(60)],
    ["every 30 minutes", every(30)],
    ["every half hour", every(30)],
    ["every two weeks", every(20_160)],
    ["кожні 2 години", every(120)],
    ["щогодини", every(60)],
    ["кожні пів години", every(30)],
    ["every day at 8", pattern("0 8 * * *")],
    ["at 8 every day", pattern("0 8 * * *")],
    ["daily at 8:15", pattern("15 8 * * *")],
    ["every morning", pattern("0 9 * * *")],
    ["every morning at 7", pattern("0 7 * * *")],
    ["every evening at 7", pattern("0 19 * * *")],
    ["every Monday at 8", pattern("0 8 * * 1")],
    ["every Monday and Thursday at 8", pattern("0 8 * * 1,4")],
    ["on Mondays", pattern("0 9 * * 1")],
    ["every Monday morning", pattern("0 9 * * 1")],
    ["every weekday at 8", pattern("0 8 * * 1-5")],
    ["every weekend", pattern("0 9 * * 0,6")],
    ["weekly on Friday at 17:00", pattern("0 17 * * 5")],
    ["every week", every(10_080)],
    ["every month on the 5th at 10", pattern("0 10 5 * *")],
    ["щодня о 8", pattern("0 8 * * *")],
    ["кожного дня о 8", pattern("0 8 * * *")],
    ["щоранку", pattern("0 9 * * *")],
    ["щовечора о 8", pattern("0 20 * * *")],
    ["щопонеділка о 8", pattern("0 8 * * 1")],
    ["кожного понеділка о 8", pattern("0 8 * * 1")],
    ["кожну середу і п'ятницю о 8", pattern("0 8 * * 3,5")],
    ["по понеділках о 8", pattern("0 8 * * 1")],
    ["по буднях о 8", pattern("0 8 * * 1-5")],
    ["щомісяця 5 числа о 10", pattern("0 10 5 * *")],
  ])("%s", (text, expected) => {
    expect(readSaidTime(text)).toEqual(expected);
  });

  test.each([
    "9",
    "stretch",
    "in the garden",
    "at home",
    "at 25",
    "at 9:75",
    "every 2 days at 8",
    "in 10 minutes to go",
    "за мир",
    "every door",
    "",
  ])("%j says no time, or none that can be kept", (text) => {
    expect(readSaidTime(text)).toBeUndefined();
  });
});

describe("a text is parted from the time at its beginning or end", () => {
  test.each<[string, string, string]>([
    ["in 10 minutes to stretch", "in 10 minutes", "stretch"],
    ["to stretch in 10 minutes", "in 10 minutes", "stretch"],
    ["tomorrow at 9 to call mum", "tomorrow at 9", "call mum"],
    ["tomorrow to call mum at 9", "tomorrow at 9", "call mum"],
    ["at 9 to call mum tomorrow.", "at 9 tomorrow", "call mum"],
    ["about the meeting at 10:30 on Monday", "at 10:30 on Monday", "the meeting"],
    ["to read 3 pages every day", "every day", "read 3 pages"],
    ["every Monday at 8 write a summary", "every Monday at 8", "write a summary"],
    ["every 2 days at 8 to water the plants", "every 2 days at 8", "water the plants"],
    ["to check every door at 10", "at 10", "check every door"],
    ["за 10 хвилин розім'ятися", "за 10 хвилин", "розім'ятися"],
    ["завтра о 9 подзвонити мамі", "завтра о 9", "подзвонити мамі"],
    ["подзвонити мамі завтра о 9", "завтра о 9", "подзвонити мамі"],
    ["щоб я випив води через годину", "через годину", "я випив води"],
    ["in 5 minutes", "in 5 minutes", ""],
  ])("%s", (text, when, rest) => {
    expect(splitSaidTime(text)).toMatchObject({ when, rest });
  });

  test.each(["to stretch", "to buy 3 eggs", "the 3 houses at home", ""])("%j says no time", (text) => {
    expect(splitSaidTime(text)).toBeUndefined();
  });

  test("what is repeated is told apart from what is done once", () => {
    expect(splitSaidTime("every hour look")?.isRepeated).toBe(true);
    expect(splitSaidTime("in an hour look")?.isRepeated).toBe(false);
  });

  test("a long text is read in little time", () => {
    const text = `remember ${"every hour at 9 ".repeat(400)}`;
    const began = performance.now();
    splitSaidTime(text);
    expect(performance.now() - began).toBeLessThan(200);
  });
});
