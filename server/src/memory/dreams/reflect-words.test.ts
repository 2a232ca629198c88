import type { MemoryRecord } from "@troupe/contracts";
import { expect, it } from "vitest";
import { type Heard, habitsOf } from "./habits.ts";
import { changeText, habitText } from "./reflect-words.ts";

const DAY_MS = 86_400_000;
/** A Thursday. */
const FIRST = Date.UTC(2026, 0, 1, 12);

/** A message a day; `question` says what is asked on a day, counted from 0. */
function heard(days: number, question: (day: number) => string): readonly Heard[] {
  return Array.from({ length: days }, (_, day) => {
    const at = FIRST + day * DAY_MS;
    const date = new Date(at);
    return {
      ...{
        reference: { kind: "message", id: `m${day}`, sessionId: "s", turnSeq: day + 1 },
        turnId: `t${day}`,
      },
      ...{ at, day: date.toISOString().slice(0, 10), weekday: date.getUTCDay(), question: question(day) },
    };
  });
}

it("says a habit in the language of its question", () => {
  const of = heard(29, (day) => (day % 7 === 1 ? "О котрій потяг до Львова?" : ""));

  const [habit, ...others] = habitsOf(of, 0);

  expect(others).toEqual([]);
  expect(habit && habitText("uk", habit)).toBe(
    "Щоп'ятниці питає таке, як «О котрій потяг до Львова?»: 4 рази від 2026-01-02.",
  );
});

it("takes words that say when, and words of every day, for no habit", () => {
  const everyDay = heard(56, () => "What is the weather today?");
  const tomorrow = heard(56, (day) => (day % 7 === 1 ? "And tomorrow, on Saturday?" : ""));

  expect([habitsOf(everyDay, 0), habitsOf(tomorrow, 0)]).toEqual([[], []]);
});

it("looks only at what came up since", () => {
  const of = heard(29, (day) => (day % 7 === 1 ? "When does the train leave?" : ""));

  expect(habitsOf(of, FIRST + 22 * DAY_MS)).toEqual([]);
  expect(habitsOf(of, FIRST + 21 * DAY_MS)).toHaveLength(1);
});

it("says what changed, and how often, in both languages", () => {
  const answers = ["Львів", "Київ", "Одеса"].map(
    (value, n) => ({ attributes: { value }, recordedAt: FIRST + n * DAY_MS }) as unknown as MemoryRecord,
  );
  const change = { slot: "kate home", about: "home", audience: ["kate"], answers };

  expect(changeText("uk", change)).toBe(
    "Домівка: змінилося двічі від 2026-01-01: Львів, потім Київ, потім Одеса.",
  );
  expect(changeText("en", { ...change, about: "named cat" })).toBe(
    "The name of the cat changed twice since 2026-01-01: Львів, then Київ, then Одеса.",
  );
});
