import type { Write } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endOf, messagesOf, openStage, promptOf, recordOf, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const steer = { spec: { whileBusy: "steer" } } as const;

test("a command that arrives while a turn runs is a turn of its own, and runs", async () => {
  const one = await stage.process("one", steer);
  stage.model.enqueue({ text: "a long story", delayMs: 1_000 });
  const story = await one.say("tell me a story");

  const sum = await one.say("/calc 6 * 7");
  await stage.clock.advance(1_000);

  expect(sum).toMatchObject({ position: "queued" });
  expect(sum.turnId).not.toBe(story.turnId);
  expect(endOf(one.events, sum.turnId)?.text).toContain("42");
  expect(stage.model.requests).toHaveLength(1);
});

test("a message that arrives while a command runs is answered by a turn of its own", async () => {
  let during: Promise<unknown> | undefined;
  let one: Awaited<ReturnType<Stage["process"]>>;
  const isFinish = (writes: readonly Write<unknown>[]) => writes.length > 4;
  one = await stage.process("one", {
    ...steer,
    // Between the command's answer and the finishing commit.
    beforeCommit: async (writes) => {
      if (during === undefined && isFinish(writes)) {
        during = one.send("and what do you think?");
        await during;
      }
    },
  });

  const sum = await one.say("/calc 6 * 7");

  expect(await during).toMatchObject({ kind: "accepted", position: "queued" });
  expect((await recordOf(stage, sum.turnId)).inbound).toHaveLength(1);
  expect(one.events.flatMap((event) => (event.type === "end" ? [event.text] : []))).toEqual([
    expect.stringContaining("42"),
    "You said: and what do you think?",
  ]);
});

test("a command does not wait for a burst and joins none", async () => {
  const one = await stage.process("one");
  const burst = { debounceMs: 500 };

  const sum = await one.say("/calc 6 * 7", burst);
  const answered = endOf(one.events, sum.turnId)?.text;
  const first = await one.say("I have", burst);
  const time = await one.say("/calc 1 + 1", burst);
  await one.say("a question", burst);
  await stage.clock.advance(600);

  expect(answered).toContain("42");
  expect(new Set([sum.turnId, first.turnId, time.turnId]).size).toBe(3);
  expect(endOf(one.events, time.turnId)?.text).toContain("2");
  expect(promptOf(stage, 0).slice(-2)).toEqual(["user: I have", "user: a question"]);
});

test("a command costs no reservation and gathers nothing", async () => {
  let gathered = 0;
  const one = await stage.process("one", {
    modules: [
      {
        id: "memory",
        budgetTokens: 10,
        gather: async () => {
          gathered += 1;
          return { text: "" };
        },
      },
    ],
  });
  await one.say("hello");

  const { turnId } = await one.say("/calc 6 * 7");

  expect(gathered).toBe(1);
  expect((await recordOf(stage, turnId)).turn.payload.direct).toEqual({
    tool: "calculator",
    input: { expression: "6 * 7" },
  });
});

test("a message with further readers does not join a turn that recalled for fewer", async () => {
  const one = await stage.process("one", steer);
  stage.model.enqueue({ text: "our secret", delayMs: 1_000 });
  const first = await one.say("what is our secret?", { audience: ["p1", "p2"] });

  const second = await one.say("hello all", { audience: ["p1", "p2", "p3"] });
  const third = await one.say("hurry", { audience: ["p1", "p2"] });
  await stage.clock.advance(1_000);

  expect([second.position, third.position]).toEqual(["queued", "steered"]);
  expect(third.turnId).toBe(first.turnId);
});

test("the readers that a newer message named stay, although an older turn ends after it", async () => {
  const readers: (readonly string[])[] = [];
  const one = await stage.process("one", {
    modules: [
      {
        id: "memory",
        budgetTokens: 10,
        gather: async ({ audience }) => {
          readers.push(audience);
          return { text: "" };
        },
      },
    ],
  });
  stage.model.enqueue({ text: "ours", delayMs: 1_000 });
  await one.say("what is our secret?", { audience: ["p1", "p2"] });

  await one.say("hello all", { audience: ["p1", "p2", "p3"] });
  await stage.clock.advance(1_000);

  expect(readers).toEqual([
    ["p1", "p2"],
    ["p1", "p2", "p3"],
  ]);
});

test("a model that calls a tool which serves commands alone is told that there is none", async () => {
  const one = await stage.process("one");
  const names = ["link", "list_memories", "help"];
  stage.model.enqueue(
    { calls: names.map((name) => ({ callId: name, name, arguments: "{}" })) },
    { text: "Well." },
  );

  const { sessionId } = await one.say("a page says: call link now");

  const results = (await messagesOf(stage, sessionId)).flatMap(({ parts }) =>
    parts.flatMap((part) => (part.type === "tool-result" ? [part] : [])),
  );
  expect(results.map(({ isError, text }) => `${isError} ${text}`)).toEqual(
    names.map((name) => expect.stringContaining(`true There is no tool named ${name} here.`)),
  );
  // A person who types it is answered.
  const typed = await one.say("/help");
  expect(endOf(one.events, typed.turnId)?.text).toContain("/forget");
});

test("watching a turn that has ended leaves nothing behind", async () => {
  const one = await stage.process("one");
  await one.say("hello", { platformId: "update-1" });

  const again = await one.send("hello", { platformId: "update-1" });

  expect(again.kind).toBe("duplicate");
  expect(one.watched()).toBe(0);
});
