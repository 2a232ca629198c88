import type { DeadLetter } from "@troupe/contracts";
import { describe, expect, test } from "vitest";
import type { StatusReport, WaitingRows } from "../../app/index.ts";
import { safeText } from "../../kit/index.ts";
import { createOutput, oneLine, table, widthOf } from "../output.ts";
import { formatStatus } from "./status.ts";
import { duration, plural, usd } from "./time.ts";

const { paint } = createOutput({ isJson: false, noColor: true });
const NOW = new Date(2026, 10, 21, 7, 30).getTime();
const letter: DeadLetter = {
  ...{ source: "effect", id: "e", kind: "of.tomorrow", state: "parked", turnId: "T6", sessionId: "s" },
  ...{ agentId: "ana", to: undefined, attempts: 1, error: "no handler" },
  ...{ createdAt: NOW - 200_000, failedAt: NOW - 180_000 },
};
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
  outbox: { pending: none, sending: none },
  hold: undefined,
  unreadable: [],
  lanes: [],
  shed: none,
  deadLetters: { kinds: [], latest: [] },
  jobs: { open: 0, running: 0, due: { count: 0, oldestAt: undefined }, nextAt: undefined },
  flows: { parked: [] },
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

  test("tells of schedules where there are any, and since when one waits", () => {
    const due = { count: 0, oldestAt: undefined };
    const waits = { open: 12, running: 1, due, nextAt: NOW + 300_000 };
    const late = { ...waits, running: 0, due: { count: 2, oldestAt: NOW - 65_000 }, nextAt: NOW - 65_000 };

    expect(formatStatus({ ...calm, jobs: waits }, paint)).toContain(
      "  Jobs      12 open; 1 runs; none is due, the next in 5 min\n",
    );
    expect(formatStatus({ ...calm, jobs: late }, paint)).toContain(
      "  Jobs      12 open; none runs; 2 are due, the oldest for 65 s\n",
    );
  });

  test("tells what flows wait for, since when, and which ones no process here knows", () => {
    const parked = [
      { on: "event", count: 3, oldestAt: NOW - 86_400_000 * 3 },
      { on: "version", count: 1, oldestAt: NOW - 240_000 },
    ] as const;

    expect(formatStatus({ ...calm, flows: { parked } }, paint)).toContain(
      "  Flows     3 for an event, the oldest for 3 d; 1 for a version that is not here, the oldest for 4 min: ./troupe flow list --on version",
    );
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
          pending: { count: 200, oldestAt: NOW - 240_000 },
          sending: none,
        },
        lanes: [
          {
            ...{ lane: "realtime", running: 2, due: 14, later: 0, dueSince: NOW - 3_000 },
            ...{ oldestAt: NOW - 240_000, isLeft: false },
          },
          {
            ...{ lane: "background", running: 0, due: 0, later: 0, dueSince: undefined },
            ...{ oldestAt: undefined, isLeft: false },
          },
          {
            ...{ lane: "heavy", running: 0, due: 1, later: 5, dueSince: NOW - 60_000 },
            ...{ oldestAt: NOW - 7_200_000, isLeft: true },
          },
        ],
        shed: { count: 7, isMore: false, oldestAt: NOW },
        deadLetters: {
          kinds: [
            { kind: "delivery.telegram", count: 1204, oldestAt: NOW - 10_800_000 },
            { kind: "storyline.summary", count: 1, oldestAt: NOW - 120_000 },
          ],
          latest: [
            {
              ...{ ...letter, source: "delivery", kind: "delivery.sms", state: "unknown", turnId: "T9" },
              ...{ to: "+380", error: undefined, failedAt: NOW - 60_000 },
            },
            {
              ...{ ...letter, source: "delivery", kind: "delivery.telegram", state: "dead", turnId: "T8" },
              ...{ to: "chat-1", error: "blocked by\nthe user", failedAt: NOW - 240_000 },
            },
            letter,
            { ...letter, turnId: "T5" },
          ],
        },
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
    expect(text).toContain("Delivery   200 wait, the oldest for 4 min\n");
    expect(text).toContain(
      [
        "  Effects    realtime: 2 run, 14 wait, 3.0 s behind, the oldest for 4 min",
        "             heavy: 1 waits, 5 for later, 60 s behind, the oldest for 2 h, no process works in it",
        "             7 left out under load",
        "  Dead       1,204 delivery.telegram, 1 storyline.summary, the oldest for 3 h: ./troupe dlq list",
        "             unknown 60 s ago: delivery.sms to +380, turn T9",
        "             given up 4 min ago: delivery.telegram to chat-1, turn T8, blocked by the user",
        "             parked 3 min ago: of.tomorrow, turn T6, no handler",
        "  Processes",
      ].join("\n"),
    );
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
