import type { Tool, ToolKind } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  endOf,
  messagesOf,
  NEVER,
  openStage,
  promptOf,
  recordOf,
  type Stage,
  type StagedProcess,
} from "./stage.ts";

/** What the next turn knows of one that was stopped among its tools: enough to do nothing twice. */

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

function tool(name: string, kind: ToolKind, run: Tool["run"]): Tool {
  return { spec: { name, description: name, kind, inputSchema: { type: "object" } }, run };
}
const pay = tool("pay", "external", async () => ({ text: "Paid 5." }));
const stuckPay = tool("pay", "external", () => new Promise(() => undefined));
const look = tool("look", "pure", () => new Promise(() => undefined));
const callOf = (name: string, args = "{}") => ({ callId: name, name, arguments: args });

async function stop(one: StagedProcess, turnId: string): Promise<void> {
  await one.supervisor.control.cancel(turnId, { reason: "enough" }, { signal: NEVER });
  await stage.clock.settle();
}

test("an act that was cut off is told as unknown, in the record and to the model that goes on", async () => {
  const one = await stage.process("one", { tools: [stuckPay], spec: { tools: ["pay"] } });
  stage.model.enqueue({ calls: [callOf("pay")] });
  const { turnId } = await one.say("pay the bill");

  await stop(one, turnId);
  await one.say("go on");

  const { turn } = await recordOf(stage, turnId);
  expect(turn.state).toBe("cancelled");
  expect(turn.trace.map(({ detail }) => detail)).toContain("pay (external) cut off, outcome unknown");
  expect(one.events).toContainEqual(
    expect.objectContaining({ type: "tool", status: "unknown", name: "pay" }),
  );
  expect(promptOf(stage, 1)).toContainEqual(
    expect.stringMatching(/^tool: pay had begun when it was stopped/),
  );
});

test("what was done before the stop is known to the next turn, also where nothing had been said yet", async () => {
  const one = await stage.process("one", { tools: [pay, look], spec: { tools: ["pay", "look"] } });
  stage.model.enqueue({ calls: [callOf("pay"), callOf("look")] });
  const { turnId, sessionId } = await one.say("pay the bill and look");

  await stop(one, turnId);
  await one.say("go on");

  expect(endOf(one.events, turnId)).toMatchObject({ state: "cancelled", text: "Stopped." });
  expect((await messagesOf(stage, sessionId))[1]).toMatchObject({ role: "assistant", outcome: "cancelled" });
  expect(promptOf(stage, 1).slice(2)).toEqual([
    "assistant: ",
    "tool: Paid 5.",
    "tool: [Stopped by the user.]",
    "user: go on",
  ]);
});

test("a process that reads the conversation anew shows the same of a stopped turn", async () => {
  const one = await stage.process("one", { tools: [pay, look], spec: { tools: ["pay", "look"] } });
  stage.model.enqueue({ calls: [callOf("pay"), callOf("look")] });
  const { turnId } = await one.say("pay the bill and look");
  await stop(one, turnId);

  const two = await stage.process("two", { tools: [pay, look], spec: { tools: ["pay", "look"] } });
  await two.say("go on");

  expect(promptOf(stage, 1)).toContain("tool: Paid 5.");
});

test("what a tool would have kept with the answer is told as not kept when the answer is stopped", async () => {
  const one = await stage.process("one");
  stage.model.enqueue(
    { calls: [callOf("remember", '{"text":"The cat is called Mia."}')] },
    { tokens: ["I will"], hang: true },
  );
  const { turnId } = await one.say("my cat is called Mia");

  await stop(one, turnId);
  await one.say("what is my cat called?");

  const kept = await stage.stores.memories.list(
    { spaceId: "default", agentId: "ana", readers: ["p1"] },
    { signal: NEVER },
  );
  expect(kept.items).toEqual([]);
  expect(promptOf(stage, 2)).toContainEqual(expect.stringMatching(/^tool: remember kept nothing/));
});
