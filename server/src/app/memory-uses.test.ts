import type { MemoryRecall, Message, TraceEntry, UnitOfWork, Write } from "@troupe/contracts";
import { createManualClock } from "@troupe/testing";
import { expect, test } from "vitest";
import { createUseCounter } from "./memory-uses.ts";

const asking = (text: string): readonly Message[] => [
  { parts: [{ type: "text", text }] } as unknown as Message,
];
const shown = (...ids: readonly string[]): readonly TraceEntry[] => [
  { at: 1, what: "gather", sources: ids.map((id) => ({ kind: "memory", id })) } as TraceEntry,
];

test("memories that turns were shown are counted together, now and then, each as often as it was shown", async () => {
  const clock = createManualClock();
  const kept: string[][] = [];
  const dreams = {
    recalled: ({ recalls }: { readonly recalls: readonly MemoryRecall[] }) =>
      recalls.map(({ memoryId, asked, times }) => `${memoryId} ${times} ${asked}`) as unknown as Write,
  };
  const memories = { use: ({ ids }: { readonly ids: readonly string[] }) => [...ids] as unknown as Write };
  const unit = {
    ride: (writes: readonly Write<unknown>[]) => void kept.push(...(writes as unknown as string[][])),
  } as Pick<UnitOfWork, "ride"> as UnitOfWork;
  const count = createUseCounter({ unit, memories, dreams, clock }, "default");

  count(shown("a", "b", "a"), asking("Where is my cat?"));
  count(shown("a"), asking("my cat is where"));
  expect(kept).toEqual([]);
  await clock.advance(10_000);
  count(shown(), asking("Where is my cat?"));
  count(shown("c"), asking("And the dog?"));

  const recalls = kept.pop()?.map((one) => one.split(" "));
  expect(kept).toEqual([["a", "b"], ["a"]]);
  // By record and question; the same words in another order are one question.
  expect(recalls?.map(([id, times]) => `${id} ${times}`)).toEqual(["a 2", "b 1"]);
  await clock.advance(10_000);
  count(shown("a"), asking("And the dog?"));
  const asked = kept.pop()?.map((one) => one.split(" ")[2]);
  expect(new Set([...(asked ?? []), recalls?.[0]?.[2]]).size).toBe(2);
});
