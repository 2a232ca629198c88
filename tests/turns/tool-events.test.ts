import type { ApprovalPolicy, Tool, Write } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endOf, NEVER, openStage, type ProcessOptions, promptOf, recordOf, type Stage } from "./stage.ts";

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

const busy = (): TroupeError =>
  new TroupeError("The bell is being polished.", { code: "tool.failed", retryable: true });

test("a tool that acts on nothing and may work later is tried again, and told as retrying", async () => {
  let runs = 0;
  const one = await stage.process("one", {
    tools: [
      bell(async () => {
        runs += 1;
        if (runs < 3) throw busy();
        return { text: "ding" };
      }),
    ],
    spec: { tools: ["bell"] },
  });
  stage.model.enqueue({ calls: [{ callId: "c", name: "bell", arguments: "{}" }] }, { text: "Done." });

  await one.say("ring it");
  await stage.clock.advance(5_000);

  const told = one.events.flatMap((event) => (event.type === "tool" ? [event] : []));
  expect(told.map(({ status }) => status)).toEqual([
    "requested",
    "started",
    "retrying",
    "retrying",
    "succeeded",
  ]);
  expect(told[2]?.detail).toContain("being polished");
  expect(promptOf(stage, 1).at(-1)).toBe("tool: ding");
});

test("a tool that goes on failing is given up within its bound, and the turn goes on", async () => {
  let runs = 0;
  const tool = bell(async () => {
    runs += 1;
    throw busy();
  });
  const one = await stage.process("one", { tools: [tool], spec: { tools: ["bell"] } });
  stage.model.enqueue({ calls: [{ callId: "c", name: "bell", arguments: "{}" }] }, { text: "No luck." });

  const { turnId } = await one.say("ring it");
  await stage.clock.advance(30_000);

  expect(runs).toBe(3);
  expect(promptOf(stage, 1).at(-1)).toContain("being polished");
  expect(endOf(one.events, turnId)?.text).toBe("No luck.");
});

test("an external tool is never tried again, whatever its error says", async () => {
  let runs = 0;
  const tool: Tool = {
    spec: { ...bell(async () => ({ text: "" })).spec, kind: "external" },
    run: async () => {
      runs += 1;
      throw busy();
    },
  };
  const one = await stage.process("one", { tools: [tool], spec: { tools: ["bell"] } });
  stage.model.enqueue({ calls: [{ callId: "c", name: "bell", arguments: "{}" }] }, { text: "Sorry." });

  await one.say("ring it");
  await stage.clock.advance(30_000);

  expect(runs).toBe(1);
});

async function ask(options: ProcessOptions): Promise<{ statuses: string[]; answer: string; runs: number }> {
  let runs = 0;
  const tool: Tool = {
    spec: { ...bell(async () => ({ text: "" })).spec, kind: "external" },
    run: async () => {
      runs += 1;
      return { text: "ding" };
    },
  };
  const one = await stage.process("one", {
    ...options,
    tools: [tool],
    spec: { tools: ["bell"], ...options.spec },
  });
  stage.model.enqueue({ calls: [{ callId: "c", name: "bell", arguments: "{}" }] }, { text: "I see." });
  const { turnId } = await one.say("ring it");
  await stage.clock.advance(20_000);
  const statuses = one.events.flatMap((event) => (event.type === "tool" ? [event.status] : []));
  const { steps, turn } = await recordOf(stage, turnId);
  expect(turn.state).toBe("replied");
  expect(steps.filter(({ kind }) => kind === "intent")).toHaveLength(runs);
  return { statuses, answer: promptOf(stage, 1).at(-1) ?? "", runs };
}

test("a call that the agent's blueprint denies is told as denied and never begins", async () => {
  const { statuses, answer, runs } = await ask({ spec: { approvals: { bell: "deny" } } });

  expect(statuses).toEqual(["requested", "denied"]);
  expect(answer).toMatch(/^tool: .*bell.*not allowed/);
  expect(runs).toBe(0);
});

test("a call that needs a person's approval is told so and does not run while nobody can be asked", async () => {
  const { statuses, answer, runs } = await ask({ spec: { approvals: { bell: "ask" } } });

  expect(statuses).toEqual(["requested", "approval-required"]);
  expect(answer).toMatch(/^tool: .*approval.*not run/);
  expect(runs).toBe(0);
});

