import type { ModelEvent, ModelMessage } from "@troupe/contracts";
import { callsIn, collectEvents, createManualClock, endOf, textIn } from "@troupe/testing";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import {
  ask,
  eventually,
  KEY,
  openProviderStage,
  type ProviderStage,
  TOOLS,
} from "../../../../tests/llm/provider-stage.ts";

let stage: ProviderStage;
beforeEach(async () => {
  stage = await openProviderStage({ models: ["llama", "qwen"] });
});
afterEach(() => stage[Symbol.asyncDispose]());

describe("the request", () => {
  test.each([
    ["of a conversation", { conversation: {} }],
    ["of calls that name none", {}],
  ])("is byte-stable: a later body %s begins with all of the earlier one's messages", async (_, of) => {
    const model = stage.provider.model("llama");
    const rest = { tools: TOOLS, temperature: 0.2, maxOutputTokens: 50, ...of };
    const first: ModelMessage[] = [
      { role: "system", text: "Instructions." },
      { role: "user", text: "Привіт" },
    ];
    await collectEvents(model, { messages: first, ...rest });
    const second: ModelMessage[] = [
      ...first,
      { role: "assistant", text: "Вітаю", calls: [] },
      { role: "user", text: "More" },
    ];
    await collectEvents(model, { messages: second, ...rest });

    const [one, two] = stage.server.requests.map((request) => request.text);
    expect(one?.endsWith("]}")).toBe(true);
    expect(two?.startsWith(one?.slice(0, -2) ?? "?")).toBe(true);
    expect(Object.keys(JSON.parse(one ?? ""))).toEqual([
      ...["model", "stream", "stream_options", "max_tokens", "temperature", "tools", "messages"],
    ]);
    expect(stage.server.requests[0]?.body).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(stage.server.requests[0]?.body.tools?.[0]).toEqual({
      type: "function",
      function: { name: "dice", description: "The dice.", parameters: TOOLS[0]?.inputSchema },
    });
  });

  test("carries the key and configured headers, and no key when there is none", async () => {
    const keyless = stage.another({
      baseUrl: `${stage.server.baseUrl}/?api-version=7`,
      apiKey: "none",
      headers: { "x-title": "Troupe" },
    });
    await collectEvents(stage.provider.model("llama"), ask());
    await collectEvents(keyless.model("llama"), ask());

    expect(stage.server.requests[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(stage.server.requests[1]?.headers.authorization).toBeUndefined();
    expect(stage.server.requests[1]?.headers["x-title"]).toBe("Troupe");
    expect(stage.server.requests[1]?.path).toBe("/v1/chat/completions?api-version=7");
  });

  test("uses connections again for calls that follow each other", async () => {
    for (let n = 0; n < 5; n++) await collectEvents(stage.provider.model("llama"), ask());

    // The next call may begin before the last one's body has been closed.
    expect(stage.server.requests).toHaveLength(5);
    expect(stage.server.connections).toBeLessThanOrEqual(2);
  });

  test("waits for a free connection when all that are allowed are busy", async () => {
    const narrow = stage.another({ maxConcurrentCalls: 2 });
    stage.server.setRule(() => ({ tokens: ["a", "b"], gapMs: 5 }));

    const all = await Promise.all(
      Array.from({ length: 7 }, () => collectEvents(narrow.model("llama"), ask())),
    );

    expect(all.map(textIn)).toEqual(Array(7).fill("ab"));
    expect(stage.server.connections).toBe(2);
  });

  test("aborted while it waits for a connection never reaches the server", async () => {
    const narrow = stage.another({ maxConcurrentCalls: 1 });
    const gate = Promise.withResolvers<void>();
    stage.server.enqueue({ text: "slow one", after: gate.promise });
    const controller = new AbortController();

    const first = collectEvents(narrow.model("llama"), ask("first"));
    await eventually(() => stage.server.requests.length === 1);
    const second = collectEvents(narrow.model("llama"), ask("second"), controller.signal);
    controller.abort();
    const end = endOf(await second);
    gate.resolve();
    await first;
    const third = await collectEvents(narrow.model("llama"), ask("third"));

    expect(end).toMatchObject({ reason: "aborted", usage: { inputTokens: 0 } });
    expect(textIn(third)).toBe("You said: third");
    expect(stage.server.requests.map((request) => request.body.messages[0]?.content)).toEqual([
      "first",
      "third",
    ]);
  });
});

describe("the answer", () => {
  test("brings what the provider counted, cached tokens included", async () => {
    stage.server.enqueue({
      text: "Hi",
      usage: { prompt_tokens: 1200, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 1020 } },
    });

    const end = endOf(await collectEvents(stage.provider.model("llama"), ask()));

    expect(end).toMatchObject({
      estimated: false,
      usage: { inputTokens: 1200, cachedInputTokens: 1020, outputTokens: 7 },
    });
  });

  test.each([
    ["tells nothing", null],
    ["counts nothing", { prompt_tokens: 0, completion_tokens: 0 }],
  ])("is estimated where the provider %s", async (_what, usage) => {
    stage.server.enqueue({ text: "Some words of an answer", usage });

    const end = endOf(await collectEvents(stage.provider.model("llama"), ask()));

    expect(end.estimated).toBe(true);
    expect(end.usage.outputTokens).toBeGreaterThan(4);
    expect(end.usage.inputTokens).toBeGreaterThan(20);
  });

  test("arrives as one event for all that one network read brought", async () => {
    stage.server.enqueue({ tokens: Array.from({ length: 100 }, (_, n) => `w${n} `) });

    const events = await collectEvents(stage.provider.model("llama"), ask());

    expect(textIn(events)).toMatch(/^w0 .* w99 $/);
    expect(events.filter((event) => event.type === "text-delta").length).toBeLessThan(5);
  });

  test.each([1, 2, 3, 7, 64])("survives reads of %i byte(s)", async (splitBytes) => {
    stage.server.enqueue({
      reasoning: "Думаю…",
      tokens: ["Добрий ", "день, ", "світе 🌍"],
      toolCalls: [{ callId: "c1", name: "dice", arguments: '{"x":"€ — 𝄞"}' }],
      splitBytes,
    });

    const events = await collectEvents(stage.provider.model("llama"), ask());

    expect(textIn(events)).toBe("Добрий день, світе 🌍");
    expect(callsIn(events)).toEqual([{ callId: "c1", name: "dice", arguments: '{"x":"€ — 𝄞"}' }]);
    expect(events.map((event) => (event.type === "reasoning-delta" ? event.text : "")).join("")).toBe(
      "Думаю…",
    );
    expect(endOf(events)).toMatchObject({ reason: "tool-calls", estimated: false });
  });

  test("puts parallel calls together whose pieces come in turns", async () => {
    const toolCalls = [
      { callId: "c1", name: "dice", arguments: '{ "x": "one" }' },
      { callId: "c2", name: "time", arguments: "{}" },
      { callId: "c3", name: "dice", arguments: '{"x":"three"}' },
    ];
    stage.server.enqueue({ text: "I look.", toolCalls, interleaved: true });

    const events = await collectEvents(stage.provider.model("llama"), ask());

    expect(callsIn(events)).toEqual(toolCalls);
    expect(textIn(events)).toBe("I look.");
    expect(events.map((event) => event.type)).toEqual([
      "text-delta",
      "tool-call",
      "tool-call",
      "tool-call",
      "end",
    ]);
  });

  const chunk = (choice: unknown): string => `data: ${JSON.stringify({ choices: [choice] })}\n\n`;
  test("knows calls apart by their id where a server leaves the index out or gives each the same", async () => {
    const call = (id: string, fields: object): string =>
      chunk({
        delta: { tool_calls: [{ id, function: { name: "dice", arguments: `{"x":"${id}"}` }, ...fields }] },
      });
    stage.server.enqueue(
      {
        raw: [call("a", {}), call("b", {}), chunk({ delta: {}, finish_reason: "stop" }), "data: [DONE]\n\n"],
      },
      {
        raw: [
          call("a", { index: 0 }),
          call("b", { index: 0 }),
          chunk({ finish_reason: "stop" }),
          "data: [DONE]\n\n",
        ],
      },
    );

    for (let n = 0; n < 2; n++) {
      const events = await collectEvents(stage.provider.model("llama"), ask());
      expect(callsIn(events).map((one) => [one.callId, one.arguments])).toEqual([
        ["a", '{"x":"a"}'],
        ["b", '{"x":"b"}'],
      ]);
      expect(endOf(events).reason).toBe("tool-calls");
    }
  });

  test("gives a call an id and empty arguments their JSON form where a server sends neither", async () => {
    stage.server.enqueue({
      raw: [
        chunk({ delta: { tool_calls: [{ function: { name: "time" } }] } }),
        chunk({ finish_reason: "tool_calls" }),
        "data: [DONE]\n\n",
      ],
    });

    const [call] = callsIn(await collectEvents(stage.provider.model("llama"), ask()));

    expect(call).toMatchObject({ name: "time", arguments: "{}" });
    expect(call?.callId).toMatch(/^call_\w{15}/);
  });

  test("may come as plain JSON although a stream was asked for", async () => {
    const toolCalls = [{ callId: "c1", name: "dice", arguments: '{"x":"1"}' }];
    stage.server.enqueue({ text: "Цілком", asJson: true }, { toolCalls, asJson: true });

    const words = await collectEvents(stage.provider.model("llama"), ask());
    const calls = await collectEvents(stage.provider.model("llama"), ask());

    expect(textIn(words)).toBe("Цілком");
    expect(endOf(words)).toMatchObject({ reason: "stop", estimated: false, usage: { inputTokens: 20 } });
    expect(callsIn(calls)).toEqual(toolCalls);
    expect(endOf(calls).reason).toBe("tool-calls");
  });

  test("may be cut by its length, and then leaves out a call that nobody can run", async () => {
    stage.server.enqueue({
      text: "Half",
      finish: "length",
      toolCalls: [{ callId: "c1", name: "dice", arguments: '{"x":' }],
    });

    const events = await collectEvents(stage.provider.model("llama"), ask());

    expect(endOf(events).reason).toBe("length");
    expect(callsIn(events)).toEqual([]);
  });

  test("is read with carriage returns, comments, an event spread over lines, and a missing space", async () => {
    stage.server.enqueue({
      raw: [
        ": keep-alive\r\n\r\n",
        "event: message\r\nid: 7\r\n",
        'data:{"choices":[{"delta":\r\ndata: {"content":"Hi"}}]}\r\n\r\n',
        'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\r\n\r\ndata: [DONE]\r\n\r\n',
      ],
    });

    const events = await collectEvents(stage.provider.model("llama"), ask());

    expect(textIn(events)).toBe("Hi");
    expect(endOf(events).reason).toBe("stop");
  });

  test("is complete without [DONE] once it said why it ended", async () => {
    stage.server.enqueue({ text: "Fine", withoutDone: true });

    const events = await collectEvents(stage.provider.model("llama"), ask());

    expect(textIn(events)).toBe("Fine");
    expect(endOf(events)).toMatchObject({ reason: "stop", estimated: false });
  });

  test("replaces bytes that are no UTF-8 and goes on", async () => {
    const bytes = Buffer.from('data: {"choices":[{"delta":{"content":"a?b"}}]}\n\n');
    bytes[bytes.indexOf("?")] = 0xff;
    stage.server.enqueue({ raw: [bytes, chunk({ finish_reason: "stop" }), "data: [DONE]\n\n"] });

    const events = await collectEvents(stage.provider.model("llama"), ask());

    expect(textIn(events)).toBe("a\uFFFDb");
    expect(endOf(events).reason).toBe("stop");
  });
});

describe("abort", () => {
  test("reaches the server, so that it stops writing", async () => {
    stage.server.enqueue({ tokens: ["a", "b", "c", "d"], hang: "middle" });
    const controller = new AbortController();

    const events: ModelEvent[] = [];
    const { signal } = controller;
    for await (const event of stage.provider.model("llama").stream(ask(), { signal })) {
      events.push(event);
      controller.abort(new Error("user"));
    }
    const end = endOf(events);
    await eventually(() => stage.server.requests[0]?.isAborted === true);

    expect(end).toMatchObject({ reason: "aborted", estimated: true });
    expect(end.usage.inputTokens).toBeGreaterThan(0);
    expect(end.usage.outputTokens).toBeGreaterThan(0);
    expect(stage.server.requests[0]?.isAborted).toBe(true);
  });

  test("leaves no timer and no listener behind", async () => {
    const clock = createManualClock();
    const own = stage.another({}, clock);
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };

    await collectEvents(own.model("llama"), ask(), signal);
    await clock.settle();
    await own.close();

    expect(listeners).toBe(0);
    expect(clock.timers).toBe(0);
  });
});

describe("the list of models", () => {
  it("names what the server has", async () => {
    expect(await stage.provider.listModels({ signal: AbortSignal.timeout(5_000) })).toEqual([
      { id: "llama", isEmbedding: false },
      { id: "qwen", isEmbedding: false },
    ]);
  });

  it("says who cannot be reached", async () => {
    await stage.server.close();

    await expect(stage.provider.listModels({ signal: AbortSignal.timeout(5_000) })).rejects.toMatchObject({
      code: "model.unavailable",
      message: 'The provider "local" cannot be reached (connection refused).',
    });
  });

  it("stops when nobody wants it any more", async () => {
    const controller = new AbortController();
    controller.abort(new Error("enough"));

    await expect(stage.provider.listModels({ signal: controller.signal })).rejects.toThrow("enough");
  });
});
