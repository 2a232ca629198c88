import type { Tool } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const bell = (answer: () => Promise<{ text: string }>): Tool => ({
  spec: { name: "bell", description: "Rings.", kind: "pure", inputSchema: { type: "object" } },
  run: answer,
});

async function eventsOf(tool: Tool): Promise<string[]> {
  const one = await stage.process("one", { tools: [tool], spec: { tools: ["bell"] } });
  stage.model.enqueue({ calls: [{ callId: "c", name: "bell", arguments: "{}" }] }, { text: "Done." });
  await one.say("ring it");
  return one.events.flatMap((event) => (event.type === "tool" ? [event.status] : []));
}

test("a tool's call is told as it is requested, started and done", async () => {
  expect(await eventsOf(bell(async () => ({ text: "ding" })))).toEqual(["requested", "started", "succeeded"]);
});

test("a tool that fails is told as failed, and the turn goes on", async () => {
  const broken = bell(async () => {
    throw new Error("no bell");
  });

  expect(await eventsOf(broken)).toEqual(["requested", "started", "failed"]);
});

test("a channel's message reaches the same path as a chat's", async () => {
  const one = await stage.process("one");

  const { turnId } = await one.say("hello", {
    trigger: "channel",
    channel: "wire",
    replyTo: { channel: "wire", target: "room" },
  });

  const rows = await stage.stores.outbox.ofTurn(turnId, { signal: new AbortController().signal });
  expect(rows).toMatchObject([
    { state: "pending", text: "You said: hello", address: { channel: "wire", target: "room" } },
  ]);
});
