import OpenAI from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ServedHome, serveHome } from "./served-home.ts";

/** OpenAI's own client against the whole of Troupe, with a model on the real wire. */

const PNG =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkAAIAAAoAAv/lxKUAAAAASUVORK5CYII=";

let home: ServedHome;
let client: OpenAI;

beforeEach(async () => {
  home = await serveHome();
  client = new OpenAI({ baseURL: `${home.address}/v1`, apiKey: home.key, maxRetries: 0 });
});

afterEach(() => home[Symbol.asyncDispose]());

// biome-ignore lint/suspicious/noExplicitAny: each test says itself what it expects of the model's request.
function asked(at = -1): any {
  return JSON.parse(home.model.requests.at(at)?.text ?? "null");
}

const weather = {
  type: "function" as const,
  function: {
    name: "get_weather",
    description: "Tells the weather of a city.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

test("a conversation with history, streamed, with the usage at its end", async () => {
  const stream = await client.chat.completions.create({
    model: "ana",
    stream: true,
    stream_options: { include_usage: true },
    messages: [
      { role: "system", content: "Speak plainly." },
      { role: "user", content: "My cat is called Mia." },
      { role: "assistant", content: "Noted." },
      { role: "user", content: "What is my cat called?" },
    ],
  });
  let text = "";
  let usage: unknown;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }

  expect(text).toBe("You said: What is my cat called?");
  expect(usage).toMatchObject({ prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 });
  const roles = asked().messages.map(({ role }: { role: string }) => role);
  expect(roles.slice(-4)).toEqual(["system", "user", "assistant", "user"]);
});

test("an image reaches the model, byte for byte", async () => {
  await client.chat.completions.create({
    model: "ana",
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image_url", image_url: { url: PNG } },
        ],
      },
    ],
  });

  expect(asked().messages.at(-1).content).toContainEqual({ type: "image_url", image_url: { url: PNG } });
});

test("a tool of the client: the call ends the completion, and its result goes on with it", async () => {
  home.model.enqueue({
    text: "Let me look.",
    toolCalls: [
      { callId: "call_1", name: "get_weather", arguments: '{"city":"Lviv"}' },
      { callId: "call_2", name: "get_weather", arguments: '{"city":"Odesa"}' },
    ],
  });
  const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "Is it raining?" }];
  const first = await client.chat.completions.create({ model: "ana", messages, tools: [weather] });
  const [choice] = first.choices;

  expect(choice).toMatchObject({ finish_reason: "tool_calls", message: { content: "Let me look." } });
  const calls = choice?.message.tool_calls ?? [];
  expect(calls.map((call) => call.type === "function" && call.function.arguments)).toEqual([
    '{"city":"Lviv"}',
    '{"city":"Odesa"}',
  ]);
  if (choice === undefined) throw new Error("There is no choice.");
  messages.push(
    choice.message,
    ...calls.map(({ id }) => ({ role: "tool" as const, tool_call_id: id, content: `dry (${id})` })),
  );
  const second = await client.chat.completions.create({ model: "ana", messages, tools: [weather] });

  expect(second.choices[0]).toMatchObject({
    finish_reason: "stop",
    message: { content: "Results: dry (call_1); dry (call_2)" },
  });
  const tail = asked().messages.slice(-3);
  expect(tail).toMatchObject([
    { role: "assistant", tool_calls: [{ id: "call_1" }, { id: "call_2" }] },
    { role: "tool", tool_call_id: "call_1", content: "dry (call_1)" },
    { role: "tool", tool_call_id: "call_2" },
  ]);
});

