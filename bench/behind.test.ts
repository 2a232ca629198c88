import { expect, test } from "vitest";
import { run as runEffects } from "./effects.ts";
import { run as runQueue } from "./queue.ts";

const short = { scale: 0.01, rounds: 1, progress: () => undefined };

test("the benchmark of effects runs on the workers as they are, and each of its figures is a number", async () => {
  const figures = await runEffects(short);

  expect(figures.map(({ metric }) => metric)).toContain("one by one");
  for (const { metric, value } of figures) expect([metric, Number.isFinite(value)]).toEqual([metric, true]);
}, 300_000);

test("the benchmark of the queue measures the store, and JetStream where a server is to be had", async () => {
  const figures = await runQueue(short);

  expect(figures[0]?.metric).toBe("32 at once: embedded queue, claim and settle, CPU");
  for (const { metric, value } of figures) expect([metric, value >= 0]).toEqual([metric, true]);
}, 300_000);
