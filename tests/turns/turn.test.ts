import type { Module } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endOf, messagesOf, NEVER, openStage, promptOf, recordOf, type Stage, streamed } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

test("a message is answered, streamed, kept, and ends in exactly one state", async () => {
  const one = await stage.process("one");
  stage.model.enqueue({ tokens: ["Good ", "morning."] });

  const { turnId, sessionId } = await one.say("hello");

  expect(streamed(one.events, turnId)).toBe("Good morning.");
  expect(endOf(one.events, turnId)).toMatchObject({ state: "replied", text: "Good morning." });
  expect(one.events.at(-1)?.type).toBe("end");
  const { turn, inbound } = await recordOf(stage, turnId);
  expect(turn).toMatchObject({ state: "replied", attempt: 1, agentRevision: 7, inboundCount: 1 });
  expect(inbound.map((row) => row.state)).toEqual(["replied"]);
  expect((await messagesOf(stage, sessionId)).map((message) => [message.seq, message.role])).toEqual([
    [1, "user"],
    [2, "assistant"],
  ]);
});

test.each(["stop", "length", "content-filter"] as const)(
  "a reply that the model ended by %s says so at its end, and its call is kept with that",
  async (reason) => {
    const one = await stage.process("one");
    stage.model.enqueue({ text: "Half a sent", reason });

    const { turnId } = await one.say("hello");

    expect(endOf(one.events, turnId)).toMatchObject({
      state: "replied",
      text: "Half a sent",
      finishReason: reason,
    });
    const [call] = await stage.stores.ledger.callsOfTurn(turnId, { signal: NEVER });
    expect(call?.outcome).toBe(reason === "stop" ? "ok" : reason);
  },
);

test("the last model call decides how a reply ended, and a command that asked none says nothing of it", async () => {
  const one = await stage.process("one");
  const call = { callId: "c1", name: "calculator", arguments: '{"expression":"1+1"}' };
  stage.model.enqueue({ calls: [call], reason: "length" }, { text: "Two.", reason: "stop" });

  const asked = await one.say("what is 1+1?");
  const direct = await one.say("/calculator", {
    direct: { tool: "calculator", input: { expression: "2+2" } },
  });

  expect(endOf(one.events, asked.turnId)).toMatchObject({ text: "Two.", finishReason: "stop" });
  expect(endOf(one.events, direct.turnId)).toMatchObject({ state: "replied" });
  expect(endOf(one.events, direct.turnId)).not.toHaveProperty("finishReason");
});

test.each([
  ["length", "turn.failed", /used all it may write before its first word/],
  ["content-filter", "model.rejected", /refused/],
] as const)("a model that ended by %s before its first word is told as that", async (reason, code, words) => {
  const one = await stage.process("one");
  stage.model.enqueue({ text: "", reason });

  const { turnId } = await one.say("hello");

  const end = endOf(one.events, turnId);
  expect(end).toMatchObject({ state: "failed", error: { code } });
  expect(end?.text).toMatch(words);
});

test("the six steps are told in their order while the turn runs", async () => {
  const one = await stage.process("one");

  const { turnId } = await one.say("hello");

  const steps = one.events.flatMap((event) =>
    event.type === "step" ? [`${event.step} ${event.status}`] : [],
  );
  expect(steps).toEqual([
    "open completed",
    "place completed",
    "equip completed",
    "execute running",
    "commit completed",
    "dispatch completed",
  ]);
  const { turn } = await recordOf(stage, turnId);
  expect(turn.trace.map((entry) => entry.what)).toEqual([
    "open",
    "place",
    "equip",
    "prompt",
    "model",
    "commit",
  ]);
});

test("the next turn's prompt repeats the last one's to the byte and adds what came since", async () => {
  const one = await stage.process("one");
  for (const text of ["first", "second", "third"]) await one.say(text);

  expect(promptOf(stage, 2)).toEqual([
    "system: You help.\n\nYour name is Ana.",
    "user: first",
    "assistant: You said: first",
    "user: second",
    "assistant: You said: second",
    "user: third",
  ]);
  const [before, after] = [stage.model.requests[1], stage.model.requests[2]];
  // The same objects, so that an adapter finds their serialised form again.
  expect(after?.messages[0]).toBe(before?.messages[0]);
  expect(after?.messages[1]).toEqual(before?.messages[1]);
});

