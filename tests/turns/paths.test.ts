import type { Module, Tool } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endOf, messagesOf, NEVER, openStage, promptOf, recordOf, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const memoriesOf = async () =>
  (
    await stage.stores.memories.list(
      { spaceId: "default", agentId: "ana", readers: ["p1"] },
      { signal: NEVER },
    )
  ).items.map((one) => one.text);

test("a command is answered without a model, with the same custody", async () => {
  const one = await stage.process("one");

  const { turnId } = await one.say("/calc 6 * 7");

  // The schema validator is loaded with the first tool call.
  await expect
    .poll(() => endOf(one.events, turnId))
    .toMatchObject({ state: "replied", usage: { inputTokens: 0 } });
  expect(stage.model.requests).toHaveLength(0);
  expect(endOf(one.events, turnId)?.text).toContain("42");
  expect((await recordOf(stage, turnId)).inbound[0]?.state).toBe("replied");
});

test("a button's payload takes the direct path too", async () => {
  const one = await stage.process("one");

  const { turnId } = await one.say("", { direct: { tool: "calculator", input: { expression: "2^10" } } });

  expect(endOf(one.events, turnId)?.text).toMatch(/1,?024/);
  expect(stage.model.requests).toHaveLength(0);
});

test("a slash that is no command goes to the model", async () => {
  const one = await stage.process("one");

  await one.say("/etc/passwd is a file, right?");

  expect(stage.model.requests).toHaveLength(1);
});

test("what a transactional tool wants to keep is kept with the answer", async () => {
  const one = await stage.process("one");
  stage.model.enqueue(
    { calls: [{ callId: "c1", name: "remember", arguments: '{"text":"The cat is called Mia."}' }] },
    { text: "I will remember." },
  );

  await one.say("my cat is called Mia");

  expect(await memoriesOf()).toEqual(["The cat is called Mia."]);
});

test("what a transactional tool wanted to keep is gone when the turn fails", async () => {
  const one = await stage.process("one");
  stage.model.enqueue(
    { calls: [{ callId: "c1", name: "remember", arguments: '{"text":"The cat is called Mia."}' }] },
    { text: "" },
  );

  const { turnId } = await one.say("my cat is called Mia");

  expect((await recordOf(stage, turnId)).turn.state).toBe("failed");
  expect(await memoriesOf()).toEqual([]);
});

test("parallel calls run side by side and come back in the model's order", async () => {
  const order: string[] = [];
  const slow = (name: string, ms: number): Tool => ({
    spec: { name, description: name, kind: "pure", inputSchema: { type: "object" } },
    run: async () => {
      await new Promise<void>((resolve) => stage.clock.schedule(ms, resolve));
      order.push(name);
      return { text: `${name} done` };
    },
  });
  const tools = [slow("slow", 200), slow("fast", 100)];
  const one = await stage.process("one", { tools, spec: { tools: ["slow", "fast"] } });
  stage.model.enqueue(
    {
      calls: [
        { callId: "a", name: "slow", arguments: "{}" },
        { callId: "b", name: "fast", arguments: '{ "x" : 1 }' },
      ],
    },
    { text: "Both." },
  );

  const { sessionId } = await one.say("do both");
  await stage.clock.advance(200);

  expect(order).toEqual(["fast", "slow"]);
  expect(promptOf(stage, 1).slice(-2)).toEqual(["tool: slow done", "tool: fast done"]);
  await one.say("again?");
  const kept = stage.model.requests[2]?.messages.find(
    (message) => message.role === "assistant" && message.calls.length > 0,
  );
  expect(kept).toMatchObject({ calls: [{ arguments: "{}" }, { callId: "b", arguments: '{ "x" : 1 }' }] });
  expect((await messagesOf(stage, sessionId)).map((message) => message.role)).toEqual([
    "user",
    "assistant",
    "user",
    "assistant",
  ]);
});

test("bad input to a tool is told to the model, which goes on", async () => {
  const one = await stage.process("one");
  stage.model.enqueue(
    { calls: [{ callId: "a", name: "calculator", arguments: '{"wrong":1}' }] },
    { text: "Sorry." },
  );

  const { turnId } = await one.say("2+2");

  expect(promptOf(stage, 1).at(-1)).toMatch(/expression/);
  expect(endOf(one.events, turnId)?.text).toBe("Sorry.");
});

test("a model that never stops calling tools gets a last call without any", async () => {
  const one = await stage.process("one", { spec: { maxSteps: 3 } });
  const call = { calls: [{ callId: "a", name: "time", arguments: "{}" }] };
  stage.model.enqueue(call, call, { text: "Enough." });

  const { turnId } = await one.say("what time is it?");

  expect(stage.model.requests.map((request) => request.tools.length > 0)).toEqual([true, true, false]);
  expect(endOf(one.events, turnId)?.text).toBe("Enough.");
});

test("a stateless call sees the history it brought and nothing else, and is not listed", async () => {
  const one = await stage.process("one");
  await one.say("kept conversation");

  const given = [
    { role: "user", text: "earlier" },
    { role: "assistant", text: "yes" },
  ] as const;
  await one.say("now", { sessionKey: undefined, given, instructions: "Be brief." });

  expect(promptOf(stage, 1)).toEqual([
    "system: You help.\n\nYour name is Ana.",
    "system: Be brief.",
    "user: earlier",
    "assistant: yes",
    "user: now",
  ]);
  const listed = await stage.stores.sessions.list({ spaceId: "default" }, { signal: NEVER });
  expect(listed.items.map((session) => session.key)).toEqual(["s1"]);
});

test("the title of a storyline comes from the first message", async () => {
  const one = await stage.process("one");

  await one.say("Moving to Lviv. When does the mover come?");

  const listed = await stage.stores.sessions.list({ spaceId: "default" }, { signal: NEVER });
  expect(listed.items[0]?.title).toBe("Moving to Lviv");
});

