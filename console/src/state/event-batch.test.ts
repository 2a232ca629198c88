import { expect, test } from "vitest";
import type { TurnEvent } from "../api/types.ts";
import { createEventBatch } from "./event-batch.ts";

const taken = (n: number, type: string) => ({
  ...{ threadId: "t", isFirst: n === 0, event: { type, turnId: "t", attempt: 1, n } as unknown as TurnEvent },
});

test("events are shown together after a moment, and all of them at once with the end", () => {
  const shown: number[][] = [];
  const timers: (() => void)[] = [];
  const take = createEventBatch(
    (events) => shown.push(events.map(({ event }) => event.n)),
    (_, run) => timers.push(run),
  );

  for (const n of [0, 1, 2]) take(taken(n, "text-delta"));
  expect(shown).toEqual([]);
  timers.shift()?.();
  take(taken(3, "text-delta"));
  take(taken(4, "end"));
  timers.shift()?.();

  expect(shown).toEqual([
    [0, 1, 2],
    [3, 4],
  ]);
});
