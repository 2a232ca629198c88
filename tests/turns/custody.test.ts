import type { Tool, Write } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endOf, LEASE_MS, messagesOf, NEVER, openStage, promptOf, recordOf, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const hang = { tokens: ["Let me see. "], hang: true };

/** A process that stops doing anything at its `nth` commit, as a crash does. */
function crashAt(nth: number): { readonly beforeCommit: () => Promise<void> } {
  let commits = 0;
  return { beforeCommit: () => (++commits < nth ? Promise.resolve() : new Promise<void>(() => undefined)) };
}

/** A process that stops doing anything when it is about to end a turn. */
const crashAtFinish = {
  beforeCommit: (writes: readonly Write<unknown>[]) =>
    writes.length > 4 ? new Promise<void>(() => undefined) : Promise.resolve(),
};

function countingTool(kind: "external" | "pure", runs: string[]): Tool {
  return {
    spec: {
      name: "ring_bell",
      description: "Rings the bell.",
      kind,
      inputSchema: { type: "object", properties: {}, additionalProperties: false },
    },
    run: async (_input, context) => {
      runs.push(context.idempotencyKey);
      return { text: "It rang." };
    },
  };
}

const ringBell = { calls: [{ callId: "same-id", name: "ring_bell", arguments: "{}" }] };

test("messages that arrive while a turn runs wait their turn and are answered in order", async () => {
  const one = await stage.process("one");
  stage.model.enqueue({ text: "first answer", delayMs: 1_000 });

  const first = await one.say("first");
  const second = await one.say("second");
  const third = await one.say("third");
  await stage.clock.advance(1_000);

  expect([first.position, second.position, third.position]).toEqual(["running", "queued", "queued"]);
  expect(one.events.flatMap((event) => (event.type === "end" ? [event.text] : []))).toEqual([
    "first answer",
    "You said: second",
    "You said: third",
  ]);
  expect(promptOf(stage, 2).slice(1)).toEqual([
    "user: first",
    "assistant: first answer",
    "user: second",
    "assistant: You said: second",
    "user: third",
  ]);
});

test("a message that steers joins the running turn before its next model call and ends as merged", async () => {
  const runs: string[] = [];
  const one = await stage.process("one", {
    spec: { whileBusy: "steer", tools: ["ring_bell"] },
    tools: [countingTool("pure", runs)],
  });
  stage.model.enqueue({ ...ringBell, delayMs: 1_000 }, { text: "Both done." });

  const first = await one.say("ring the bell");
  const second = await one.say("and hurry");
  await stage.clock.advance(1_000);

  expect(second).toMatchObject({ position: "steered", turnId: first.turnId });
  expect(promptOf(stage, 1).slice(-2)).toEqual(["tool: It rang.", "user: and hurry"]);
  const { turn, inbound } = await recordOf(stage, first.turnId);
  expect(turn).toMatchObject({ state: "replied", inboundCount: 2 });
  expect(inbound.map((row) => row.state)).toEqual(["replied", "merged"]);
});

test("a message that steers at the very end of a turn is still answered by it", async () => {
  let steered: Promise<unknown> | undefined;
  let one: Awaited<ReturnType<Stage["process"]>>;
  const isFinish = (writes: readonly Write<unknown>[]) => writes.length > 4;
  one = await stage.process("one", {
    spec: { whileBusy: "steer" },
    // Between the model's last word and the finishing commit.
    beforeCommit: async (writes) => {
      if (stage.model.requests.length === 1 && steered === undefined && isFinish(writes)) {
        steered = one.send("one more thing");
        await steered;
      }
    },
  });

  const { turnId } = await one.say("hello");

  const { turn, inbound } = await recordOf(stage, turnId);
  expect(turn).toMatchObject({ state: "replied", inboundCount: 2 });
  expect(inbound.map((row) => row.state)).toEqual(["replied", "merged"]);
  expect(stage.model.requests).toHaveLength(2);
  expect(promptOf(stage, 1).at(-1)).toBe("user: one more thing");
  expect(endOf(one.events, turnId)?.text).toBe("You said: hello\n\nYou said: one more thing");
});

test("a message that interrupts stops the running turn and is answered next", async () => {
  const one = await stage.process("one", { spec: { whileBusy: "interrupt" } });
  stage.model.enqueue(hang);

  const first = await one.say("tell me everything");
  const second = await one.say("never mind, what time is it?");

  expect(endOf(one.events, first.turnId)).toMatchObject({ state: "cancelled", text: "Let me see. " });
  expect(endOf(one.events, second.turnId)).toMatchObject({ state: "replied" });
  expect((await recordOf(stage, first.turnId)).inbound[0]?.state).toBe("cancelled");
});

