import { describe, expect, test } from "vitest";
import type { StatusReport, WaitingRows } from "../../app/index.ts";
import { createOutput, oneLine, safeText, table, widthOf } from "../output.ts";
import { formatStatus } from "./status.ts";
import { duration, plural, usd } from "./time.ts";

const { paint } = createOutput({ isJson: false, noColor: true });
const NOW = new Date(2026, 10, 21, 7, 30).getTime();
const none: WaitingRows = { count: 0, isMore: false, oldestAt: undefined };

const calm: StatusReport = {
  version: "0.1.0",
  phase: "ready",
  ready: true,
  reasons: [],
  home: "/home/a/.troupe",
  process: { id: "p1", pid: 340, startedAt: new Date(2026, 10, 21, 7, 12).getTime(), rssBytes: 118_400_000 },
  now: NOW,
  turns: { running: 0, waiting: 0 },
  messages: { states: { replied: 1204 }, oldestAcceptedAt: undefined },
  outbox: { pending: none, sending: none, unknown: none, dead: none },
  budget: { day: "2026-11-21", spentMicroUsd: 0, reservedMicroUsd: 0, limitMicroUsd: undefined },
  models: { default: ["local/llama3.2", "offline/guide"] },
  agents: ["ana", "kate"],
  lastReload: undefined,
};

describe("the status", () => {
  test("of a calm Troupe is a few calm lines", () => {
    expect(formatStatus(calm, paint).split("\n")).toEqual([
      "Troupe 0.1.0 runs since 2026-11-21 07:12, process 340, 118 MB.",
      "  Messages  nothing waits; 1,204 replied",
      "  Turns     none runs",
      "  Delivery  nothing waits",
      "  Budget    0.00 USD today; no limit is set",
      "  Models    default: local/llama3.2, offline/guide",
      "  Agents    ana, kate",
    ]);
  });

  test("after a bad night says what waits and since when, and what was given up", () => {
    const text = formatStatus(
      {
        ...calm,
        ready: false,
        reasons: ["The disk is full."],
        turns: { running: 2, waiting: 1 },
        messages: { states: { accepted: 3, failed: 1 }, oldestAcceptedAt: NOW - 3_600_000 * 3 },
        outbox: {
          pending: { count: 200, isMore: true, oldestAt: NOW - 240_000 },
          sending: none,
          unknown: { count: 1, isMore: false, oldestAt: NOW },
          dead: { count: 2, isMore: false, oldestAt: NOW },
        },
        budget: {
          day: "2026-11-21",
          spentMicroUsd: 4_990_000,
          reservedMicroUsd: 10_000,
          limitMicroUsd: 5_000_000,
        },
        lastReload: {
          kind: "rejected",
          at: NOW,
          problems: [
            { file: "troupe.yaml", line: 3, path: "budgte", message: "budgte is not a setting.", hints: [] },
            { file: "troupe.yaml", line: 4, path: "x", message: "x is not a setting.", hints: [] },
          ],
        },
      },
      paint,
    );

    expect(text).toContain("is not ready (since 2026-11-21 07:12, process 340, 118 MB): The disk is full.");
    expect(text).toContain("3 on the way, the oldest for 3 h; 1 failed");
    expect(text).toContain("2 run, 1 waits");
    expect(text).toContain("200+ wait, the oldest for 4 min; 1 unknown; 2 given up");
    expect(text).toContain("4.99 of 5.00 USD today, 0.01 USD reserved; used up");
    expect(text).toContain(
      "broken since 07:30; what was in force stays. troupe.yaml:3 budgte is not a setting. And 1 further problem: ./troupe config check.",
    );
  });

  test("of a home that nobody serves says so", () => {
    expect(formatStatus({ ...calm, phase: "not_running" }, paint).split("\n")[0]).toBe(
      "Troupe 0.1.0 does not run. ./troupe up starts it.",
    );
  });
});

test("durations and money are short and say enough", () => {
  expect([412, 1234, 59_000, 240_000, 10_800_000, 200_000_000].map(duration)).toEqual([
    "412 ms",
    "1.2 s",
    "59 s",
    "4 min",
    "3 h",
    "2 d",
  ]);
  expect([0, 12, 1100, 30_000, 2_500_000].map(usd)).toEqual([
    "0.00 USD",
    "0.000012 USD",
    "0.0011 USD",
    "0.03 USD",
    "2.50 USD",
  ]);
  expect([plural(1, "turn"), plural(1200, "turn")]).toEqual(["1 turn", "1,200 turns"]);
});

test("columns stand beside each other, whatever the letters", () => {
  expect(
    table([
      ["ana", "x"],
      ["漢字", "y"],
      ["й", "z"],
    ]),
  ).toBe("ana   x\n漢字  y\nй     z");
  expect(widthOf("e\u0301")).toBe(1);
});

test("text from outside stays on its line and steers nothing", () => {
  expect(oneLine("a\nb\u001b[31m c", 10)).toBe("a b c");
  expect(oneLine("abcdefgh", 5)).toBe("abcd…");
  expect(safeText("a\tb\nc\u0000\u202ed")).toBe("a\tb\ncd");
});
