import { expect, test } from "vitest";
import { createMetrics } from "../kit/index.ts";
import { createReadBound } from "./reads.ts";

const options = { signal: new AbortController().signal };

test("reads beyond the bound are refused at once, those within it are counted until they are answered", async () => {
  const metrics = createMetrics();
  const answers: (() => void)[] = [];
  const slow = { query: () => new Promise<unknown>((resolve) => answers.push(() => resolve(["row"]))) };
  const bound = createReadBound(metrics, 2);
  const [near, far] = [bound(slow), bound(slow)];
  const waiting = (): string | undefined => /^store_reads_waiting (\d+)$/m.exec(metrics.render())?.[1];

  const within = [near.query(0, [], options), far.query(0, [], options)];
  const refused = await near.query(0, [], options).catch((error: unknown) => error);
  const during = waiting();
  for (const answer of answers) answer();

  expect(refused).toMatchObject({ code: "store.busy", retryable: true });
  expect([await Promise.all(within), during, waiting()]).toEqual([[["row"], ["row"]], "2", "0"]);
  const later = near.query(0, [], options);
  answers.at(-1)?.();
  expect(await later).toEqual(["row"]);
});
