import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";
import type { ModelRequest } from "@troupe/contracts";
import { describe, expect, test } from "vitest";
import { promptOf } from "./prompt.ts";
import { SdkReply } from "./reply.ts";

const NAME = "p/m";
const abilities = { images: false, documents: false };

function replyOf(...parts: readonly LanguageModelV4StreamPart[]): SdkReply {
  const reply = new SdkReply();
  for (const part of parts) reply.take(part);
  return reply;
}

const finish = (unified: "stop" | "tool-calls" | "interrupted"): LanguageModelV4StreamPart => ({
  type: "finish",
  finishReason: { unified, raw: undefined },
  usage: {
    inputTokens: { total: 100, noCache: 10, cacheRead: 60, cacheWrite: 30 },
    outputTokens: { total: 50, text: 10, reasoning: 40 },
  },
});

const call = (id: string, metadata?: Record<string, Record<string, string>>): LanguageModelV4StreamPart => ({
  type: "tool-call",
  toolCallId: id,
  toolName: "dice",
  input: '{"x":1}',
  ...(metadata === undefined ? {} : { providerMetadata: metadata }),
});

/** The assistant's message as the next request of the loop would hold it. */
function next(reply: SdkReply, dialect: "google" | "openai", model = NAME) {
  const reasoning = reply.reasoning(NAME);
  const calls = [{ callId: "a", name: "dice", arguments: '{"x":1}' }];
  const request: ModelRequest = {
    messages: [
      { role: "user", text: "roll" },
      {
        role: "assistant",
        text: "",
        calls,
        ...(reasoning === undefined ? {} : { reasoning: { ...reasoning, model } }),
      },
    ],
    tools: [],
  };
  return promptOf(request, { dialect, name: NAME, abilities })[1];
}

test("Google's signatures go back on the very calls that they sign", () => {
  const reply = replyOf(call("a", { google: { thoughtSignature: "s1" } }), call("b"), finish("tool-calls"));

  expect(next(reply, "google")).toEqual({
    role: "assistant",
    content: [
      {
        ...{ type: "tool-call", toolCallId: "a", toolName: "dice", input: { x: 1 } },
        providerOptions: { google: { thoughtSignature: "s1" } },
      },
      { type: "tool-call", toolCallId: "b", toolName: "dice", input: { x: 1 } },
    ],
  });
});

test("OpenAI's sealed reasoning goes back whole, put together from its parts", () => {
  const sealed = { openai: { itemId: "rs_1", reasoningEncryptedContent: "sealed" } };
  const reply = replyOf(
    { type: "reasoning-start", id: "rs_1:0", providerMetadata: { openai: { itemId: "rs_1" } } },
    { type: "reasoning-delta", id: "rs_1:0", delta: "I should " },
    { type: "reasoning-delta", id: "rs_1:0", delta: "roll." },
    {
      type: "reasoning-end",
      id: "rs_1:0",
      providerMetadata: { openai: { reasoningEncryptedContent: "sealed" } },
    },
    call("a", { openai: { itemId: "fc_1" } }),
    finish("tool-calls"),
  );

  expect(next(reply, "openai")?.content).toEqual([
    { type: "reasoning", text: "I should roll.", providerOptions: sealed },
    {
      ...{ type: "tool-call", toolCallId: "a", toolName: "dice", input: { x: 1 } },
      providerOptions: { openai: { itemId: "fc_1" } },
    },
  ]);
});

describe("nothing is handed back", () => {
  test("of an answer that called nothing, or that says no more than its words and calls", () => {
    const words = replyOf(
      { type: "reasoning-start", id: "r" },
      { type: "reasoning-delta", id: "r", delta: "Hm." },
      { type: "text-start", id: "t" },
      { type: "text-delta", id: "t", delta: "Hi." },
      finish("stop"),
    );

    expect(words.reasoning(NAME)).toBeUndefined();
    expect(replyOf(call("a"), finish("tool-calls")).reasoning(NAME)).toBeUndefined();
  });

  test("to another model", () => {
    const reply = replyOf(call("a", { google: { thoughtSignature: "s1" } }), finish("tool-calls"));

    expect(next(reply, "google", "other/model")?.content).toEqual([
      { type: "tool-call", toolCallId: "a", toolName: "dice", input: { x: 1 } },
    ]);
  });
});

test("cache reads, cache writes and thoughts are counted apart", () => {
  expect(replyOf(finish("stop")).usage).toEqual({
    inputTokens: 100,
    cachedInputTokens: 60,
    cacheWriteTokens: 30,
    outputTokens: 50,
    reasoningTokens: 40,
  });
});

test("an answer without an end is no answer", () => {
  expect(replyOf({ type: "text-start", id: "t" }).reason).toBe("interrupted");
  expect(replyOf(finish("interrupted")).reason).toBe("interrupted");
});

test("arguments that are no object become an empty one, for a call must have one", () => {
  const request: ModelRequest = {
    messages: [
      { role: "user", text: "roll" },
      { role: "assistant", text: "", calls: [{ callId: "a", name: "dice", arguments: "{broken" }] },
      { role: "tool", callId: "a", name: "", text: "not JSON", isError: true },
    ],
    tools: [],
  };

  const prompt = promptOf(request, { dialect: "google", name: NAME, abilities });

  expect(prompt[1]?.content).toEqual([{ type: "tool-call", toolCallId: "a", toolName: "dice", input: {} }]);
  expect(prompt[2]?.content).toEqual([
    {
      type: "tool-result",
      toolCallId: "a",
      toolName: "dice",
      output: { type: "error-text", value: "not JSON" },
    },
  ]);
});
