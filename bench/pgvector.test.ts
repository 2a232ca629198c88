import { findPgvector, NO_PGVECTOR } from "@troupe/testing";
import { expect, test } from "vitest";
import { run } from "./pgvector.ts";

test("the benchmark of pgvector runs, finds what is nearest, and each of its figures is a number", {
  timeout: 120_000,
}, async ({ skip }) => {
  if ((await findPgvector()) === undefined) return skip(NO_PGVECTOR);
  const figures = await run({ scale: 0.01, rounds: 1, sizes: [1_000], progress: () => undefined });

  for (const { metric, value } of figures) expect([metric, Number.isFinite(value)]).toEqual([metric, true]);
  expect(figures.filter(({ holds }) => holds === true)).toHaveLength(4);
});
