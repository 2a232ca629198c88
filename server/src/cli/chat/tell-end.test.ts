import { expect, test } from "vitest";
import { tellEnd } from "./tell-end.ts";
import type { TurnEndEvent } from "./turn-view.ts";

const plain = (text: string): string => text;
const paint = { dim: plain, bold: plain, good: plain, bad: plain, warn: plain };

function toldOf(end: Partial<TurnEndEvent> | undefined): readonly string[] {
  const lines: string[] = [];
  const whole: TurnEndEvent | undefined = end && {
    ...{ type: "end", turnId: "t1", attempt: 1, n: 9, state: "replied", text: "Hello.", costUsd: 0 },
    usage: { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1 },
    ...end,
  };
  tellEnd({ end: whole, turnId: "t1" }, { line: (text = "") => void lines.push(text), paint });
  return lines;
}

test("a whole reply needs no further word", () => {
  expect(toldOf({})).toEqual([]);
  expect(toldOf({ finishReason: "stop" })).toEqual([]);
});

test("a reply that was cut is told to be", () => {
  expect(toldOf({ finishReason: "length" })).toEqual(["(cut here: the model wrote as much as it may)"]);
  expect(toldOf({ finishReason: "content-filter" })).toEqual([
    "(cut here: the model's provider filtered the rest)",
  ]);
});

test("a turn without a reply says why", () => {
  const error = { code: "model.timeout", message: "The model did not answer in time." } as const;

  expect(toldOf({ state: "failed", text: "I could not answer.", error })).toEqual(["I could not answer."]);
  expect(toldOf({ state: "failed", text: "", error })).toEqual([error.message]);
  expect(toldOf({ state: "dead", text: "" })).toEqual(["The turn ended as dead."]);
  expect(toldOf({ state: "cancelled", text: "Half" })).toEqual(["Stopped."]);
});

test("a line that broke says where the answer will be", () => {
  expect(toldOf(undefined)[0]).toContain("./troupe turn show t1");
});

test("words of a model's server steer nothing", () => {
  expect(toldOf({ state: "failed", text: "It said: \u001b[2Jno" })).toEqual(["It said: no"]);
});
