import type { MemoryStore, Module, TurnView } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createIdGenerator, ringFor } from "../../server/src/kit/index.ts";
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

test("one that failed is asked again a minute later, and not for each turn until then", async () => {
  const module = aware((_view, asked) => {
    if (asked === 1) throw new Error("away");
    return "They live in Lviv.";
  });
  const one = await stage.process("one", { modules: [module] });

  await one.say("hello");
  await one.say("hello?");
  expect(module.asked).toBe(1);
  await stage.clock.advance(60_000);
  await one.say("and now?");

  expect(promptOf(stage, 1).join()).not.toContain("Lviv");
  expect(promptOf(stage, 2)[1]).toBe("system: They live in Lviv.");
  expect(module.asked).toBe(2);
});

const FACT = { spaceId: "default", agentId: "ana", turnId: "t", recordedAt: 0 } as const;

/** A process whose agents are aware of memories, and counts how often they are looked for, and listed: facts, and what is held fast. */
async function withMemories() {
  const { memories } = stage.stores;
  const asked = { list: 0, find: 0 };
  const counted: Pick<MemoryStore, "list" | "find"> = {
    list: (...question) => {
      asked.list += 1;
      return memories.list(...question);
    },
    find: (...question) => {
      asked.find += 1;
      return memories.find(...question);
    },
  };
  const { log: logger, metrics } = await stage.process("one");
  const deps = { search: { search: async () => [] }, memories: counted, clock: stage.clock, logger, metrics };
  const one = await stage.process("two", { modules: [createMemoryModule(deps)] });
  one.supervisor.start();
  return { asked, one };
}

test("a turn that remembers leaves the beginning of the next prompt as it is, and asks for nothing", async () => {
  const { memories, unit } = stage.stores;
  await unit.commit(
    [memories.put({ ...FACT, id: "m1", audience: ["p1"], text: "The name of p1 is Olha." })],
    options,
  );
  const { asked, one } = await withMemories();
  const remember = { callId: "c", name: "remember", arguments: '{"text":"p1 likes tea"}' };
  stage.model.enqueue(
    { calls: [remember], reason: "tool-calls" },
    { text: "Noted." },
    { text: "Still here." },
  );

  await one.say("remember that I like tea", { audience: ["p1"] });
  await one.say("and now?", { audience: ["p1"] });

  expect(promptOf(stage, 2)[1]).toBe(promptOf(stage, 0)[1]);
  expect(asked).toEqual({ list: 2, find: 0 });
});

test("what is forgotten elsewhere is gone from the next prompt of a conversation that goes on", async () => {
  const { memories, unit } = stage.stores;
  const fact = { ...FACT, audience: ["p1"] };
  await unit.commit(
    [
      memories.put({ ...fact, id: "m1", text: "The name of p1 is Olha." }),
      memories.put({ ...fact, id: "m2", text: "p1 plans a surprise." }),
    ],
    options,
  );
  const { asked, one } = await withMemories();
  await one.say("hello", { audience: ["p1"] });

  const closing = [memories.close({ spaceId: "default", id: "m2", at: 1, reason: "forgotten" })];
  await unit.commit(closing, options);
  ringFor({ bus: one.bus, ids: createIdGenerator(stage.clock), clock: stage.clock }, closing);
  await stage.clock.settle();
  await one.say("again", { audience: ["p1"] });

  expect(promptOf(stage, 0)[1]).toContain("surprise");
  expect(promptOf(stage, 1)[1]).toMatch(/Olha/);
  expect(promptOf(stage, 1).join()).not.toContain("surprise");
  expect(asked).toEqual({ list: 4, find: 1 });
});

test("a memory that is closed and is not told leaves the beginning of prompts as it is", async () => {
  const { memories, unit } = stage.stores;
  const fact = { ...FACT, audience: ["p1"] };
  await unit.commit([memories.put({ ...fact, id: "m1", text: "The name of p1 is Olha." })], options);
  const { asked, one } = await withMemories();
  await one.say("hello", { audience: ["p1"] });
  await unit.commit([memories.put({ ...fact, id: "m2", text: "p1 plans a surprise." })], options);

  const closing = [memories.close({ spaceId: "default", id: "m2", at: 1, reason: "forgotten" })];
  await unit.commit(closing, options);
  ringFor({ bus: one.bus, ids: createIdGenerator(stage.clock), clock: stage.clock }, closing);
  await stage.clock.settle();
  await one.say("again", { audience: ["p1"] });

  expect(promptOf(stage, 1)[1]).toBe(promptOf(stage, 0)[1]);
  expect(asked).toEqual({ list: 2, find: 1 });
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

test("what is held fast comes first, of whatever kind and age, for those alone who know it", async () => {
  const { stores } = stage;
  const fact = { ...FACT, audience: ["p1"] };
  const { memories, dreams, unit } = stores;
  const held = memories.put({ ...fact, id: "boat", kind: "episode", text: "p1 bought a boat." });
  const theirs = memories.put({ ...fact, id: "theirs", audience: ["p2"], text: "p2 plans a surprise." });
  const many = Array.from({ length: 60 }, (_, n) =>
    memories.put({ ...fact, id: `m${n}`, text: `p1 has ${n} coins.`, slot: `p1 coins ${n}` }),
  );
  await unit.commit([held, theirs, ...many], options);
  await unit.commit(
    ["boat", "theirs"].map((id) => dreams.promote({ spaceId: "default", id, at: 5 })),
    options,
  );
  const { one } = await withMemories();

  await one.say("hello", { audience: ["p1"] });

  const told = String(promptOf(stage, 0)[1]).split("\n");
  expect(told[1]).toBe("[1970-01-01] note: p1 bought a boat.");
  expect(told).toHaveLength(9);
  expect(told.join()).not.toContain("surprise");
});
