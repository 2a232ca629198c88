import { describe, expect, test } from "vitest";
import type { StatusReport, WaitingRows } from "../../app/index.ts";
import { safeText } from "../../kit/index.ts";
import { createOutput, oneLine, table, widthOf } from "../output.ts";
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
  hold: undefined,
  unreadable: [],
  unsent: [],
  effects: { pending: none, running: none, parked: none, dead: none, shed: none },
  failedEffects: [],
  processes: [{ id: "p1", pid: 340, role: "serve", leaseUntil: NOW + 60_000, isAlive: true }],
  budget: { day: "2026-11-21", spentMicroUsd: 0, reservedMicroUsd: 0, limitMicroUsd: undefined, asked: 0 },
  models: { default: ["local/llama3.2", "offline/guide"] },
  providers: [{ provider: "local", state: "closed", failures: 0 }],
  agents: ["ana", "kate"],
  lastReload: undefined,
};

describe("the status", () => {
  test("tells of a provider that is left alone, and why", () => {
    const lastError = 'The model "cloud/x" refused our key (401).';
    const broken = {
      provider: "cloud",
      state: "open",
      failures: 1,
      openUntil: NOW + 42_000,
      lastError,
    } as const;

    expect(formatStatus({ ...calm, providers: [broken] }, paint)).toContain(
      'Provider  cloud left alone for 42 s: The model "cloud/x" refused our key (401).',
    );
  });

  test("of a calm Troupe is a few calm lines", () => {
    expect(formatStatus(calm, paint).split("\n")).toEqual([
      "Troupe 0.1.0 runs since 2026-11-21 07:12, process 340, 118 MB.",
      "  Messages  nothing waits; 1,204 replied",
      "  Turns     none runs",
      "  Delivery  nothing waits",
      "  Effects   nothing waits",
      "  Budget    0.00 USD today; no limit of the day is set",
      "  Models    default: local/llama3.2, offline/guide",
      "  Agents    ana, kate",
    ]);
  });

  test("of a restored home says that its outbox is held, and which secret cannot be opened", () => {
    const hold = { spaceId: "default", reason: "It was restored.", since: NOW };
    const unreadable = [{ setting: "providers.x.apiKey", reason: "The master key is gone." }];
    const text = formatStatus({ ...calm, hold, unreadable }, paint);

    expect(text).toContain(
      "held since 2026-11-21 07:30: It was restored. ./troupe outbox list shows what waits",
    );
    expect(text).toContain("  Secrets   providers.x.apiKey is not used: The master key is gone.");
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
        unsent: [
          {
            ...{ turnId: "T9", state: "unknown", channel: "sms", target: "+380", at: NOW - 60_000 },
            error: undefined,
          },
          {
            ...{ turnId: "T8", state: "dead", channel: "telegram", target: "chat-1", at: NOW - 240_000 },
            error: "blocked by\nthe user",
          },
        ],
        effects: {
          pending: { count: 3, isMore: false, oldestAt: NOW - 240_000 },
          running: none,
          parked: { count: 1, isMore: false, oldestAt: NOW },
          dead: { count: 200, isMore: true, oldestAt: NOW },
          shed: { count: 7, isMore: false, oldestAt: NOW },
        },
        failedEffects: [
          {
            ...{ turnId: "T7", kind: "storyline.summary", state: "dead", at: NOW - 120_000 },
            error: "The model failed.",
          },
          {
            ...{ turnId: "T6", kind: "of.tomorrow", state: "parked", at: NOW - 180_000 },
            error: "no handler",
          },
        ],
        processes: [
          { id: "p1", pid: 340, role: "serve", leaseUntil: NOW + 60_000, isAlive: true },
          { id: "p0", pid: 120, role: "serve", leaseUntil: NOW - 60_000, isAlive: false },
        ],
        budget: {
          day: "2026-11-21",
          spentMicroUsd: 4_990_000,
          reservedMicroUsd: 10_000,
          limitMicroUsd: 5_000_000,
          asked: 1,
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
    expect(text).toContain("used up; more was asked for: ./troupe budget list");
    expect(text).toContain("2 run, 1 waits");
    expect(text).toContain("200+ wait, the oldest for 4 min; 1 unknown; 2 given up");
    expect(text).toContain("            unknown 60 s ago: sms +380, turn T9\n");
    expect(text).toContain("            given up 4 min ago: telegram chat-1, turn T8, blocked by the user\n");
    expect(text).toContain(
      "Effects    3 wait, the oldest for 4 min; 1 parked for a newer version; 200+ given up; 7 left out under load",
    );
    expect(text).toContain("given up 2 min ago: storyline.summary, turn T7, The model failed.\n");
    expect(text).toContain("parked 3 min ago: of.tomorrow, turn T6, no handler\n");
    expect(text).toContain("Processes  340 (serve, this one), 120 (serve, its lease has ended)");
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