test("the client's tools stand beside the agent's own, which Troupe runs; with x-troupe-tools they stand alone", async () => {
  home.model.enqueue(
    {
      toolCalls: [
        { callId: "a", name: "calculator", arguments: '{"expression":"6*7"}' },
        { callId: "b", name: "get_weather", arguments: '{"city":"Lviv"}' },
      ],
    },
    { text: "Fine." },
  );
  const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "go" }];
  const mixed = await client.chat.completions.create({ model: "ana", messages, tools: [weather] });
  const names = asked(0).tools.map((tool: { function: { name: string } }) => tool.function.name);

  expect(names).toContain("calculator");
  expect(names).toContain("get_weather");
  expect(mixed.choices[0]?.message.tool_calls?.map(({ id }) => id)).toEqual(["b"]);
  const options = { headers: { "x-troupe-tools": "client" } };
  await client.chat.completions.create({ model: "ana", messages, tools: [weather] }, options);
  expect(asked().tools).toHaveLength(1);
});

test("streamed calls of the client's tools come whole, before the finish", async () => {
  home.model.enqueue({
    toolCalls: [{ callId: "call_1", name: "get_weather", arguments: '{"city":"Lviv"}' }],
  });
  const runner = client.chat.completions.stream({
    model: "ana",
    messages: [{ role: "user", content: "Is it raining?" }],
    tools: [weather],
  });
  const { choices } = await runner.finalChatCompletion();

  expect(choices[0]).toMatchObject({
    finish_reason: "tool_calls",
    message: {
      tool_calls: [{ id: "call_1", function: { name: "get_weather", arguments: '{"city":"Lviv"}' } }],
    },
  });
});

test("the client's own loop of tools runs to its end", async () => {
  home.model.enqueue({
    toolCalls: [{ callId: "call_1", name: "get_weather", arguments: '{"city":"Lviv"}' }],
  });
  const seen: unknown[] = [];
  const runner = client.chat.completions.runTools({
    model: "ana",
    messages: [{ role: "user", content: "Is it raining?" }],
    tools: [
      {
        type: "function",
        function: {
          ...weather.function,
          parse: JSON.parse,
          function: (input: unknown) => {
            seen.push(input);
            return "dry";
          },
        },
      },
    ],
  });

  expect(await runner.finalContent()).toBe("Results: dry");
  expect(seen).toEqual([{ city: "Lviv" }]);
});

test("in a kept conversation results come with the next message, and the history stays whole", async () => {
  const headers = { "x-troupe-session": "kept" };
  home.model.enqueue({
    toolCalls: [{ callId: "call_1", name: "get_weather", arguments: '{"city":"Lviv"}' }],
  });
  const user = { role: "user" as const, content: "Is it raining?" };
  const first = await client.chat.completions.create(
    { model: "ana", messages: [user], tools: [weather] },
    { headers },
  );
  const called = first.choices[0]?.message;
  if (called === undefined) throw new Error("There is no message.");
  const result = { role: "tool" as const, tool_call_id: "call_1", content: "dry" };
  await client.chat.completions.create(
    { model: "ana", messages: [user, called, result], tools: [weather] },
    { headers },
  );

  const told = asked().messages;
  expect(told.at(-1)).toEqual({ role: "user", content: "[Result of get_weather]\ndry" });
  const open = told.filter((message: { tool_calls?: unknown }) => message.tool_calls !== undefined);
  expect(open).toHaveLength(1);
  const results = told.filter(({ role }: { role: string }) => role === "tool");
  expect(results).toMatchObject([{ tool_call_id: "call_1" }]);
});

test("format, choice, stop, length and temperature reach the model", async () => {
  await client.chat.completions.create({
    model: "ana",
    messages: [{ role: "user", content: "go" }],
    tools: [weather],
    tool_choice: { type: "function", function: { name: "get_weather" } },
    response_format: {
      type: "json_schema",
      json_schema: { name: "answer", schema: { type: "object" }, strict: true },
    },
    stop: ["END"],
    max_tokens: 50,
    temperature: 0.2,
    n: 1,
  });

  expect(asked()).toMatchObject({
    tool_choice: { type: "function", function: { name: "get_weather" } },
    response_format: { type: "json_schema", json_schema: { name: "answer" } },
    stop: ["END"],
    max_tokens: 50,
    temperature: 0.2,
  });
});

