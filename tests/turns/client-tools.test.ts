import type { InboundMessage, MessagePart, Tool, TurnEvent, Write } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endOf, LEASE_MS, messagesOf, openStage, promptOf, recordOf, type Stage } from "./stage.ts";

/** Tools that a client brings and runs itself: their calls end the turn, their results begin the next. */

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const client: InboundMessage["client"] = {
  tools: [{ name: "get_weather", description: "Tells the weather.", inputSchema: { type: "object" } }],
};
const weather = { callId: "w1", name: "get_weather", arguments: '{"city":"Lviv"}' };
const open: MessagePart = { type: "tool-call", ...weather };
const result: MessagePart = { type: "tool-result", callId: "w1", name: "get_weather", text: "dry" };

function counting(runs: string[]): Tool {
  return {
    spec: { name: "ring_bell", description: "Rings.", kind: "external", inputSchema: { type: "object" } },
    run: async (_input, { idempotencyKey }) => {
      runs.push(idempotencyKey);
      return { text: "It rang." };
    },
  };
}

const callsOf = (events: readonly TurnEvent[], turnId: string) => endOf(events, turnId)?.calls;

test("a call of a client's tool ends the turn, kept as an open call, and its result begins the next", async () => {
  const one = await stage.process("one");
  stage.model.enqueue({ text: "Let me look.", calls: [weather] }, { text: "It is dry." });
  const first = await one.say("is it raining?", { client });
  const second = await one.say("", { client, parts: [result] });

  expect(endOf(one.events, first.turnId)).toMatchObject({
    state: "replied",
    text: "Let me look.",
    finishReason: "tool-calls",
    calls: [weather],
  });
  const kept = await messagesOf(stage, first.sessionId);
  expect(kept[1]?.parts).toEqual([{ type: "text", text: "Let me look." }, open]);
  expect(endOf(one.events, second.turnId)).toMatchObject({ text: "It is dry.", finishReason: "stop" });
  expect(promptOf(stage, 1).slice(-4)).toEqual([
    "user: is it raining?",
    expect.stringContaining("Let me look."),
    expect.stringContaining("tool: [Handed to the program"),
    "user: [Result of get_weather]\ndry",
  ]);
});

test("a call that brings its history shows the model the result as a result", async () => {
  const one = await stage.process("one");
  const given: InboundMessage["given"] = [
    { role: "user", text: "is it raining?" },
    { role: "assistant", text: "", toolCalls: [weather] },
  ];

  await one.say("", { client, parts: [result], sessionKey: undefined, given });

  expect(promptOf(stage, 0).at(-1)).toBe("tool: dry");
});

test("the agent's own calls of the same step run first, and are answered in the history", async () => {
  const runs: string[] = [];
  const one = await stage.process("one", { tools: [counting(runs)], spec: { tools: ["ring_bell"] } });
  stage.model.enqueue({ calls: [{ callId: "b1", name: "ring_bell", arguments: "{}" }, weather] });

  const { turnId } = await one.say("ring and look", { client });

  expect(runs).toHaveLength(1);
  expect(callsOf(one.events, turnId)?.map(({ callId }) => callId)).toEqual(["w1"]);
});

test("a takeover hands over the same call, without asking the model or acting again", async () => {
  const runs: string[] = [];
  const tools = [counting(runs)];
  const spec = { tools: ["ring_bell"] };
  // It stops doing anything when it is about to end the turn.
  const beforeCommit = (writes: readonly Write<unknown>[]): Promise<void> =>
    writes.length > 4 ? new Promise<void>(() => undefined) : Promise.resolve();
  const one = await stage.process("one", { tools, spec, beforeCommit });
  stage.model.enqueue({ calls: [{ callId: "b1", name: "ring_bell", arguments: "{}" }, weather] });
  const { turnId } = await one.say("ring and look", { client });

  const two = await stage.process("two", { tools, spec });
  two.supervisor.start();
  await stage.clock.advance(LEASE_MS + 6_000);

  expect(runs).toHaveLength(1);
  expect(stage.model.requests).toHaveLength(1);
  const { turn } = await recordOf(stage, turnId);
  expect(turn).toMatchObject({ state: "replied", attempt: 2 });
  const kept = await messagesOf(stage, turn.sessionId);
  expect(kept.at(-1)?.parts).toContainEqual(open);
});

test("a message that joins at the very end is answered, and the model is told of the open call", async () => {
  let joined: Promise<unknown> | undefined;
  let one: Awaited<ReturnType<Stage["process"]>>;
  one = await stage.process("one", {
    spec: { whileBusy: "steer" },
    beforeCommit: async (writes) => {
      if (stage.model.requests.length !== 1 || joined !== undefined || writes.length <= 4) return;
      joined = one.send("never mind");
      await joined;
    },
  });
  stage.model.enqueue({ calls: [weather] }, { text: "As you wish." });

  const { turnId } = await one.say("is it raining?", { client });

  expect(promptOf(stage, 1).slice(-2)).toEqual([
    expect.stringContaining("tool: [Handed to the program"),
    "user: never mind",
  ]);
  expect(endOf(one.events, turnId)).toMatchObject({ state: "replied", text: "As you wish." });
  expect(callsOf(one.events, turnId)).toBeUndefined();
});

test("with tool choice none no tool is offered, and a choice holds for the first call alone", async () => {
  const runs: string[] = [];
  const one = await stage.process("one", { tools: [counting(runs)], spec: { tools: ["ring_bell"] } });
  await one.say("hello", { client: { ...client, toolChoice: "none" } });
  stage.model.enqueue({ calls: [{ callId: "b1", name: "ring_bell", arguments: "{}" }] });
  await one.say("ring", { client: { ...client, toolChoice: "required", stop: ["END"] } });

  const [none, first, second] = stage.model.requests;
  expect(none?.tools).toEqual([]);
  expect(first).toMatchObject({ toolChoice: "required", stop: ["END"] });
  expect(second?.toolChoice).toBeUndefined();
  expect(second?.stop).toEqual(["END"]);
});

test("a message that brings tools does not join a running turn, which could not offer them", async () => {
  const one = await stage.process("one", { spec: { whileBusy: "steer" } });
  stage.model.enqueue({ text: "Hello.", delayMs: 1_000 }, { calls: [weather] });

  await one.say("hello");
  const second = await one.say("is it raining?", { client });
  await stage.clock.advance(1_000);

  expect(second.position).toBe("queued");
  expect(callsOf(one.events, second.turnId)).toEqual([open]);
});

test("a command runs although its client wants no tool to be called", async () => {
  const one = await stage.process("one");

  const { turnId } = await one.say("/calc 6 * 7", { client: { toolChoice: "none" } });

  expect(endOf(one.events, turnId)).toMatchObject({ state: "replied", text: expect.stringContaining("42") });
});
