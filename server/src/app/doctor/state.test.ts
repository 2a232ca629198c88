import type { DeadLetter } from "@troupe/contracts";
import { expect, test } from "vitest";
import type { LaneReport, StatusReport } from "../status.ts";
import { checkState } from "./state.ts";

const NOW = 10_000_000;
const none = { count: 0, oldestAt: undefined };
const lane: LaneReport = {
  ...{ lane: "heavy", running: 0, due: 0, later: 0, dueSince: undefined, oldestAt: undefined },
  isLeft: false,
};
const letter: DeadLetter = {
  ...{ source: "delivery", id: "o-1", kind: "delivery.telegram", state: "dead", turnId: "t", sessionId: "s" },
  ...{ agentId: "ana", to: "chat", attempts: 14, error: "Blocked by the user.", createdAt: 1, failedAt: 2 },
};

function findings(change: Partial<StatusReport>) {
  const calm = {
    ...{ phase: "ready", now: NOW, messages: { states: {}, oldestAcceptedAt: undefined }, lanes: [lane] },
    ...{ outbox: { pending: none, sending: none }, deadLetters: { kinds: [], latest: [] } },
    flows: { parked: [] },
    process: { id: "p", pid: 1, startedAt: 1, rssBytes: 1 },
  };
  // Only what is read of it.
  return checkState({ ...calm, ...change } as unknown as StatusReport);
}

test("a Troupe that gave nothing up and keeps up is well", () => {
  expect(findings({}).filter(({ verdict }) => verdict !== "good")).toEqual([]);
});

test("what was given up is named by kind, with the commands that show, replay and forget it", () => {
  const kinds = [
    { kind: "delivery.telegram", count: 1_204, oldestAt: 1 },
    { kind: "turn", count: 1, oldestAt: 1 },
  ];

  const [dead] = findings({ deadLetters: { kinds, latest: [letter] } });

  expect(dead).toMatchObject({
    ...{ name: "Dead letters", verdict: "warning", what: "1,204 delivery.telegram, 1 turn" },
    remedy:
      "None is tried again by itself. ./troupe dlq show o-1 tells why and what can be done; dlq replay tries again, dlq purge forgets. The latest: Blocked by the user.",
  });
});

test("a lane that is far behind is told of, with what gives it more places, or somebody to work in it", () => {
  const behind = { ...lane, due: 12, dueSince: NOW - 11 * 60_000 };

  const crowded = findings({ lanes: [behind] });
  const left = findings({ lanes: [{ ...behind, isLeft: true }] });
  const brief = findings({ lanes: [{ ...behind, dueSince: NOW - 60_000 }] });

  const of = (all: typeof crowded) => all.find(({ name }) => name.startsWith("Lane"));
  expect(of(crowded)).toMatchObject({ name: "Lane heavy", what: "12 wait, 11 min behind" });
  expect(of(crowded)?.remedy).toContain("lanes.heavy.parallel");
  expect(of(left)?.remedy).toBe("No process works in it: start one with ./troupe up --lanes heavy.");
  expect(of(brief)?.verdict).toBe("good");
});

test("flows that wait are well, but those of a version that no definition here knows", () => {
  const event = { on: "event", count: 3, oldestAt: 1 } as const;
  const of = (parked: StatusReport["flows"]["parked"]) =>
    findings({ flows: { parked } }).find(({ name }) => name === "Flows");

  expect(of([event])).toMatchObject({ verdict: "good", what: "3 wait" });
  expect(of([event, { on: "version", count: 2, oldestAt: 1 }])).toMatchObject({
    ...{ verdict: "warning", what: "2 wait for a version that is not here" },
    remedy: expect.stringContaining("./troupe flow list --on version"),
  });
});