test("a summary is asked for after enough turns, once", async () => {
  const one = await stage.process("one", { settings: { summaryEveryTurns: 3 } });
  const turns: string[] = [];
  for (const text of ["a", "b", "c", "d"]) turns.push((await one.say(text)).turnId);

  const effects = await Promise.all(
    turns.map((turnId) => stage.stores.effects.ofTurn(turnId, { signal: NEVER })),
  );

  expect(effects.map((list) => list.map((effect) => effect.kind))).toEqual([
    [],
    [],
    ["storyline.summary"],
    [],
  ]);
});

test("late enrichment makes a shorter prompt, not a late answer", async () => {
  const late: Module = { id: "late", budgetTokens: 100, gather: () => new Promise(() => undefined) };
  const broken: Module = { id: "broken", budgetTokens: 100, gather: () => Promise.reject(new Error("boom")) };
  const good: Module = { id: "good", budgetTokens: 100, gather: async () => ({ text: "They like tea." }) };
  const one = await stage.process("one", { modules: [late, broken, good] });

  const { turnId } = await one.say("hello");
  await stage.clock.advance(300);

  expect(promptOf(stage, 0).slice(-2)).toEqual(["system: They like tea.", "user: hello"]);
  expect(endOf(one.events, turnId)?.state).toBe("replied");
  expect(one.log.troubles()).toEqual(["module.failed", "module.failed"]);
});

test("a module that says too much is cut to whole lines within its budget", async () => {
  const talker: Module = {
    id: "talker",
    budgetTokens: 20,
    gather: async () => ({
      text: ["They like tea.", ...Array.from({ length: 50 }, (_, i) => `Line ${i} of many.`)].join("\n"),
    }),
  };
  const one = await stage.process("one", { modules: [talker] });

  await one.say("hello");

  const block = promptOf(stage, 0).at(-2) ?? "";
  expect(block).toMatch(/^system: They like tea\.\n/);
  expect(block.length).toBeLessThan(80);
  expect(block).toMatch(/of many\.$/);
});

test("a spent budget refuses before anything is kept, and a turn's cost is settled to the cent", async () => {
  const price = { inputUsdPerMillion: 1, cachedInputUsdPerMillion: 1, outputUsdPerMillion: 1 };
  const reservation = { microUsd: 7_000, limitMicroUsd: 9_000 };
  const one = await stage.process("one", { price, reservation });
  stage.model.enqueue({ text: "ok", delayMs: 100 });

  const first = await one.say("hello");
  const meanwhile = await one.send("hello", { sessionKey: "other" });
  await stage.clock.advance(100);

  expect(meanwhile).toMatchObject({ kind: "refused", code: "budget.exceeded" });
  const { turn } = await recordOf(stage, first.turnId);
  const account = { spaceId: "default", scope: "space", subject: "", period: "2026-11-20" } as const;
  const [budget] = await stage.stores.ledger.accounts([account], { signal: NEVER });
  expect(turn.costMicroUsd).toBe(25);
  expect(budget).toMatchObject({ spentMicroUsd: 25, reservedMicroUsd: 0 });
});

test("an unknown model is told as what it is", async () => {
  const one = await stage.process("one", { spec: { model: "nosuch" } });

  const { turnId } = await one.say("hello");

  expect(endOf(one.events, turnId)).toMatchObject({ state: "failed", error: { code: "model.unknown" } });
  expect(endOf(one.events, turnId)?.text).toContain("nosuch");
});

test("an agent that does not exist refuses, and one never answers itself", async () => {
  const one = await stage.process("one");

  expect(await one.send("hello", { agentId: "nobody" })).toMatchObject({
    kind: "refused",
    code: "request.not_found",
  });
  expect(await one.send("hello", { peerId: "agent:ana" })).toMatchObject({ kind: "refused" });
  expect(await one.send("   ")).toMatchObject({ kind: "refused", code: "request.invalid" });
});

test("past the bound of waiting turns new messages are refused with a time to come back", async () => {
  const one = await stage.process("one", { settings: { maxWaiting: 1 } });
  stage.model.enqueue({ hang: true });
  await one.say("runs");
  await one.say("waits");

  expect(await one.send("too many")).toMatchObject({
    kind: "refused",
    code: "admission.full",
    retryAfterMs: 1_000,
  });
});

test("many sessions run side by side within the bound of their lane", async () => {
  const one = await stage.process("one", {
    settings: { concurrency: { realtime: 2, background: 1, heavy: 1 } },
  });
  stage.model.enqueue(...[1, 2, 3].map((i) => ({ text: `answer ${i}`, delayMs: 100 })));

  const sent = await Promise.all(["a", "b", "c"].map((sessionKey) => one.send("hello", { sessionKey })));
  await stage.clock.settle();
  expect(stage.model.requests).toHaveLength(2);
  await stage.clock.advance(200);

  expect(sent.map((result) => result.kind === "accepted" && result.position)).toEqual([
    "running",
    "running",
    "queued",
  ]);
  expect(one.events.filter((event) => event.type === "end")).toHaveLength(3);
  expect(one.supervisor.stats()).toMatchObject({ running: 0, waiting: 0 });
});

test("two people behind one key who name their conversations alike do not share one", async () => {
  const one = await stage.process("one");

  const ana = await one.say("my secret is blue", { peerId: "p1", audience: ["p1"] });
  const ben = await one.say("what do you know?", { peerId: "p2", audience: ["p2"] });

  expect(ben.sessionId).not.toBe(ana.sessionId);
  expect(promptOf(stage, 1).join()).not.toContain("blue");
});
