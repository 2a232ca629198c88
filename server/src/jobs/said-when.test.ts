import { expect, test } from "vitest";
import { readWhen } from "./said-when.ts";

/** A Saturday; 18:30 in Kyiv, 11:30 in New York. */
const NOW = Date.parse("2026-11-21T16:30:00Z");
const KYIV = "Europe/Kyiv";

test.each<[string, string, ReturnType<typeof readWhen>]>([
  ["in 10 minutes", KYIV, { inSeconds: 600 }],
  ["every 2 hours", KYIV, { everyMinutes: 120 }],
  ["every Monday at 8", KYIV, { cron: "0 8 * * 1" }],
  ["tomorrow at 9", KYIV, { at: "2026-11-22 09:00" }],
  ["tomorrow", KYIV, { at: "2026-11-22 09:00" }],
  ["at 19:00", KYIV, { at: "2026-11-21 19:00" }],
  ["at 9", KYIV, { at: "2026-11-22 09:00" }],
  ["at 18:00", "America/New_York", { at: "2026-11-21 18:00" }],
  ["tonight", KYIV, { at: "2026-11-21 20:00" }],
  ["today", "America/New_York", { at: "2026-11-21 18:00" }],
  ["on Saturday at 20:00", KYIV, { at: "2026-11-21 20:00" }],
  ["on Saturday at 10", KYIV, { at: "2026-11-28 10:00" }],
  ["next Saturday at 20:00", KYIV, { at: "2026-11-28 20:00" }],
  ["on Monday", KYIV, { at: "2026-11-23 09:00" }],
  ["on 25 December at 10", KYIV, { at: "2026-12-25 10:00" }],
  ["on 1 March", KYIV, { at: "2027-03-01 09:00" }],
  ["2026-12-24 18:30", KYIV, { at: "2026-12-24 18:30" }],
  ["on 29 February at 9", KYIV, { at: "2028-02-29 09:00" }],
  ["on 31 April", KYIV, undefined],
  ["31 квітня о 9", KYIV, undefined],
  ["2027-02-30 10:00", KYIV, undefined],
  ["завтра о 9", "Pacific/Auckland", { at: "2026-11-23 09:00" }],
  ["some day", KYIV, undefined],
])("%s in %s", (text, zone, expected) => {
  expect(readWhen(text, NOW, zone)).toEqual(expected);
});
