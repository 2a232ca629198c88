import { startScriptedModelServer } from "@troupe/testing";
import OpenAI from "openai";
import { expect, test } from "vitest";

/** What our own test server sends must be what the vendor's client reads: else our wire is tested against a fiction. */

const TOOLS: OpenAI.Chat.ChatCompletionTool[] = ["dice", "time"].map((name) => ({
  type: "function",
  function: { name, parameters: { type: "object", properties: {} } },
}));

test("OpenAI's client reads the streams, calls, usage and errors of our scripted server", async () => {
  await using server = await startScriptedModelServer();
  const client = new OpenAI({ baseURL: server.baseUrl, apiKey: "k", maxRetries: 0 });
  const ask = (content: string) =>
    client.chat.completions
      .stream({
        model: "m",
        messages: [{ role: "user", content }],
        tools: TOOLS,
        stream_options: { include_usage: true },
      })
      .finalChatCompletion();
  server.enqueue(
    { tokens: ["Їжак ", "і 🦔"], usage: { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 } },
    {
      toolCalls: [
        { callId: "call_a", name: "dice", arguments: '{"x":"2d6"}' },
        { callId: "call_b", name: "time", arguments: "{}" },
      ],
      interleaved: true,
    },
    { status: 429, headers: { "retry-after": "7" }, body: '{"error":{"message":"slow down"}}' },
  );

  const text = await ask("hello");
  const calls = await ask("roll");

  expect(text.choices[0]?.message.content).toBe("Їжак і 🦔");
  expect(text.choices[0]?.finish_reason).toBe("stop");
  expect(text.usage).toMatchObject({ prompt_tokens: 12, completion_tokens: 3 });
  expect(
    calls.choices[0]?.message.tool_calls?.map((call) =>
      call.type === "function" ? [call.id, call.function.name, call.function.arguments] : [],
    ),
  ).toEqual([
    ["call_a", "dice", '{"x":"2d6"}'],
    ["call_b", "time", "{}"],
  ]);
  await expect(ask("more")).rejects.toMatchObject({ status: 429 });
});

test("OpenAI's client lists the models of our scripted server", async () => {
  await using server = await startScriptedModelServer({ models: ["llama", "qwen"] });
  const client = new OpenAI({ baseURL: server.baseUrl, apiKey: "k" });

  expect((await Array.fromAsync(client.models.list())).map(({ id }) => id)).toEqual(["llama", "qwen"]);
});
