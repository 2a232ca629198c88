import type { Module, TurnView } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMemoryModule } from "../../server/src/memory/index.ts";
import { endOf, NEVER, openStage, promptOf, recordOf, type Stage } from "./stage.ts";

const options = { signal: NEVER };
const PAUSE_MS = 15 * 60_000;

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

/** Says who asked and how often it was asked. */
function aware(say: (view: TurnView, asked: number) => string): Module & { asked: number } {
  const module = {
    ...{ id: "aware", budgetTokens: 100, asked: 0 },
    async aware(view: TurnView) {
      module.asked += 1;
      return { text: say(view, module.asked), detail: "1 fact" };
    },
  };
  return module;
}

test("what modules know stands behind the instructions from the first turn on, and is asked for once", async () => {
  const module = aware(() => "They live in Lviv.");
  const one = await stage.process("one", { modules: [module] });

  const first = await one.say("hello");
  await one.say("and now?");

  expect(promptOf(stage, 0)).toEqual([
    expect.stringMatching(/^system: You help/),
    "system: They live in Lviv.",
    "user: hello",
  ]);
  expect(promptOf(stage, 1).slice(0, 3)).toEqual(promptOf(stage, 0));
  expect(module.asked).toBe(1);
  const { turn } = await recordOf(stage, first.turnId);
  const blocks = turn.trace.find(({ what }) => what === "prompt")?.blocks ?? [];
  expect(blocks.find(({ block }) => block === "awareness")).toMatchObject({ why: "1 fact" });
});

test("it is asked for anew after a pause and when somebody else reads, and a line of it is not told twice", async () => {
  const module: Module = {
    ...aware(
      ({ audience }, asked) => `Known to ${audience.join(" and ")}:\n[2026-11-20] note: tea, ${asked}`,
    ),
    gather: async () => ({ text: "Recalled:\n[2026-11-20] note: tea, 1\n[2026-11-20] note: cake" }),
  };
  const one = await stage.process("one", { modules: [module] });
  await one.say("hello", { audience: ["p1"] });
  await stage.clock.advance(PAUSE_MS);
  await one.say("again", { audience: ["p1"] });
  await one.say("with p2", { audience: ["p1", "p2"] });

  expect(promptOf(stage, 0).slice(1, 3)).toEqual([
    "system: Known to p1:\n[2026-11-20] note: tea, 1",
    "system: Recalled:\n[2026-11-20] note: cake",
  ]);
  expect(promptOf(stage, 1)[1]).toBe("system: Known to p1:\n[2026-11-20] note: tea, 2");
  expect(promptOf(stage, 2)[1]).toBe("system: Known to p1 and p2:\n[2026-11-20] note: tea, 3");
});

test("one that is late or broken makes a shorter prompt, and what was known to fewer is gone from it", async () => {
  const module = aware(({ audience }) => {
    if (audience.length > 1) throw new Error("away");
    return "For p1 alone.";
  });
  const late: Module = { id: "late", budgetTokens: 10, aware: () => new Promise(() => undefined) };
  const one = await stage.process("one", { modules: [module, late] });
  const first = await one.say("hello", { audience: ["p1"] });
  await stage.clock.advance(300);
  const second = await one.say("hello", { audience: ["p1", "p2"] });
  await stage.clock.advance(300);

  expect([first, second].map(({ turnId }) => endOf(one.events, turnId)?.state)).toEqual([
    "replied",
    "replied",
  ]);
  expect(promptOf(stage, 0)[1]).toBe("system: For p1 alone.");
  expect(promptOf(stage, 1).join()).not.toContain("For p1 alone.");
});

test("facts about people are known in a new conversation without being asked for, by whoever may know them", async () => {
  const { stores } = stage;
  const fact = { spaceId: "default", agentId: "ana", turnId: "t", recordedAt: 0 } as const;
  await stores.unit.commit(
    [
      stores.memories.put({
        ...fact,
        id: "m1",
        audience: ["p1"],
        text: "The name of p1 is Olha.",
        slot: "p1 name",
      }),
      stores.memories.put({
        ...fact,
        id: "m2",
        audience: ["p2"],
        text: "p2 plans a surprise.",
        slot: "p2 plan",
      }),
    ],
    options,
  );
  const quiet = { search: { search: async () => [] }, memories: stores.memories, clock: stage.clock };
  const one = await stage.process("one");
  const memory = createMemoryModule({ ...quiet, logger: one.log, metrics: one.metrics });
  const two = await stage.process("two", { modules: [memory] });

  await two.say("hello there", { audience: ["p1"] });
  await two.say("hello there", { audience: ["p1", "p2"], sessionKey: "group" });
  await two.say("/forget Olha", { audience: ["p1"] });
  await two.say("who am I?", { audience: ["p1"] });

  expect(promptOf(stage, 0)[1]).toMatch(/reference only.*:\n\[1970-01-01\] note: The name of p1 is Olha\.$/s);
  expect(promptOf(stage, 0).join()).not.toContain("surprise");
  expect(promptOf(stage, 1).join()).not.toMatch(/Olha|surprise/);
  expect(promptOf(stage, 2)[1]).not.toContain("note: The name of p1 is Olha.");
});