test("a burst becomes one turn, and its later messages end as merged into it", async () => {
  const one = await stage.process("one");

  const first = await one.say("I have", { debounceMs: 500 });
  await stage.clock.advance(400);
  const second = await one.say("a question", { debounceMs: 500 });
  await stage.clock.advance(400);
  expect(stage.model.requests).toHaveLength(0);
  await stage.clock.advance(200);

  expect(second).toMatchObject({ position: "merged", turnId: first.turnId });
  expect(promptOf(stage, 0).slice(-2)).toEqual(["user: I have", "user: a question"]);
  expect((await recordOf(stage, first.turnId)).inbound.map((row) => row.state)).toEqual([
    "replied",
    "merged",
  ]);
});

test("the same platform message twice is one turn", async () => {
  const one = await stage.process("one");

  const first = await one.say("hello", { platformId: "update-1" });
  const again = await one.send("hello", { platformId: "update-1" });

  expect(again).toEqual({
    kind: "duplicate",
    turnId: first.turnId,
    sessionId: first.sessionId,
    state: "replied",
  });
  expect(stage.model.requests).toHaveLength(1);
});

test("an idempotency key used for another request is refused", async () => {
  const one = await stage.process("one");
  await one.say("hello", { platformId: "key-1", requestHash: "aaa" });

  const other = await one.send("something else", { platformId: "key-1", requestHash: "bbb" });

  expect(other).toMatchObject({ kind: "refused", code: "request.conflict" });
});

test("a client's retry joins the turn of its first try", async () => {
  const one = await stage.process("one");
  const first = await one.say("hello", { requestHash: "abc" });

  const retry = await one.send("hello", { requestHash: "abc", isRetry: true });
  await stage.clock.advance(11 * 60_000);
  const late = await one.send("hello", { requestHash: "abc", isRetry: true });

  expect(retry).toMatchObject({ kind: "duplicate", turnId: first.turnId });
  expect(late.kind).toBe("accepted");
});

test("cancelling a queued turn ends it at once and the next in line goes on", async () => {
  const one = await stage.process("one");
  stage.model.enqueue({ text: "one", delayMs: 1_000 });
  await one.say("first");
  const second = await one.say("second");
  const third = await one.say("third");

  const result = await one.supervisor.control.cancel(
    second.turnId,
    { reason: "changed my mind" },
    { signal: NEVER },
  );
  await stage.clock.advance(1_000);

  expect(result.kind).toBe("cancelled");
  expect((await recordOf(stage, second.turnId)).inbound[0]).toMatchObject({
    state: "cancelled",
    reason: "changed my mind",
  });
  expect(endOf(one.events, third.turnId)?.state).toBe("replied");
  expect(promptOf(stage, 1).slice(1)).toEqual([
    "user: first",
    "assistant: one",
    "user: second",
    "assistant: [Stopped by the user.]",
    "user: third",
  ]);
});

test("a process that dies between accept and end leaves a turn that the next one answers once", async () => {
  const one = await stage.process("one", crashAt(3));
  const { turnId, sessionId } = await one.say("hello");
  expect(endOf(one.events, turnId)).toBeUndefined();

  const two = await stage.process("two");
  two.supervisor.start();
  await stage.clock.advance(LEASE_MS + 6_000);

  const { turn, inbound } = await recordOf(stage, turnId);
  expect(turn).toMatchObject({ state: "replied", attempt: 2, owner: "two" });
  expect(turn.trace.map((entry) => entry.what)).toContain("crash");
  expect(inbound.map((row) => row.state)).toEqual(["replied"]);
  expect((await messagesOf(stage, sessionId)).filter((message) => message.role === "assistant")).toHaveLength(
    1,
  );
});

test("a takeover replays what the model had said and runs no external call twice", async () => {
  const runs: string[] = [];
  const tools = [countingTool("external", runs)];
  const spec = { tools: ["ring_bell"] };
  // Commits: register, accept, model step, intent, result; the sixth would finish.
  const one = await stage.process("one", { ...crashAt(6), tools, spec });
  stage.model.enqueue(ringBell, { text: "never kept" }, { text: "The bell rang." });
  const { turnId } = await one.say("ring the bell");
  expect(runs).toHaveLength(1);

  const two = await stage.process("two", { tools, spec });
  two.supervisor.start();
  await stage.clock.advance(LEASE_MS + 6_000);

  expect(runs).toHaveLength(1);
  expect(stage.model.requests).toHaveLength(3);
  expect(promptOf(stage, 2).at(-1)).toBe("tool: It rang.");
  expect((await recordOf(stage, turnId)).turn.state).toBe("replied");
});

test("an external call without a result is told as unknown and not run again", async () => {
  const runs: string[] = [];
  const tools = [countingTool("external", runs)];
  const spec = { tools: ["ring_bell"] };
  // The fifth commit would keep the result.
  const one = await stage.process("one", { ...crashAt(5), tools, spec });
  stage.model.enqueue(ringBell);
  const { turnId } = await one.say("ring the bell");

  const two = await stage.process("two", { tools, spec });
  two.supervisor.start();
  await stage.clock.advance(LEASE_MS + 6_000);

  expect(runs).toHaveLength(1);
  expect(promptOf(stage, 1).at(-1)).toContain("nobody knows whether it finished");
  const { turn } = await recordOf(stage, turnId);
  expect(turn.state).toBe("replied");
  expect(turn.trace.some((entry) => entry.detail?.includes("unknown, not run again"))).toBe(true);
});

