import { expect, test } from "vitest";
import type { ModelRequestRecord } from "./model.ts";
import { addedTimes } from "./model-time.ts";

function request(
  arrivedMs: number,
  firstByteMs: number,
  lastByteMs: number,
  isTurn = true,
): ModelRequestRecord {
  return {
    isTurn,
    arrivedMs,
    firstByteMs,
    lastByteMs,
    bytes: 0,
    messages: 0,
    prefixBytes: 0,
    previousBytes: 0,
  };
}

test("the model's own time is taken off the turn and off the first token", () => {
  const turns = [{ startedMs: 100, firstTokenMs: 140, endedMs: 200 }];

  const [added] = addedTimes(turns, [request(110, 130, 180)]);

  expect(added).toEqual({ turnMs: 100, addedMs: 30, addedToFirstTokenMs: 20, modelCalls: 1 });
});

test("of a turn with a tool, the whole first call goes before the first token", () => {
  const turns = [{ startedMs: 0, firstTokenMs: 60, endedMs: 100 }];

  const [added] = addedTimes(turns, [request(10, 15, 20), request(30, 50, 90)]);

  expect(added).toEqual({ turnMs: 100, addedMs: 30, addedToFirstTokenMs: 30, modelCalls: 2 });
});

test("requests between turns belong to none", () => {
  const turns = [
    { startedMs: 0, firstTokenMs: 5, endedMs: 10 },
    { startedMs: 50, firstTokenMs: 58, endedMs: 60 },
  ];

  const added = addedTimes(turns, [request(1, 2, 3), request(20, 25, 30), request(52, 55, 57)]);

  expect(added.map((turn) => turn.modelCalls)).toEqual([1, 1]);
  expect(added.map((turn) => turn.addedMs)).toEqual([8, 5]);
});

test("what the model does after the turn has ended is not taken off it", () => {
  const [added] = addedTimes([{ startedMs: 0, firstTokenMs: 5, endedMs: 10 }], [request(2, 4, 14)]);

  expect(added?.addedMs).toBe(2);
});

test("a request of background work counts to no turn, even while one runs", () => {
  const turns = [{ startedMs: 0, firstTokenMs: 8, endedMs: 10 }];

  const [added] = addedTimes(turns, [request(1, 2, 3, false), request(4, 6, 9)]);

  expect(added).toEqual({ turnMs: 10, addedMs: 5, addedToFirstTokenMs: 6, modelCalls: 1 });
});
