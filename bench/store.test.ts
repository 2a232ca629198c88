import { expect, test } from "vitest";
import { run } from "./store.ts";

test("the store's benchmark runs on the tables as they are, and each of its figures is a number", async () => {
  const figures = await run({ scale: 0.005, historyMessages: 400, searchMessages: [400] });

  expect(figures.map(({ metric }) => metric)).toContain("typed write transaction over raw driver, CPU");
  for (const { metric, value } of figures) expect([metric, Number.isFinite(value)]).toEqual([metric, true]);
});
