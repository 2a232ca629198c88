import type { AnyHook, EffectDraft, Tool, Write } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { createLogRecorder } from "@troupe/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createMetrics } from "../../server/src/kit/index.ts";
import { createHookRegistry } from "../../server/src/modules/index.ts";
import { endOf, LEASE_MS, messagesOf, NEVER, openStage, recordOf, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const hooksOf = (...hooks: readonly AnyHook[]) => {
  const parts = { clock: stage.clock, logger: createLogRecorder(), metrics: createMetrics() };
  const effectVersions = (kind: string) => (kind === "watch.seen" ? [1] : undefined);
  const registry = createHookRegistry({ ...parts, effectVersions });
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

it("answers although a hook asks for an effect that no handler takes, keeps none of it, and the trace says so", async () => {
  const effects = [
    { kind: "watch.seen", v: 2, payload: {} },
    { kind: "watch.unheard", v: 1, payload: {} },
    { kind: "watch.seen", v: 1, payload: {} },
  ];
  const parts = { clock: stage.clock, logger: createLogRecorder(), metrics: createMetrics() };
  const hooks = createHookRegistry({
    ...parts,
    effectVersions: (kind) => (kind === "watch.seen" ? [1] : undefined),
  });
  hooks.add("watch", { point: "turn_end", run: () => ({ effects }) });
  const ana = await stage.process("p1", { hooks });
  stage.model.enqueue({ text: "Hello." });

  const { turnId } = await ana.say("hello");

  expect(endOf(ana.events, turnId)).toMatchObject({ state: "replied", text: "Hello." });
  const kept = await stage.stores.effects.ofTurn(turnId, { signal: NEVER });
  expect(kept.map(({ kind, v }) => [kind, v])).toEqual([["watch.seen", 1]]);
  const { turn } = await recordOf(stage, turnId);
  expect(turn.trace.filter(({ what }) => what === "hook").map(({ detail }) => detail)).toEqual([
    "watch/turn_end at turn_end failed: it asks for the effect watch.seen in version 2, and its handler reads 1.",
    "watch/turn_end at turn_end failed: it asks for the effect watch.unheard, for which there is no handler: give its handler with the module, under effects.",
  ]);
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

it("answers a message that joins while a hook of the turn's end runs", async () => {
  let isAsked = false;
  let ana: Awaited<ReturnType<Stage["process"]>>;
  const hooks = hooksOf({
    point: "turn_end",
    async run() {
      if (isAsked) return undefined;
      isAsked = true;
      await ana.send("one more thing");
      return undefined;
    },
  });
  ana = await stage.process("p1", { hooks, spec: { whileBusy: "steer" } });

  const { turnId } = await ana.say("hello");

  expect(endOf(ana.events, turnId)?.text).toBe("You said: hello\n\nYou said: one more thing");
  const { turn, inbound } = await recordOf(stage, turnId);
  expect(turn).toMatchObject({ state: "replied", inboundCount: 2 });
  expect(inbound.map((row) => row.state)).toEqual(["replied", "merged"]);
});

it("keeps one line for the commit, and each failure of a hook, however often the commit is tried", async () => {
  const hooks = hooksOf({ point: "turn_end", run: () => Promise.reject(new Error("broken")) });
  let tries = 0;
  const ana = await stage.process("p1", {
    hooks,
    beforeCommit: async (writes) => {
      if (writes.length > 4 && ++tries === 1)
        throw new TroupeError("The disk is full.", { code: "store.full" });
    },
  });

  const { turnId } = await ana.say("hello");
  await stage.clock.advance(1_000);

  expect(tries).toBe(2);
  const { turn } = await recordOf(stage, turnId);
  const last = turn.trace.slice(-3).map(({ what }) => what);
  expect(last).toEqual(["hook", "hook", "commit"]);
});

it("keeps nothing of a hook whose effects are none, and the turn still ends", async () => {
  const bad = { kind: "", v: 0, payload: undefined } as unknown as EffectDraft;
  const hooks = hooksOf(
    { point: "turn_end", name: "bad", run: () => ({ effects: [bad] }) },
    {
      point: "turn_end",
      name: "good",
      run: () => ({ effects: [{ kind: "watch.seen", v: 1, payload: {} }] }),
    },
  );
  const ana = await stage.process("p1", { hooks });

  const { turnId } = await ana.say("hello");

  expect(endOf(ana.events, turnId)).toMatchObject({ state: "replied" });
  const kept = await stage.stores.effects.ofTurn(turnId, { signal: NEVER });
  expect(kept.map(({ kind }) => kind)).toEqual(["watch.seen"]);
  const { turn } = await recordOf(stage, turnId);
  expect(turn.trace.find(({ what }) => what === "hook")?.detail).toBe(
    "watch/bad at turn_end failed: it asks for an effect whose kind is no name of at most 64 characters.",
  );
});

it("tells the next attempt's hooks too after a crash, and asks nobody again about a call that was finished", async () => {
  const heard: string[] = [];
  const hear = (line: string) => void heard.push(line) as undefined;
  const ran: unknown[] = [];
  const bell = echo(ran);
  const tools: readonly Tool[] = [{ ...bell, spec: { ...bell.spec, kind: "external" } }];
  const optionsOf = (id: string) => ({
    ...{ tools, spec: { tools: ["echo"] } },
    hooks: hooksOf(
      { point: "turn_start", run: ({ attempt }) => hear(`${id} turn_start ${attempt}`) },
      { point: "before_tool_call", run: () => hear(`${id} before_tool_call`) },
      { point: "after_tool_call", run: () => hear(`${id} after_tool_call`) },
      {
        point: "turn_end",
        run: () => {
          hear(`${id} turn_end`);
          return { effects: [{ kind: "watch.seen", v: 1, payload: {} }] };
        },
      },
      { point: "after_message", run: () => hear(`${id} after_message`) },
    ),
  });
  const atFinish = (writes: readonly Write<unknown>[]): Promise<void> =>
    writes.length > 4 ? new Promise(() => undefined) : Promise.resolve();
  const one = await stage.process("one", { ...optionsOf("one"), beforeCommit: atFinish });
  stage.model.enqueue({ calls: [called] }, { text: "Done." }, { text: "Done." });
  const { turnId } = await one.say("say it");
  const two = await stage.process("two", optionsOf("two"));
  two.supervisor.start();
  await stage.clock.advance(LEASE_MS + 6_000);

  expect(heard).toEqual([
    ...["one turn_start 1", "one before_tool_call", "one after_tool_call", "one turn_end"],
    ...["two turn_start 2", "two turn_end", "two after_message"],
  ]);
  expect(ran).toEqual([{ text: "a" }]);
  const kept = await stage.stores.effects.ofTurn(turnId, { signal: NEVER });
  expect(kept.map(({ kind }) => kind)).toEqual(["watch.seen"]);
});

it("remembers what an external call answered though the turn is stopped while a hook hears of it", async () => {
  const ran: unknown[] = [];
  const bell = echo(ran);
  const tools: readonly Tool[] = [{ ...bell, spec: { ...bell.spec, kind: "external" } }];
  const hooks = hooksOf({ point: "after_tool_call", run: () => new Promise(() => undefined) });
  const ana = await stage.process("p1", { hooks, tools, spec: { tools: ["echo"] } });
  stage.model.enqueue({ calls: [called] });
  const { turnId, sessionId } = await ana.say("say it");

  await ana.supervisor.control.cancel(turnId, { reason: "enough" }, { signal: NEVER });
  await stage.clock.settle();

  expect((await recordOf(stage, turnId)).turn.state).toBe("cancelled");
  const parts = (await messagesOf(stage, sessionId)).flatMap((message) => message.parts);
  const results = parts.flatMap((part) => (part.type === "tool-result" ? [part.text] : []));
  expect(results).toEqual(["said"]);
});