test("two steps whose calls carry the same id are told apart in a replay", async () => {
  const runs: string[] = [];
  const tools = [countingTool("external", runs)];
  const spec = { tools: ["ring_bell"] };
  const one = await stage.process("one", { tools, spec });
  stage.model.enqueue(ringBell, ringBell, { text: "Rang twice." });

  const { turnId } = await one.say("ring it twice");

  expect(runs).toEqual([`${turnId}/0`, `${turnId}/1000`]);
});

test("a process that slept past its lease and goes on changes nothing", async () => {
  let wake: () => void = () => undefined;
  let isAsleep = false;
  const sleeping = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const one = await stage.process("one", { beforeCommit: () => (isAsleep ? sleeping : Promise.resolve()) });
  stage.model.enqueue({ text: "from the sleeper", delayMs: 1_000 });
  const { turnId, sessionId } = await one.say("hello");
  isAsleep = true;
  await stage.clock.advance(1_000);

  const two = await stage.process("two");
  two.supervisor.start();
  await stage.clock.advance(LEASE_MS + 6_000);
  wake();
  await stage.clock.settle();

  expect((await recordOf(stage, turnId)).turn).toMatchObject({ state: "replied", owner: "two", attempt: 2 });
  const replies = (await messagesOf(stage, sessionId)).filter((message) => message.role === "assistant");
  expect(replies.map((message) => message.parts)).toEqual([[{ type: "text", text: "You said: hello" }]]);
  expect(endOf(one.events, turnId)).toBeUndefined();
});

test("a turn that takes its process down again and again is given up, told, and kept for the operator", async () => {
  const settings = { maxAttempts: 2 };
  const first = await stage.process("p1", { ...crashAtFinish, settings });
  const { turnId } = await first.say("hello");
  for (const id of ["p2", "p3"]) {
    const next = await stage.process(id, { settings, ...(id === "p2" ? crashAtFinish : {}) });
    next.supervisor.start();
    await stage.clock.advance(LEASE_MS + 6_000);
  }

  const { turn, inbound } = await recordOf(stage, turnId);
  expect(turn).toMatchObject({ state: "dead", error: { code: "turn.attempts_exhausted" } });
  expect(turn.attempt).toBeGreaterThan(settings.maxAttempts);
  expect(inbound[0]?.state).toBe("dead");
});

test("while the store cannot take the end of a turn, it waits and loses nothing", async () => {
  let isFull = false;
  const one = await stage.process("one", {
    beforeCommit: async () => {
      if (isFull) throw new TroupeError("The disk is full.", { code: "store.full" });
    },
  });
  stage.model.enqueue({ text: "an answer", delayMs: 1_000 });
  const { turnId } = await one.say("hello");
  isFull = true;
  await stage.clock.advance(5_000);
  expect((await recordOf(stage, turnId)).turn.state).toBe("running");

  isFull = false;
  await stage.clock.advance(20_000);

  expect(endOf(one.events, turnId)).toMatchObject({ state: "replied", text: "an answer" });
});

test("a turn that is stopped while the store cannot take its end is not answered once it can", async () => {
  let isFull = false;
  const one = await stage.process("one", {
    beforeCommit: async (writes) => {
      if (isFull && writes.length > 1) throw new TroupeError("The disk is full.", { code: "store.full" });
    },
  });
  stage.model.enqueue({ text: "an answer", delayMs: 1_000 });
  const { turnId } = await one.say("hello");
  isFull = true;
  await stage.clock.advance(5_000);

  await one.supervisor.control.cancel(turnId, { reason: "enough" }, { signal: NEVER });
  isFull = false;
  await stage.clock.advance(20_000);

  expect((await recordOf(stage, turnId)).turn.state).toBe("cancelled");
  expect(endOf(one.events, turnId)).toMatchObject({ state: "cancelled" });
});

test("stopping leaves a running turn to the next start, which answers it", async () => {
  const one = await stage.process("one");
  stage.model.enqueue(hang);
  const { turnId } = await one.say("hello");

  const drained = one.supervisor.drain({ graceMs: 1_000 });
  await stage.clock.advance(1_000);
  await drained;
  await stage.stores.unit.commit([stage.stores.leases.end("one")], { signal: NEVER });
  const two = await stage.process("two");
  two.supervisor.start();
  await stage.clock.advance(10);

  expect(endOf(one.events, turnId)).toBeUndefined();
  expect((await recordOf(stage, turnId)).turn).toMatchObject({ state: "replied", owner: "two" });
});
