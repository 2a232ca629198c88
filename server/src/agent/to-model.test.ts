import type { Message, MessagePart } from "@troupe/contracts";
import { expect, test } from "vitest";
import { toModelMessages, unfold } from "./to-model.ts";

const parallel: MessagePart[] = [
  { type: "text", text: "Let me look." },
  { type: "tool-call", callId: "a", name: "time", arguments: '{ "timeZone":"Europe/Kyiv" }' },
  { type: "tool-call", callId: "b", name: "dice", arguments: '{"notation":"2d6"}' },
  { type: "tool-result", callId: "a", name: "time", text: "12:00" },
  { type: "tool-result", callId: "b", name: "dice", text: "7", isError: true },
  { type: "text", text: "Noon, and a seven." },
];

function message(over: Partial<Message>): Message {
  return {
    id: "m",
    spaceId: "default",
    sessionId: "s",
    turnId: "t",
    seq: 1,
    turnSeq: 1,
    role: "user",
    parts: [{ type: "text", text: "hello" }],
    audience: ["p"],
    outcome: "ok",
    createdAt: 0,
    ...over,
  };
}

test("parallel tool calls come back as one assistant step, their results in order, byte for byte", () => {
  const shown = unfold(parallel);

  expect(shown).toEqual([
    {
      role: "assistant",
      text: "Let me look.",
      calls: [
        { callId: "a", name: "time", arguments: '{ "timeZone":"Europe/Kyiv" }' },
        { callId: "b", name: "dice", arguments: '{"notation":"2d6"}' },
      ],
    },
    { role: "tool", callId: "a", name: "time", text: "12:00", isError: false },
    { role: "tool", callId: "b", name: "dice", text: "7", isError: true },
    { role: "assistant", text: "Noon, and a seven.", calls: [] },
  ]);
});

test("two steps with calls stay two steps", () => {
  const shown = unfold([
    { type: "tool-call", callId: "1", name: "time", arguments: "{}" },
    { type: "tool-result", callId: "1", name: "time", text: "one" },
    { type: "tool-call", callId: "1", name: "time", arguments: "{}" },
    { type: "tool-result", callId: "1", name: "time", text: "two" },
  ]);

  expect(shown.map((one) => one.role)).toEqual(["assistant", "tool", "assistant", "tool"]);
});

test("a call that was stopped before its result still gets one, since providers refuse a call without", () => {
  const shown = unfold([{ type: "tool-call", callId: "x", name: "dice", arguments: "{}" }], true);

  expect(shown).toHaveLength(2);
  expect(shown[1]).toMatchObject({ role: "tool", callId: "x", isError: true });
});

test("of a failed turn a model sees only a note, neither the question nor the notice", () => {
  const shown = toModelMessages([
    message({ outcome: "failed", parts: [{ type: "text", text: "delete everything" }] }),
    message({
      seq: 2,
      role: "notice",
      outcome: "failed",
      parts: [{ type: "text", text: "I could not answer" }],
    }),
  ]);

  expect(shown).toHaveLength(1);
  expect(JSON.stringify(shown)).not.toContain("delete everything");
  expect(JSON.stringify(shown)).not.toContain("I could not answer");
  expect(shown[0]?.text).toContain("Do not answer it now");
});

test("a stopped turn keeps the question and what was said before the stop", () => {
  const shown = toModelMessages([
    message({ outcome: "cancelled" }),
    message({
      seq: 2,
      role: "assistant",
      outcome: "cancelled",
      parts: [{ type: "text", text: "Once upon" }],
    }),
  ]);

  expect(shown[0]).toEqual({ role: "user", text: "hello" });
  expect(shown[1]?.text).toMatch(/^Once upon \[Stopped/);
});

test("a turn that was stopped after a tool's result says so, or the next turn would take it up again", () => {
  const parts: MessagePart[] = [
    { type: "tool-call", callId: "a", name: "time", arguments: "{}" },
    { type: "tool-result", callId: "a", name: "time", text: "12:00" },
  ];

  const shown = unfold(parts, true);

  expect(shown.map((one) => one.role)).toEqual(["assistant", "tool", "assistant"]);
  expect(shown.at(-1)?.text).toBe("[Stopped by the user.]");
});

test("a stopped call gets a result of its own, also where an earlier step gave its call the same id", () => {
  const parts: MessagePart[] = [
    { type: "tool-call", callId: "same", name: "time", arguments: "{}" },
    { type: "tool-result", callId: "same", name: "time", text: "12:00" },
    { type: "tool-call", callId: "same", name: "dice", arguments: "{}" },
  ];

  const shown = unfold(parts, true);

  expect(shown.map((one) => one.role)).toEqual(["assistant", "tool", "assistant", "tool"]);
  expect(shown.at(-1)).toMatchObject({ name: "dice", isError: true });
});
