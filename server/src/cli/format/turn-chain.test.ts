import type { InboundRecord, Message, OutboxRecord, Turn } from "@troupe/contracts";
import { NO_USAGE } from "@troupe/contracts";
import { describe, expect, test } from "vitest";
import { createOutput } from "../output.ts";
import { formatTurnChain, type TurnLife } from "./turn-chain.ts";

const { paint } = createOutput({ isJson: false, noColor: true });
const T = new Date(2026, 10, 21, 7, 12, 3, 114).getTime();

const turn: Turn = {
  id: "01JD8Q2V",
  spaceId: "default",
  agentId: "ana",
  agentRevision: 7,
  sessionId: "s1",
  turnSeq: 42,
  trigger: "chat",
  lane: "realtime",
  state: "replied",
  attempt: 2,
  epoch: 2,
  owner: undefined,
  inboundCount: 1,
  payload: {},
  dueAt: T,
  deadlineAt: T + 300_000,
  cancelRequested: false,
  reservedMicroUsd: 2100,
  costMicroUsd: 1100,
  usage: NO_USAGE,
  error: undefined,
  trace: [
    { at: T + 3, what: "open", detail: "attempt 1" },
    { at: T + 12_995, what: "commit", detail: "reply 01JD8R, 3 effects" },
  ],
  createdAt: T,
  finishedAt: T + 12_995,
};
const message: Message = {
  id: "m1",
  spaceId: "default",
  sessionId: "s1",
  turnId: turn.id,
  seq: 42,
  turnSeq: 42,
  role: "user",
  parts: [{ type: "text", text: "did the mover\nwrite back?" }],
  audience: ["p-204"],
  outcome: "ok",
  createdAt: T,
};
const inbound: InboundRecord = {
  id: "i1",
  spaceId: "default",
  sessionId: "s1",
  turnId: turn.id,
  channel: "telegram",
  platformId: "88121",
  requestHash: undefined,
  principalId: "telegram",
  principalKind: "channel",
  replyTo: undefined,
  state: "replied",
  reason: undefined,
  receivedAt: T,
  acceptedAt: T + 2,
  endedAt: T + 12_995,
};
const delivered: OutboxRecord = {
  id: "o1",
  spaceId: "default",
  turnId: turn.id,
  sessionId: "s1",
  address: { channel: "telegram", target: "p-204" },
  text: "Yes.",
  state: "delivered",
  begun: true,
  attempt: 1,
  epoch: 1,
  owner: undefined,
  dueAt: T,
  platformId: "5512",
  error: undefined,
  createdAt: T + 12_995,
  endedAt: T + 13_266,
  errors: [],
};
const life: TurnLife = {
  turn,
  session: { channel: "telegram", key: "p-204", peerId: "p-204" },
  storyline: { title: "Moving to Lviv" },
  messages: [message],
  inbound: [inbound],
  outbox: [delivered],
  effects: [
    { kind: "memory.extract", state: "done", createdAt: T, endedAt: T + 13_800 },
    { kind: "people.update", state: "done", createdAt: T, endedAt: T + 13_786 },
  ],
};

describe("the chain of a turn", () => {
  test("tells a message's whole life in the order of time, with milliseconds", () => {
    expect(formatTurnChain(life, paint).split("\n")).toEqual([
      'turn 01JD8Q2V  session telegram/p-204  storyline "Moving to Lviv"  agent ana@7',
      '  07:12:03.114  received   telegram message 88121 "did the mover write back?"',
      "  07:12:03.116  accepted   seq 42, 0.0021 USD reserved",
      "  07:12:03.117  open       attempt 1",
      "  07:12:16.109  commit     reply 01JD8R, 3 effects",
      "  07:12:16.380  delivered  telegram message 5512",
      "  07:12:16.914  effects    memory.extract done, people.update done",
      "  replied in 13 s, 0.0011 USD.",
    ]);
  });

  test("says of a blind delivery without an answer that nobody knows", () => {
    const text = formatTurnChain(
      { ...life, outbox: [{ ...delivered, state: "unknown", platformId: undefined }] },
      paint,
    );

    expect(text).toContain(
      "unknown    nobody knows whether it reached telegram p-204; it is not sent again by itself",
    );
  });

  test.each([
    [{ state: "queued" as const }, "  waits for its turn."],
    [{ state: "running" as const, cancelRequested: true }, "  runs, attempt 2, asked to stop."],
    [
      {
        state: "failed" as const,
        error: { code: "model.auth" as const, message: "The model refused our key." },
      },
      "  failed: The model refused our key. (model.auth)",
    ],
    [{ state: "cancelled" as const }, "  cancelled."],
  ])("ends with how the turn stands: %j", (change, expected) => {
    const text = formatTurnChain({ turn: { ...turn, trace: [], ...change } }, paint);

    expect(text.split("\n").at(-1)).toBe(expected);
  });

  test("lets nothing from outside steer the terminal", () => {
    const evil: Message = { ...message, parts: [{ type: "text", text: "a\u001b[2Jb\u009b31mc\u202ed" }] };

    const text = formatTurnChain({ ...life, messages: [evil] }, paint);

    expect(text).toContain('88121 "abcd"');
    for (const state of ["failed", "cancelled"] as const) {
      const error = { code: "model.rejected", message: "It said: \u001b]0;owned\u0007no" } as const;
      const closing = formatTurnChain({ turn: { ...turn, trace: [], state, error } }, paint)
        .split("\n")
        .at(-1);
      expect(closing).toMatch(/: It said: no( \(model\.rejected\))?$/);
    }
  });

  test("tells of an effect that was given up why", () => {
    const text = formatTurnChain(
      {
        ...life,
        effects: [{ kind: "memory.extract", state: "dead", createdAt: T, error: "The model\nfailed." }],
      },
      paint,
    );

    expect(text).toContain("effects    memory.extract dead (The model failed.)");
  });
});