test("what a module added stays where it stood, and no line of it is said twice", async () => {
  const memory: Module = {
    id: "memory",
    budgetTokens: 200,
    gather: async ({ turnSeq }) => ({
      text: ["Recalled:", "They like tea.", `Turn ${turnSeq}.`].slice(0, turnSeq > 4 ? 2 : 3).join("\n"),
    }),
  };
  const one = await stage.process("one", { modules: [memory] });
  for (const text of ["first", "second", "third"]) await one.say(text);

  expect(promptOf(stage, 2).slice(1)).toEqual([
    "system: Recalled:\nThey like tea.\nTurn 1.",
    "user: first",
    "assistant: You said: first",
    "system: Recalled:\nTurn 3.",
    "user: second",
    "assistant: You said: second",
    "user: third",
  ]);
  expect(promptOf(stage, 2).slice(0, promptOf(stage, 1).length)).toEqual(promptOf(stage, 1));
});

test("a process that never saw the session loads the same history from the store", async () => {
  const one = await stage.process("one");
  for (const text of ["first", "second"]) await one.say(text);
  const two = await stage.process("two");

  await two.say("third");
  await one.say("fourth");

  expect(promptOf(stage, 2).slice(1)).toEqual([
    "user: first",
    "assistant: You said: first",
    "user: second",
    "assistant: You said: second",
    "user: third",
  ]);
  expect(promptOf(stage, 3).slice(-3)).toEqual(["user: third", "assistant: You said: third", "user: fourth"]);
});

test("a failed turn is told in one sentence with a reference, recorded, and kept out of later prompts", async () => {
  const one = await stage.process("one");
  const error = new TroupeError('The model "scripted/model" refused our key (401).', { code: "model.auth" });
  stage.model.enqueue({ error });

  const failed = await one.say("a dangerous question");
  await one.say("another one");

  const end = endOf(one.events, failed.turnId);
  expect(end).toMatchObject({ state: "failed", error: { code: "model.auth" } });
  expect(end?.text).toContain(failed.turnId);
  expect(end?.text).toContain("refused our key (401)");
  const { turn, inbound } = await recordOf(stage, failed.turnId);
  expect(turn).toMatchObject({ state: "failed", error: { code: "model.auth" } });
  expect(inbound[0]?.state).toBe("failed");
  expect(
    (await messagesOf(stage, failed.sessionId)).map((message) => [message.role, message.outcome]),
  ).toEqual([
    ["user", "failed"],
    ["notice", "failed"],
    ["user", "ok"],
    ["assistant", "ok"],
  ]);
  expect(promptOf(stage, 1).join("\n")).not.toContain("dangerous");
  expect(promptOf(stage, 1).join("\n")).toContain("could not be answered because of an error");
});

test("a failed turn is told in the user's language", async () => {
  const one = await stage.process("one");
  stage.model.enqueue({ error: new TroupeError("boom", { code: "model.timeout" }) });

  const { turnId } = await one.say("Що ти вмієш?");

  expect(endOf(one.events, turnId)?.text).toContain("не відповіла вчасно");
});

test("a model that breaks off in mid-answer begins a new attempt that replaces what was shown", async () => {
  const one = await stage.process("one");
  const error = new TroupeError("cut", { code: "model.bad_response", retryable: true });
  stage.model.enqueue({ tokens: ["Half an "], error }, { text: "A whole answer." });

  const { turnId, sessionId } = await one.say("hello");

  expect(one.events.filter((event) => event.type === "attempt-start")).toHaveLength(2);
  expect(streamed(one.events, turnId)).toBe("A whole answer.");
  expect((await messagesOf(stage, sessionId)).at(-1)?.parts).toEqual([
    { type: "text", text: "A whole answer." },
  ]);
});

test("an answer of nothing is a failure, not an empty reply", async () => {
  const one = await stage.process("one");
  stage.model.enqueue({ text: "" });

  const { turnId } = await one.say("hello");

  expect((await recordOf(stage, turnId)).turn).toMatchObject({
    state: "failed",
    error: { code: "model.bad_response" },
  });
});

