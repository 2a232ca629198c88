import type { AnyHook, Tool } from "@troupe/contracts";
import { createLogRecorder } from "@troupe/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createMetrics } from "../../server/src/kit/index.ts";
import { createHookRegistry } from "../../server/src/modules/index.ts";
import { endOf, NEVER, openStage, recordOf, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const hooksOf = (...hooks: readonly AnyHook[]) => {
  const parts = { clock: stage.clock, logger: createLogRecorder(), metrics: createMetrics() };
  const registry = createHookRegistry(parts);
  for (const hook of hooks) registry.add("watch", hook);
  return registry;
};

const echo = (ran: unknown[]): Tool => ({
  spec: {
    name: "echo",
    description: "Says it again.",
    inputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
    kind: "pure",
  },
  run: async (input) => {
    ran.push(input);
    return { text: "said" };
  },
});

const called = { callId: "c1", name: "echo", arguments: '{"text":"a"}' };

it("tells a turn's life in order, and keeps the effects of its end with its commit", async () => {
  const heard: string[] = [];
  const hear = (name: string) => void heard.push(name) as undefined;
  const hooks = hooksOf(
    { point: "session_start", run: () => hear("session_start") },
    { point: "turn_start", run: ({ attempt }) => hear(`turn_start ${attempt}`) },
    {
      point: "turn_end",
      run({ reply, state }) {
        hear(`turn_end ${state} ${reply}`);
        return { effects: [{ kind: "watch.seen", v: 1, payload: { reply } }] };
      },
    },
    { point: "after_message", run: ({ reply }) => hear(`after_message ${reply}`) },
  );
  const ana = await stage.process("p1", { hooks });
  stage.model.enqueue({ text: "Hello." }, { text: "Again." });

  const { turnId } = await ana.say("hello");
  await ana.say("and now");

  expect(heard).toEqual([
    ...["session_start", "turn_start 1", "turn_end replied Hello.", "after_message Hello."],
    ...["turn_start 1", "turn_end replied Again.", "after_message Again."],
  ]);
  const kept = await stage.stores.effects.ofTurn(turnId, { signal: NEVER });
  expect(kept.map(({ kind, payload }) => [kind, payload])).toEqual([["watch.seen", { reply: "Hello." }]]);
});

it("answers although every listening hook breaks, and the trace says which", async () => {
  const broken = (point: "turn_start" | "turn_end" | "after_message"): AnyHook => ({
    point,
    run: () => Promise.reject(new Error(`broken ${point}`)),
  });
  const hooks = hooksOf(broken("turn_start"), broken("turn_end"), broken("after_message"));
  const ana = await stage.process("p1", { hooks });
  stage.model.enqueue({ text: "Hello." });

  const { turnId } = await ana.say("hello");
  await stage.clock.advance(100);

  expect(endOf(ana.events, turnId)).toMatchObject({ state: "replied", text: "Hello." });
  const { turn } = await recordOf(stage, turnId);
  expect(turn.trace.filter(({ what }) => what === "hook").map(({ detail }) => detail)).toEqual([
    "watch/turn_start at turn_start failed: broken turn_start",
    "watch/turn_end at turn_end failed: broken turn_end",
    "watch/after_message at after_message failed: broken after_message",
  ]);
});

it("runs a tool with the arguments that hooks made of the model's, and tells of its result", async () => {
  const ran: unknown[] = [];
  const results: string[] = [];
  const hooks = hooksOf(
    { point: "before_tool_call", run: () => ({ kind: "change", arguments: '{"text":"b"}' }) },
    { point: "after_tool_call", run: ({ arguments: text }) => void results.push(text) as undefined },
  );
  const ana = await stage.process("p1", { hooks, tools: [echo(ran)], spec: { tools: ["echo"] } });
  stage.model.enqueue({ calls: [called] }, { text: "Done." });

  const { turnId } = await ana.say("say it");

  expect([ran, results]).toEqual([[{ text: "b" }], ['{"text":"b"}']]);
  expect(endOf(ana.events, turnId)?.text).toBe("Done.");
});

it("does not run a call that a hook denies or cannot judge, and the model reads why", async () => {
  const ran: unknown[] = [];
  const deny: AnyHook = { point: "before_tool_call", run: () => ({ kind: "deny", reason: "Not at night." }) };
  const breaks: AnyHook = { point: "before_tool_call", run: () => Promise.reject(new Error("broken")) };
  for (const [id, hook] of [
    ["p1", deny],
    ["p2", breaks],
  ] as const) {
    const options = { hooks: hooksOf(hook), tools: [echo(ran)], spec: { tools: ["echo"] } };
    const ana = await stage.process(id, options);
    stage.model.enqueue({ calls: [called] }, { text: "Then not." });
    await ana.say("say it", { sessionKey: id });
  }

  expect(ran).toEqual([]);
  const told = stage.model.requests.flatMap(({ messages }) =>
    messages.filter(({ role }) => role === "tool").map(({ text }) => text),
  );
  expect(told).toEqual(["echo was not run: Not at night.", "echo was not run: It could not be checked."]);
});

it("refuses a message that a hook denies or cannot judge, and accepts what it made of one", async () => {
  const hooks = hooksOf({
    point: "before_message",
    run({ message: { parts } }) {
      const [part] = parts;
      if (part?.type !== "text") return undefined;
      if (part.text === "break") throw new Error("broken");
      if (part.text === "secret") return { kind: "deny", reason: "Not here." };
      return { kind: "change", parts: [{ type: "text", text: part.text.toUpperCase() }] };
    },
  });
  const ana = await stage.process("p1", { hooks });
  stage.model.enqueue({ text: "Hello." });

  expect(await ana.send("secret")).toMatchObject({
    kind: "refused",
    code: "auth.forbidden",
    message: "Not here.",
  });
  expect(await ana.send("break")).toMatchObject({ kind: "refused", code: "internal" });
  await ana.say("hello");
  expect(stage.model.requests[0]?.messages.at(-1)?.text).toBe("HELLO");
});
