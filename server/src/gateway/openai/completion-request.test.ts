import { expect, test } from "vitest";
import { FieldError } from "../reply.ts";
import { readCompletion } from "./completion-request.ts";

const user = { role: "user", content: "hello" };
const tool = (name: string) => ({ type: "function", function: { name } });
const image = (url: string) => ({ role: "user", content: [{ type: "image_url", image_url: { url } }] });
const base = { model: "ana", messages: [user] };

test.each([
  ["n", { n: 2 }],
  ["tools", { tools: "a" }],
  ["tools[0].type", { tools: [{ type: "web_search" }] }],
  ["tools[0].function.name", { tools: [{ type: "function", function: { name: "a b" } }] }],
  ["tools[1]", { tools: [tool("a"), tool("a")] }],
  ["functions", { functions: [{}] }],
  ["tool_choice", { tool_choice: "required" }],
  ["tool_choice", { tools: [tool("a")], tool_choice: { type: "function", function: { name: "b" } } }],
  ["tool_choice", { tool_choice: "any" }],
  ["response_format", { response_format: { type: "json_object" } }],
  [
    "response_format.json_schema.name",
    { response_format: { type: "json_schema", json_schema: { schema: {} } } },
  ],
  ["stop", { stop: ["a", "b", "c", "d", "e"] }],
  ["stop[0]", { stop: [""] }],
  ["messages[0].content[0].image_url.url", { messages: [image("https://example.org/cat.png")] }],
  ["messages[0].content[0].image_url.url", { messages: [image("data:image/png;base64,***")] }],
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
    { messages: [{ role: "user", content: [{ type: "text", text: "a" }, { type: "input_audio" }] }] },
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

  expect(read).toMatchObject({ instructions: "Be brief.", given: undefined, text: "hello" });
});

test("a kept conversation reads nothing of what is known already", () => {
  const old = [
    { role: "user", content: [{ type: "image_url" }] },
    { role: "assistant", content: null },
  ];

  expect(readCompletion({ ...base, messages: [...old, user] }, true).text).toBe("hello");
});

const called = {
  role: "assistant",
  content: null,
  tool_calls: [{ id: "c", type: "function", function: { name: "weather", arguments: "{}" } }],
};
const answered = { role: "tool", content: "7 degrees", tool_call_id: "c" };

test("results of the client's tools are new, in a kept conversation and in one that came whole", () => {
  const results = [{ type: "tool-result", callId: "c", name: "weather", text: "7 degrees" }];
  const messages = [user, called, answered];

  expect(readCompletion({ ...base, messages }, true)).toMatchObject({ results, text: "", given: undefined });
  expect(readCompletion({ ...base, messages }, false)).toMatchObject({
    results,
    given: [
      { role: "user", text: "hello" },
      { role: "assistant", toolCalls: [{ callId: "c", name: "weather", arguments: "{}" }] },
    ],
  });
});

test("a message may follow the results, and nothing new is refused", () => {
  const messages = [user, called, answered, { role: "user", content: "and tomorrow?" }];

  expect(readCompletion({ ...base, messages }, false)).toMatchObject({
    results: [{ callId: "c" }],
    text: "and tomorrow?",
  });
  expect(() =>
    readCompletion({ ...base, messages: [user, { role: "assistant", content: "a" }] }, true),
  ).toThrow(/nothing new/);
});

test("an image is taken from its data URL, in new and in earlier messages", () => {
  const url = "data:image/png;base64,iVBORw0KGgo=";
  const read = readCompletion(
    { ...base, messages: [image(url), { role: "assistant", content: "A cat." }, image(url)] },
    false,
  );

  expect(read.files).toMatchObject([{ mediaType: "image/png", base64: "iVBORw0KGgo=" }]);
  expect(read.given?.[0]?.files).toHaveLength(1);
});

test("tools, choice, format and stop reach the model's options", () => {
  const schema = { type: "object", properties: {} };
  const asked = {
    tools: [
      { type: "function", function: { name: "weather", description: "Tells it.", parameters: schema } },
    ],
    tool_choice: { type: "function", function: { name: "weather" } },
    response_format: { type: "json_schema", json_schema: { name: "answer", schema, strict: true } },
    stop: "END",
  };

  expect(readCompletion({ ...base, ...asked }, false).client).toEqual({
    tools: [{ name: "weather", description: "Tells it.", inputSchema: schema }],
    toolChoice: { name: "weather" },
    responseFormat: { name: "answer", schema },
    stop: ["END"],
  });
});