test("a turn past its deadline ends as failed and says so", async () => {
  const one = await stage.process("one", { deadlineMs: 5_000 });
  stage.model.enqueue({ tokens: ["Let me think"], hang: true });

  const { turnId } = await one.say("hello");
  await stage.clock.advance(5_001);

  expect(endOf(one.events, turnId)).toMatchObject({ state: "failed", error: { code: "turn.deadline" } });
  expect((await recordOf(stage, turnId)).inbound[0]?.state).toBe("failed");
});

test("a turn that waited in line has all of its time, for the waits between tries of a model too", async () => {
  const wanted: (number | undefined)[] = [];
  const one = await stage.process("one", { deadlineMs: 60_000, onAsk: (at) => void wanted.push(at) });
  stage.model.enqueue({ text: "At last.", delayMs: 50_000 });
  const begun = stage.clock.now();

  await one.say("hello");
  await one.say("and now?");
  await stage.clock.advance(50_000);

  expect(wanted).toEqual([begun + 60_000, begun + 110_000]);
});

test("cancelling a running turn keeps what was said, from any process", async () => {
  const one = await stage.process("one");
  stage.model.enqueue({ tokens: ["Once upon"], hang: true });
  const { turnId, sessionId } = await one.say("tell me a story");

  const result = await one.supervisor.control.cancel(
    turnId,
    { reason: "the user stopped it" },
    { signal: NEVER },
  );
  await stage.clock.settle();

  expect(result.kind).toBe("requested");
  expect(endOf(one.events, turnId)).toMatchObject({ state: "cancelled", text: "Once upon" });
  expect((await messagesOf(stage, sessionId)).at(-1)).toMatchObject({
    role: "assistant",
    outcome: "cancelled",
  });
  const again = await one.supervisor.control.cancel(turnId, { reason: "again" }, { signal: NEVER });
  expect(again).toEqual({ kind: "ended", state: "cancelled" });
});

test("history beyond the model's window is cut, keeps its prefix for many turns, and never fails a turn", async () => {
  const small = await openStage();
  const model = Object.assign(small.model, { contextWindow: 3_400 });
  const one = await small.process("one");
  const long = "word ".repeat(60);

  for (let i = 0; i < 12; i++) await one.say(`${i} ${long}`);

  const ends = one.events.filter((event) => event.type === "end");
  expect(ends.every((event) => event.state === "replied")).toBe(true);
  const firsts = model.requests.map((request) => request.messages[1]?.text.split(" ")[0]);
  const changes = firsts.filter((first, i) => i > 0 && first !== firsts[i - 1]).length;
  expect(Number(firsts.at(-1))).toBeGreaterThan(3);
  expect(changes).toBeLessThan(4);
  await small.close();
});

test("a process that reads a part of a very long conversation shows the summary of the rest", async () => {
  Object.assign(stage.model, { contextWindow: 10_000_000 });
  const one = await stage.process("one");
  stage.model.enqueue({ text: "Noted." }, { text: "Noted." });
  const { sessionId } = await one.say(`early ${"word ".repeat(300_000)}`);
  await one.say(`late ${"word ".repeat(300_000)}`);
  const storyline = await stage.stores.storylines.ofSession(sessionId, { signal: NEVER });
  const summary = {
    audience: ["p1"],
    title: "Words",
    summary: "They sent many words.",
    summaryTurnSeq: 1,
    at: 1,
  };
  await stage.stores.unit.commit(
    [stage.stores.storylines.summarise({ id: String(storyline?.id), ...summary })],
    { signal: NEVER },
  );

  const two = await stage.process("two");
  await two.say("what did I send?");

  const prompt = promptOf(stage, 2);
  expect(prompt.some((line) => line.startsWith("user: early"))).toBe(false);
  expect(prompt.some((line) => line.startsWith("user: late"))).toBe(true);
  expect(prompt).toContain("system: Earlier in this conversation:\nThey sent many words.");
});

test("a prompt that the model calls too long is sent again with less history", async () => {
  const one = await stage.process("one");
  for (let i = 0; i < 6; i++) await one.say(`${i} ${"word ".repeat(8_000)}`);
  stage.model.enqueue(
    { error: new TroupeError("too long", { code: "model.context_exceeded" }) },
    { text: "Now it fits." },
  );

  const { turnId } = await one.say("and now?");

  expect(endOf(one.events, turnId)?.text).toBe("Now it fits.");
  const [long, short] = stage.model.requests.slice(-2).map((request) => request.messages.length);
  expect(short).toBeLessThan(long ?? 0);
});
