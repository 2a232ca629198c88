import type { AgentSpec, ModelRequest } from "@troupe/contracts";
import type { ScriptedReply } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  messagesOf,
  NEVER,
  openStage,
  type ProcessOptions,
  type Stage,
  type StagedProcess,
} from "./stage.ts";

/** Conversations that one agent gives to another, with a slice of what was said. */

const options = { signal: NEVER };

let stage: Stage;
/** What Ana shows of the conversation when she hands it over. */
let shown: object;
beforeEach(async () => {
  shown = {};
  stage = await openStage({ rule: replyTo });
});
afterEach(() => stage.close());

let calls = 0;
function replyTo(request: ModelRequest): ScriptedReply {
  const name = nameIn(request);
  const last = request.messages.at(-1);
  if (last?.role === "tool") return { text: last.text };
  const said = last?.text ?? "";
  const agent = /^to (\w+)$/.exec(said)?.[1];
  calls += 1;
  const one = (tool: string, input: object) => ({
    calls: [{ callId: `call-${calls}`, name: tool, arguments: JSON.stringify(input) }],
    reason: "tool-calls" as const,
  });
  if (agent !== undefined) return one("hand_off", { agent, note: "Wants a story.", ...shown });
  if (said === "give back") return one("hand_back", {});
  return { text: `${name} heard: ${said}` };
}

function nameIn({ messages }: ModelRequest): string {
  return /Your name is (\w+)\./.exec(messages.find(({ role }) => role === "system")?.text ?? "")?.[1] ?? "";
}

const other = (id: string, more: Partial<AgentSpec> = {}): AgentSpec => ({
  ...{ id, name: id[0]?.toUpperCase() + id.slice(1), model: "default", instructions: "You tell." },
  ...{ acceptsFrom: ["ana"], ...more },
});

const open = (id: string, over: Partial<ProcessOptions> = {}): Promise<StagedProcess> =>
  stage.process(id, { spec: { delegates: ["*"] }, others: [other("kate"), other("bob")], ...over });

const said = async (sessionId: string) =>
  (await messagesOf(stage, sessionId)).map(
    ({ role, parts }) => `${role}: ${parts.map((part) => (part.type === "text" ? part.text : "")).join("")}`,
  );

const lastPrompt = () =>
  (stage.model.requests.at(-1)?.messages ?? []).map(({ role, text }) => `${role}: ${text}`);

test("a conversation that is handed over is answered by the other agent, and by its own once it is given back", async () => {
  const one = await open("one");
  const { sessionId } = await one.say("my cat is called Mia");
  await one.say("to kate");
  const handed = await one.say("hello");
  await one.say("give back");
  await one.say("hello again");

  expect(await said(sessionId)).toEqual([
    "user: my cat is called Mia",
    "assistant: Ana heard: my cat is called Mia",
    "user: to kate",
    "assistant: From the next message on Kate answers in this conversation; /back brings Ana back.",
    "notice: Ana handed this conversation to Kate. /back brings Ana back.",
    "user: hello",
    "assistant: Kate heard: hello",
    "user: give back",
    "assistant: From the next message on Ana answers in this conversation again.",
    "notice: This conversation is with Ana again.",
    "user: hello again",
    "assistant: Ana heard: hello again",
  ]);
  expect((await stage.stores.turns.get(handed.turnId, options))?.agentId).toBe("kate");
  // The first agent knows what was said meanwhile: it is one conversation.
  expect(lastPrompt()).toContain("assistant: Kate heard: hello");
});

test("the other agent is told the note, and sees nothing else of what was said before", async () => {
  const one = await open("one");
  await one.say("my cat is called Mia");
  await one.say("to kate");
  await one.say("first");
  await one.say("second");

  const prompt = lastPrompt().join("\n");
  expect(prompt).toContain("The agent Ana (ana) handed this conversation to you.");
  expect(prompt).toContain("Ana says of it: Wants a story.");
  expect(prompt).toContain("user: first\nassistant: Kate heard: first");
  expect(prompt).not.toContain("Mia");
});

test("an agent whose blueprint lacks the tool that gives a conversation back is not told of it", async () => {
  const others = [other("kate"), other("bob", { tools: ["time"] })];
  const one = await open("one", { others });
  const headFor = async (name: string, sessionKey: string): Promise<string | undefined> => {
    await one.say(`to ${name}`, { sessionKey });
    await one.say("hello", { sessionKey });
    return lastPrompt()
      .flatMap((text) => text.split("\n"))
      .find((line) => line.includes("handed this conversation to you"));
  };

  expect(await headFor("kate", "s-k")).toContain("You answer the person now; hand_back returns it.");
  expect(await headFor("bob", "s-b")).toMatch(/You answer the person now\.$/);
});

test("the newest messages go along where they are chosen", async () => {
  shown = { show: "messages", messages: 2 };
  const one = await open("one");
  await one.say("nobody needs to know this");
  await one.say("my cat is called Mia");
  await one.say("to kate");
  await one.say("hello");

  const prompt = lastPrompt().join("\n");
  expect(prompt).toContain("Earlier:\nPerson: my cat is called Mia\nAna: Ana heard: my cat is called Mia");
  expect(prompt).not.toContain("nobody needs");
});

test("what was handed over is not told where somebody reads along who did not know it", async () => {
  shown = { show: "messages" };
  const one = await open("one");
  await one.say("my cat is called Mia");
  await one.say("to kate");
  await one.say("hello", { audience: ["p1", "p2"] });

  const prompt = lastPrompt().join("\n");
  expect(prompt).toContain("handed this conversation to you");
  expect(prompt).not.toMatch(/Mia|Wants a story/);
});

test("a person takes a conversation back with a command, and without one nothing changes", async () => {
  const one = await open("one");
  const { sessionId } = await one.say("to kate");
  await one.say("/back");
  await one.say("/back");
  await one.say("hello");

  expect((await said(sessionId)).slice(-5)).toEqual([
    "notice: This conversation is with Ana again.",
    "user: /back",
    "assistant: This conversation is with Ana already.",
    "user: hello",
    "assistant: Ana heard: hello",
  ]);
});

test("nobody gets a conversation whom its own agent may not reach, also from a second hand", async () => {
  const one = await open("one", {
    spec: { delegates: ["kate"] },
    others: [other("kate", { delegates: ["*"] }), other("bob", { acceptsFrom: ["*"] })],
  });
  const { sessionId } = await one.say("to bob");
  await one.say("to kate");
  await one.say("to bob");
  await one.say("hello");

  const texts = await said(sessionId);
  expect(texts.filter((text) => text.includes('There is no agent "bob" that you may reach'))).toHaveLength(2);
  expect(texts.at(-1)).toBe("assistant: Kate heard: hello");
});

test("another process that did not hear of it hands the message on, and a blueprint that changed takes it back", async () => {
  const one = await open("one");
  const two = await open("two");
  await one.say("hello");
  await two.say("hello");
  await one.say("to kate");
  const { sessionId } = await two.say("hello");
  expect((await said(sessionId)).at(-1)).toBe("assistant: Kate heard: hello");

  const three = await open("three", { spec: { delegates: [] } });
  await three.say("and now?");

  expect((await said(sessionId)).at(-1)).toBe("assistant: Ana heard: and now?");
});
