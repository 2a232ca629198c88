import type { ModelMessage } from "@troupe/contracts";
import { callsIn, collectEvents, endOf, startScriptedModelServer } from "@troupe/testing";
import { expect, test } from "vitest";
import { systemClock } from "../../server/src/kit/index.ts";
import { openProvider, type ProviderConfig } from "../../server/src/llm/index.ts";
import { ask, TOOLS } from "./aimock-stage.ts";

/** What the kinds of the chat dialect do otherwise than OpenAI. */

async function openKind(kind: ProviderConfig["kind"], more: Partial<ProviderConfig> = {}) {
  const server = await startScriptedModelServer();
  const config = { kind, baseUrl: server.baseUrl, apiKey: "k", ...more };
  const provider = openProvider("p", config, { clock: systemClock(), random: () => 0.5 });
  if (provider === undefined) throw new Error("There is no such provider.");
  return {
    server,
    model: provider.model("m"),
    bodyOf: (at: number) => JSON.parse(server.requests[at]?.text ?? "{}"),
    async [Symbol.asyncDispose]() {
      await provider.close();
      await server.close();
    },
  };
}

const chunk = (delta: unknown, finish: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const CALL = { index: 0, id: "call_a", type: "function", function: { name: "dice", arguments: "{}" } };

const goOn = (events: Awaited<ReturnType<typeof collectEvents>>): readonly ModelMessage[] => {
  const { reasoning } = endOf(events);
  return [
    ...ask("roll").messages,
    {
      role: "assistant",
      text: "",
      calls: callsIn(events),
      ...(reasoning === undefined ? {} : { reasoning }),
    },
    { role: "tool", callId: "call_a", name: "dice", text: "4", isError: false },
  ];
};

test("DeepSeek gets back what it thought before it called a tool", async () => {
  await using stage = await openKind("deepseek");
  const { server, model, bodyOf } = stage;
  server.enqueue({
    reasoning: "I should roll.",
    toolCalls: [{ callId: "call_a", name: "dice", arguments: "{}" }],
  });

  const events = await collectEvents(model, ask("roll", { tools: TOOLS }));
  await collectEvents(model, { messages: goOn(events), tools: TOOLS });

  expect(bodyOf(1).messages[2]).toMatchObject({ role: "assistant", reasoning_content: "I should roll." });
});

test("OpenRouter and MiniMax get back their thoughts whole, put together from pieces", async () => {
  for (const kind of ["openrouter", "minimax"] as const) {
    await using stage = await openKind(kind);
    const { server, model, bodyOf } = stage;
    server.enqueue({
      raw: [
        chunk({
          role: "assistant",
          reasoning_details: [{ type: "reasoning.text", index: 0, text: "I should " }],
        }),
        chunk({ reasoning_details: [{ type: "reasoning.text", index: 0, text: "roll.", signature: "s1" }] }),
        chunk({ reasoning_details: [{ type: "reasoning.encrypted", index: 1, data: "sealed" }] }),
        chunk({ tool_calls: [CALL] }),
        chunk({}, "tool_calls"),
        "data: [DONE]\n\n",
      ],
    });

    const events = await collectEvents(model, ask("roll", { tools: TOOLS }));
    await collectEvents(model, { messages: goOn(events), tools: TOOLS });

    const told = events.map((event) => (event.type === "reasoning-delta" ? event.text : "")).join("");
    expect(told, kind).toBe("I should roll.");
    expect(bodyOf(1).messages[2].reasoning_details, kind).toEqual([
      { type: "reasoning.text", index: 0, text: "I should roll.", signature: "s1" },
      { type: "reasoning.encrypted", index: 1, data: "sealed" },
    ]);
  }
});

test("a server that did not ask for it is not told what its model thought", async () => {
  await using stage = await openKind("ollama");
  const { server, model } = stage;
  server.enqueue({ reasoning: "Hm.", toolCalls: [{ callId: "call_a", name: "dice", arguments: "{}" }] });

  const events = await collectEvents(model, ask("roll", { tools: TOOLS }));
  await collectEvents(model, { messages: goOn(events), tools: TOOLS });

  expect(endOf(events).reasoning).toBeUndefined();
  expect(server.requests[1]?.text).not.toContain("Hm.");
});

test("each kind sends what it needs, and what is configured", async () => {
  await using minimax = await openKind("minimax", { reasoningEffort: "low" });
  await using router = await openKind("openrouter", { headers: { "x-title": "Mine" } });

  await collectEvents(minimax.model, ask("hello"));
  await collectEvents(router.model, ask("hello"));

  expect(minimax.bodyOf(0)).toMatchObject({ reasoning_split: true, reasoning_effort: "low" });
  expect(router.server.requests[0]?.headers["x-title"]).toBe("Mine");
});

test("cache writes and thoughts are counted where a server tells of them", async () => {
  await using stage = await openKind("openrouter");
  stage.server.enqueue({
    text: "Hi.",
    usage: {
      prompt_tokens: 100,
      completion_tokens: 50,
      prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 },
      completion_tokens_details: { reasoning_tokens: 40 },
    },
  });

  expect(endOf(await collectEvents(stage.model, ask("hello"))).usage).toEqual({
    inputTokens: 100,
    cachedInputTokens: 60,
    cacheWriteTokens: 30,
    outputTokens: 50,
    reasoningTokens: 40,
  });
});