test("a call that the blueprint allows runs", async () => {
  const { statuses, runs } = await ask({ spec: { approvals: { bell: "allow", other: "deny" } } });

  expect([statuses, runs]).toEqual([["requested", "started", "succeeded"], 1]);
});

const failing: Readonly<Record<string, ApprovalPolicy>> = {
  rejects: { decide: () => Promise.reject(new Error("The policy is broken.")) },
  throws: {
    decide: () => {
      throw new TypeError("The policy is broken.");
    },
  },
  "does not answer": { decide: () => new Promise(() => undefined) },
  "answers nonsense": { decide: async () => "perhaps" as never },
};

test.each(Object.keys(failing))("a policy that %s means no", async (name) => {
  const approval = failing[name];
  if (approval === undefined) throw new Error(name);

  const { statuses, runs } = await ask({ approval });

  expect([statuses, runs]).toEqual([["requested", "denied"], 0]);
});

test("a command that is denied is answered with that, and no model is asked", async () => {
  const one = await stage.process("one", { spec: { approvals: { dice: "deny" } } });

  const { turnId } = await one.say("/roll 2d6");

  expect(endOf(one.events, turnId)).toMatchObject({
    state: "replied",
    text: expect.stringContaining("not allowed"),
  });
  expect(stage.model.requests).toHaveLength(0);
});

const isJournal = (writes: readonly Write<unknown>[]): boolean => writes.length === 1;

test("an act whose result cannot be kept for a moment does not fail its turn", async () => {
  let journals = 0;
  let runs = 0;
  const tool: Tool = {
    spec: { ...bell(async () => ({ text: "" })).spec, kind: "external" },
    run: async () => {
      runs += 1;
      return { text: "ding" };
    },
  };
  const one = await stage.process("one", {
    tools: [tool],
    spec: { tools: ["bell"] },
    // The lease, the model's step, the intent, the result.
    beforeCommit: async (writes) => {
      if (isJournal(writes) && ++journals === 4)
        throw new TroupeError("Too much waits.", { code: "store.busy", retryable: true });
    },
  });
  stage.model.enqueue({ calls: [{ callId: "c", name: "bell", arguments: "{}" }] }, { text: "It rang." });

  const { turnId } = await one.say("ring it");
  await stage.stores.unit.flush({ signal: NEVER });

  expect(endOf(one.events, turnId)).toMatchObject({ state: "replied", text: "It rang." });
  expect(runs).toBe(1);
  expect((await recordOf(stage, turnId)).steps.map(({ kind }) => kind)).toContain("result");
});

test("no further call of a step begins once one of them met a store that takes nothing", async () => {
  let journals = 0;
  const runs: string[] = [];
  const tool = (name: string): Tool => ({
    spec: { name, description: "Rings.", kind: "external", inputSchema: { type: "object" } },
    run: async () => {
      runs.push(name);
      return { text: "ding" };
    },
  });
  const names = ["first", "second", "third"];
  const one = await stage.process("one", {
    tools: names.map(tool),
    spec: { tools: names },
    settings: { toolParallelism: 2 },
    // The lease, the model's step, the first intent.
    beforeCommit: async (writes) => {
      if (isJournal(writes) && ++journals === 3)
        throw new TroupeError("The disk is full.", { code: "store.full" });
    },
  });
  stage.model.enqueue({ calls: names.map((name) => ({ callId: name, name, arguments: "{}" })) });

  const { turnId } = await one.say("ring all three");

  expect(runs).toEqual(["second"]);
  expect((await recordOf(stage, turnId)).turn.state).toBe("failed");
});

test("a model that calls more tools at once than a journal can tell apart fails its turn", async () => {
  let runs = 0;
  const tool = bell(async () => {
    runs += 1;
    return { text: "ding" };
  });
  const one = await stage.process("one", { tools: [tool], spec: { tools: ["bell"] } });
  const calls = Array.from({ length: 1_001 }, (_, i) => ({ callId: `c${i}`, name: "bell", arguments: "{}" }));
  stage.model.enqueue({ calls });

  const { turnId } = await one.say("ring and ring");

  expect((await recordOf(stage, turnId)).turn).toMatchObject({
    state: "failed",
    error: { code: "model.bad_response" },
  });
  expect(runs).toBe(0);
});
