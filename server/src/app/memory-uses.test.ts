import type { TraceEntry, UnitOfWork, Write } from "@troupe/contracts";
import { createManualClock } from "@troupe/testing";
import { expect, test } from "vitest";
import { createUseCounter } from "./memory-uses.ts";

const shown = (...ids: readonly string[]): readonly TraceEntry[] => [
  { at: 1, what: "gather", sources: ids.map((id) => ({ kind: "memory", id })) } as TraceEntry,
];

test("memories that turns were shown are counted together, now and then, each as often as it was shown", async () => {
  const clock = createManualClock();
  const kept: string[][] = [];
  const memories = { use: ({ ids }: { readonly ids: readonly string[] }) => [...ids] as unknown as Write };
  const unit = {
    ride: (writes: readonly Write<unknown>[]) => void kept.push(...(writes as unknown as string[][])),
  } as Pick<UnitOfWork, "ride"> as UnitOfWork;
  const count = createUseCounter({ unit, memories, clock }, "default");

  count(shown("a", "b", "a"));
  count(shown("a"));
  expect(kept).toEqual([]);
  await clock.advance(10_000);
  count(shown());
  count(shown("c"));

  expect(kept).toEqual([["a", "b"], ["a"]]);
});
