import { expect, test } from "vitest";
import { createSlots } from "./slots.ts";

const bounds = { realtime: 2, background: 1, heavy: 1 };

test("a session runs one turn at a time and a lane so many", () => {
  const slots = createSlots(bounds);

  const first = slots.take("a", "realtime");
  expect(slots.take("a", "realtime")).toBeUndefined();
  expect(slots.take("b", "realtime")).toBeDefined();
  expect(slots.take("c", "realtime")).toBeUndefined();
  expect(slots.take("c", "background")).toBeDefined();

  first?.free();
  expect(slots.take("a", "realtime")).toBeDefined();
});

test("freeing twice gives one place back", () => {
  const slots = createSlots(bounds);
  const place = slots.take("a", "realtime");

  place?.free();
  place?.free();

  expect(slots.running("realtime")).toBe(0);
});

test("a session with a waiting turn is not overtaken by a new message", () => {
  const slots = createSlots(bounds);
  slots.wait("a", "realtime", 100);

  expect(slots.take("a", "realtime")).toBeUndefined();
  slots.unwait("a", false);
  expect(slots.take("a", "realtime")).toBeDefined();
});

test("ready sessions are due, idle, oldest first, and no more than their lane has room for", () => {
  const slots = createSlots(bounds);
  slots.take("busy", "realtime");
  for (const [sessionId, dueAt] of [
    ["busy", 1],
    ["late", 500],
    ["x", 2],
    ["y", 1],
  ] as const) {
    slots.wait(sessionId, "realtime", dueAt);
  }

  expect(slots.ready(100).map((one) => one.sessionId)).toEqual(["x"]);
  expect(slots.nextDueAt()).toBe(1);
});
