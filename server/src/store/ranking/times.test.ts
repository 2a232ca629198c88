import { expect, it } from "vitest";
import { isToldIn, spansOf } from "./times.ts";

/** A Wednesday. */
const AT = Date.UTC(2026, 5, 17, 15);
const day = (date: string): number => Date.parse(`${date}T00:00:00Z`);

it.each([
  ["What did we buy on 8 May, 2025?", "2025-05-08", "2025-05-09"],
  ["as of May 8th 2025", "2025-05-08", "2025-05-09"],
  ["Що було 3 червня?", "2026-06-03", "2026-06-04"],
  ["the party on October 13", "2025-10-13", "2025-10-14"],
  ["plans for January 2026", "2026-01-01", "2026-02-01"],
  ["where did we go in August?", "2025-08-01", "2025-09-01"],
  ["куди ми їздили в серпні?", "2025-08-01", "2025-09-01"],
  ["last spring", "2026-03-01", "2026-06-01"],
  ["минулого літа", "2026-06-01", "2026-09-01"],
  ["I saw her yesterday", "2026-06-16", "2026-06-17"],
  ["позавчора", "2026-06-15", "2026-06-16"],
  ["today", "2026-06-17", "2026-06-18"],
  ["three days ago", "2026-06-14", "2026-06-15"],
  ["два тижні тому", "2026-05-30", "2026-06-08"],
  ["last week", "2026-06-06", "2026-06-15"],
  ["two months ago", "2026-04-01", "2026-05-01"],
  ["last year", "2025-01-01", "2026-01-01"],
  ["минулого року", "2025-01-01", "2026-01-01"],
  ["last Friday", "2026-06-12", "2026-06-13"],
  ["last weekend", "2026-06-08", "2026-06-17"],
  ["what happened in 2024?", "2024-01-01", "2025-01-01"],
])("%s means the time from %s to %s", (text, from, to) => {
  expect(spansOf(text, AT)).toEqual([{ from: day(from), to: day(to) }]);
});

it.each(["It may rain", "the last one", "I ran 42 miles", "Dan may come", ""])("%s names no time", (text) => {
  expect(spansOf(text, AT)).toEqual([]);
});

it("reads a day and a month of one text once each", () => {
  expect(spansOf("between 11 August 2025 and March 2026", AT)).toEqual([
    { from: day("2025-08-11"), to: day("2025-08-12") },
    { from: day("2026-03-01"), to: day("2026-04-01") },
  ]);
});

it("knows that what was done in a month is told soon after too, and what was said on a day is not", () => {
  const [may] = spansOf("in May 2025", AT);
  const [eighth] = spansOf("8 May 2025", AT);

  expect(
    [day("2025-05-02"), day("2025-06-06"), day("2025-07-01")].map((at) => may && isToldIn(at, may)),
  ).toEqual([true, true, false]);
  expect([day("2025-05-08"), day("2025-05-09")].map((at) => eighth && isToldIn(at, eighth))).toEqual([
    true,
    false,
  ]);
});
