import { expect, test } from "vitest";
import { momentOf } from "./moment.ts";

const NOW = Date.UTC(2026, 10, 21, 12);

test("times are read as people write them: ago, a day, or a day with a time", () => {
  const of = (text: string) => momentOf(text, "--since", NOW);

  expect([of("90s"), of("30min"), of("2h"), of("7d"), of("1w")].map((at) => NOW - at)).toEqual([
    90_000, 1_800_000, 7_200_000, 604_800_000, 604_800_000,
  ]);
  expect(of("2026-11-20")).toBe(new Date(2026, 10, 20).getTime());
  expect(of("2026-11-20 07:00")).toBe(new Date(2026, 10, 20, 7).getTime());
  expect(of("2026-11-20T07:00Z")).toBe(Date.UTC(2026, 10, 20, 7));
});

test.each(["yesterday", "2026-13-40", "5", "-2h", "2 years", ""])(
  "refuses %j with what may be written",
  (text) => {
    expect(() => momentOf(text, "--until", NOW)).toThrow(
      /^--until ".*" is no time\. Write how long ago, as 30min/,
    );
  },
);
