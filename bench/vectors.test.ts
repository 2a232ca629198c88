import { expect, test } from "vitest";
import { run } from "./vectors.ts";

test("the benchmark of vectors runs, finds what is nearest, and each of its figures is a number", async () => {
  const figures = await run({ scale: 0.01, rounds: 1, sizes: [2_000], progress: () => undefined });

  for (const { metric, value } of figures) expect([metric, Number.isFinite(value)]).toEqual([metric, true]);
  expect(figures.filter(({ target }) => target === ">= 0.99").map(({ holds }) => holds)).toEqual([
    true,
    true,
  ]);
});
