import type { Module, Tool, Trigger } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endOf, openStage, promptOf, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const bell = (name: string, triggers?: readonly Trigger[]): Tool => ({
  spec: {
    name,
    description: "Rings.",
    kind: "pure",
    inputSchema: { type: "object" },
    ...(triggers === undefined ? {} : { triggers }),
  },
  run: async () => ({ text: "ding" }),
});
const namesOf = (request: number): string[] =>
  (stage.model.requests[request]?.tools ?? []).map((tool) => tool.name);

test("what started a turn stands beside its message, behind all that is stable", async () => {
  const one = await stage.process("one");
  await one.say("hello");

  await one.say("water the plants", { trigger: "job" });

  expect(promptOf(stage, 1)).toEqual([
    "system: You help.\n\nYour name is Ana.",
    "user: hello",
    "assistant: You said: hello",
    expect.stringMatching(/^system: .*schedule/),
    "user: water the plants",
  ]);
});

test("a turn that a person's message started in a chat says nothing of it", async () => {
  const one = await stage.process("one");

  await one.say("hello", { trigger: "chat" });

  expect(promptOf(stage, 0)).toEqual(["system: You help.\n\nYour name is Ana.", "user: hello"]);
});

test("what started a turn stays in the history where it stood, below what modules added", async () => {
  const memory: Module = {
    id: "memory",
    budgetTokens: 200,
    gather: async () => ({ text: "Recalled:\nThey like tea." }),
  };
  const one = await stage.process("one", { modules: [memory] });
  await one.say("water the plants", { trigger: "job" });

  await one.say("done?");

  expect(promptOf(stage, 0)[1]).toMatch(/^system: Recalled:\nThey like tea\.\n\n.*schedule/);
  expect(promptOf(stage, 1).slice(0, promptOf(stage, 0).length)).toEqual(promptOf(stage, 0));
  expect(promptOf(stage, 1).at(-1)).toBe("user: done?");
});

test("a conversation on a channel is told of once, and each task of a schedule by itself", async () => {
  const one = await stage.process("one");
  const channel = { trigger: "channel", channel: "wire", sessionKey: "room" } as const;
  await one.say("one", channel);
  await one.say("two", channel);
  await one.say("first task", { trigger: "job" });
  await one.say("second task", { trigger: "job" });

  const told = (request: number, what: RegExp): number =>
    promptOf(stage, request).filter((text) => text.startsWith("system:") && what.test(text)).length;

  expect(promptOf(stage, 0)[1]).toContain('"wire"');
  expect(told(1, /"wire"/)).toBe(1);
  expect(told(3, /schedule/)).toBe(2);
});

test("each trigger has a line of its own", async () => {
  const one = await stage.process("one");
  const triggers = ["job", "agent", "flow", "invocation", "channel"] as const;
  for (const trigger of triggers) await one.say("hello", { trigger, sessionKey: trigger });

  const lines = triggers.map((_, request) => promptOf(stage, request)[1]);

  expect(new Set(lines).size).toBe(triggers.length);
  expect(lines.every((line) => line?.startsWith("system: "))).toBe(true);
});

test("a tool is offered to the turns that it declares, and its command to no others", async () => {
  const tools = [bell("anytime"), bell("at_night", ["job", "flow"])];
  const one = await stage.process("one", { tools, spec: { tools: ["anytime", "at_night"] } });
  const call = { direct: { tool: "at_night", input: {} } };

  await one.say("hello");
  await one.say("hello", { trigger: "job" });
  const refused = await one.say("", call);
  const rung = await one.say("", { ...call, trigger: "flow" });

  expect([namesOf(0), namesOf(1)]).toEqual([["anytime"], ["anytime", "at_night"]]);
  expect(endOf(one.events, refused.turnId)?.text).toContain("no tool named at_night");
  expect(endOf(one.events, rung.turnId)?.text).toBe("ding");
});

test("turns whose tools do not depend on what started them share one set, to the object", async () => {
  const tools = [bell("anytime"), bell("at_night", ["job"])];
  const one = await stage.process("one", { tools, spec: { tools: ["anytime"] } });

  await one.say("hello");
  await one.say("hello", { trigger: "job" });

  expect(stage.model.requests[1]?.tools).toBe(stage.model.requests[0]?.tools);
});