test("what is not served is refused in OpenAI's words, by name", async () => {
  const asking = client.chat.completions.create({
    model: "ana",
    messages: [{ role: "user", content: "go" }],
    logprobs: true,
  });
  const error = await asking.catch((caught: unknown) => caught);

  expect(error).toBeInstanceOf(OpenAI.BadRequestError);
  expect(error).toMatchObject({ param: "logprobs", code: "request.invalid", type: "invalid_request_error" });
  const wrong = new OpenAI({ baseURL: `${home.address}/v1`, apiKey: "trp_wrong", maxRetries: 0 });
  await expect(wrong.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
});

test("a response, and one that follows it in the same conversation", async () => {
  const first = await client.responses.create({
    model: "ana",
    input: "My cat is called Mia.",
    instructions: "Be brief.",
  });
  expect(first).toMatchObject({ status: "completed", output_text: "You said: My cat is called Mia." });
  expect(first.usage).toMatchObject({ input_tokens: 20, output_tokens: 5 });
  const second = await client.responses.create({
    model: "ana",
    input: "And the dog?",
    previous_response_id: first.id,
  });

  expect(second).toMatchObject({ previous_response_id: first.id, output_text: "You said: And the dog?" });
  const texts = asked().messages.map(({ content }: { content: string }) => content);
  expect(texts).toEqual(expect.arrayContaining(["My cat is called Mia.", "You said: My cat is called Mia."]));
  expect(texts).not.toContain("Be brief.");
  expect(await client.responses.retrieve(first.id)).toMatchObject({
    id: first.id,
    output_text: first.output_text,
  });
});

test("what follows an earlier response is a branch, and the conversation keeps its own end", async () => {
  const first = await client.responses.create({ model: "ana", input: "one" });
  const second = await client.responses.create({
    model: "ana",
    input: "two",
    previous_response_id: first.id,
  });
  await client.responses.create({ model: "ana", input: "other two", previous_response_id: first.id });
  const told = asked().messages.map(({ content }: { content: string }) => content);
  await client.responses.create({ model: "ana", input: "three", previous_response_id: second.id });

  expect(told).toContain("You said: one");
  expect(told).not.toContain("two");
  expect(asked().messages.map(({ content }: { content: string }) => content)).toContain("two");
});

test("a streamed response: the client's own reader takes every event, text and calls", async () => {
  home.model.enqueue({
    text: "Let me look.",
    toolCalls: [{ callId: "call_1", name: "get_weather", arguments: '{"city":"Lviv"}' }],
  });
  const { name, description, parameters } = weather.function;
  const tool = { type: "function" as const, name, description, parameters, strict: false };
  const stream = client.responses.stream({ model: "ana", input: "Is it raining?", tools: [tool] });
  const types: string[] = [];
  for await (const event of stream) types.push(event.type);
  const response = await stream.finalResponse();

  expect(types[0]).toBe("response.created");
  expect(types.at(-1)).toBe("response.completed");
  expect(response.output_text).toBe("Let me look.");
  const call = response.output[1];
  expect(call).toMatchObject({ type: "function_call", call_id: "call_1", arguments: '{"city":"Lviv"}' });
  const next = await client.responses.create({
    model: "ana",
    previous_response_id: response.id,
    input: [{ type: "function_call_output", call_id: "call_1", output: "dry" }],
    tools: [tool],
  });
  expect(next.output_text).toContain("dry");
});

test("a response that is not stored stands alone, with its history in the request", async () => {
  const response = await client.responses.create({
    model: "ana",
    store: false,
    input: [
      { role: "user", content: "Is it raining?" },
      { type: "function_call", call_id: "c", name: "get_weather", arguments: "{}" },
      { type: "function_call_output", call_id: "c", output: "dry" },
    ],
  });

  expect(response).toMatchObject({ store: false, output_text: "Results: dry" });
  const follow = client.responses.create({ model: "ana", input: "go on", previous_response_id: response.id });
  await expect(follow).rejects.toMatchObject({ status: 400, param: "previous_response_id" });
  await expect(
    client.responses.create({ model: "ana", input: "hi", background: true }),
  ).rejects.toMatchObject({ status: 400, param: "background" });
});
