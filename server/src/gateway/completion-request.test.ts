import { expect, test } from "vitest";
import { readCompletion } from "./completion-request.ts";
import { FieldError } from "./reply.ts";

const user = { role: "user", content: "hello" };
const base = { model: "ana", messages: [user] };

test.each([
  ["n", { n: 2 }],
  ["tools", { tools: [{ type: "function", function: { name: "a" } }] }],
  ["functions", { functions: [{}] }],
  ["tool_choice", { tool_choice: "required" }],
  ["response_format", { response_format: { type: "json_object" } }],
  ["stop", { stop: ["\n"] }],
  ["logprobs", { logprobs: true }],
  ["logit_bias", { logit_bias: { 50256: -100 } }],
  ["modalities", { modalities: ["text", "audio"] }],
  ["audio", { audio: { voice: "a" } }],
  ["model", { model: 5 }],
  ["messages", { messages: "hello" }],
  ["messages", { messages: [] }],
  ["messages", { messages: [user, { role: "assistant", content: "hi" }] }],
  ["messages[0]", { messages: ["hello"] }],
  ["messages[0].role", { messages: [{ role: "robot", content: "a" }] }],
  ["messages[0].content", { messages: [{ role: "user", content: "  " }] }],
  ["messages[0].content", { messages: [{ role: "user" }] }],
  [
    "messages[0].content[1].type",
    { messages: [{ role: "user", content: [{ type: "text", text: "a" }, { type: "image_url" }] }] },
  ],
  ["messages[0].content[0].text", { messages: [{ role: "user", content: [{ type: "text" }] }] }],
  ["messages[0].tool_call_id", { messages: [{ role: "tool", content: "a" }, user] }],
  [
    "messages[0].tool_calls[0].function.arguments",
    { messages: [{ role: "assistant", tool_calls: [{ id: "a", function: { name: "b" } }] }, user] },
  ],
  ["temperature", { temperature: "hot" }],
  ["max_tokens", { max_tokens: 0 }],
  ["max_completion_tokens", { max_completion_tokens: 1.5 }],
  ["stream", { stream: "yes" }],
  ["stream_options.include_usage", { stream_options: { include_usage: 1 } }],
  ["user", { user: "x".repeat(201) }],
])("a request with a bad %s is refused by name", (field, change) => {
  let thrown: unknown;
  try {
    readCompletion({ ...base, ...change }, false);
  } catch (error) {
    thrown = error;
  }

  expect(thrown).toBeInstanceOf(FieldError);
  expect((thrown as FieldError).field).toBe(field);
  expect((thrown as FieldError).message).toContain(field);
});

test("fields that ask for nothing, and harmless ones, are taken", () => {
  const harmless = {
    n: 1,
    tools: [],
    tool_choice: "auto",
    response_format: { type: "text" },
    stop: null,
    logprobs: false,
    logit_bias: {},
    top_p: 0.9,
    seed: 5,
    presence_penalty: 0,
    metadata: { a: "b" },
    parallel_tool_calls: true,
    max_tokens: null,
  };

  expect(readCompletion({ ...base, ...harmless }, false)).toMatchObject({ agentId: "ana", stream: false });
});

test("max_completion_tokens goes before the older max_tokens", () => {
  expect(readCompletion({ ...base, max_tokens: 5, max_completion_tokens: 7 }, false).maxOutputTokens).toBe(7);
});

test("a stateless call may end with a system message, which holds for this turn alone", () => {
  const read = readCompletion({ ...base, messages: [user, { role: "system", content: "Be brief." }] }, false);

  expect(read).toMatchObject({ instructions: "Be brief.", given: undefined, parts: [{ text: "hello" }] });
});

test("a kept conversation reads nothing of what is known already", () => {
  const old = [
    { role: "user", content: [{ type: "image_url" }] },
    { role: "assistant", content: null },
  ];

  expect(readCompletion({ ...base, messages: [...old, user] }, true).parts).toEqual([
    { type: "text", text: "hello" },
  ]);
});

test("a kept conversation takes no tool results", () => {
  const messages = [
    { role: "assistant", content: "a" },
    { role: "tool", content: "7", tool_call_id: "c" },
    user,
  ];

  expect(() => readCompletion({ ...base, messages }, true)).toThrow(/messages\[1\] is a tool result/);
  expect(() =>
    readCompletion({ ...base, messages: [user, { role: "assistant", content: "a" }] }, true),
  ).toThrow(/nothing new/);
});
