import { expect, test } from "vitest";
import { median, quantile, ratioOf } from "./statistics.ts";

test("a quantile lies between the samples around it, whatever their order", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([0, 10], 0.95)).toBeCloseTo(9.5);
  expect(() => median([])).toThrow("No samples");
});

test("a ratio of nothing is no ratio, and holds no target", () => {
  expect(ratioOf(3, 2)).toBe(1.5);
  for (const [value, over] of [
    [0, 1],
    [1, 0],
    [-1, 2],
    [1, -2],
    [Number.NaN, 1],
  ] as const)
    expect(() => ratioOf(value, over)).toThrow("no ratio");
});
