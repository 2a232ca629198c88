import { expect, test } from "vitest";
import { run } from "./ingest.ts";

test("what is made of messages behind the replies is measured on a real Troupe, until nothing of it waits", async () => {
  const figures = await run({ scale: 0.01, rounds: 1, progress: () => undefined });

  const of = (metric: string) => figures.find((one) => one.metric === metric)?.value;
  expect(of("messages accepted a second")).toBeGreaterThan(0);
  expect(of("CPU a message, all that follows it included")).toBeGreaterThan(0);
  // They wait for some seconds of quiet, and are seen to.
  expect(of("vectors: most that waited")).toBeGreaterThan(0);
  for (const thing of ["turns", "words", "learning", "vectors"])
    expect(of(`${thing}: nothing waits after`), thing).toBeGreaterThanOrEqual(0);
}, 120_000);
