import type { ModelMessage, ToolChoice } from "@troupe/contracts";
import { callsIn, collectEvents, endOf, type ModelHarness, modelContract, textIn } from "@troupe/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AimockStage, ask, openAimock, TOOLS, usageOf, WIRES, type Wire } from "./aimock-stage.ts";

/** Every wire against a server that this project did not write. */

for (const wire of WIRES) {
  modelContract(`${wire}, asked of aimock`, async (): Promise<ModelHarness> => {
    const stage = await openAimock(wire);
    const { mock, model } = stage;
    const usage = usageOf(wire);
    mock.on({ hasToolResult: true }, { content: "Done with the tools.", usage });
    mock.onMessage("one call", { toolCalls: [{ name: "dice", arguments: { x: "a b" } }], usage });
    mock.onMessage("two calls", {
      toolCalls: [
        { name: "dice", arguments: { x: "a b" } },
        { name: "time", arguments: {} },
      ],
      usage,
    });
    mock.onMessage("unicode", { content: "Їжак і 🦔 — ок", usage }, { chunkSize: 2 });
    mock.onMessage(
      "slow",
      { content: "One two three four five six seven eight", usage },
      { chunkSize: 4, streamingProfile: { ttft: 1, tps: 60 } },
    );
    mock.on({}, { content: "Hello there.", usage });
    return {
      model,
      forText: () => ask("slow"),
      forCalls: (count) => ask(count === 1 ? "one call" : "two calls", { tools: TOOLS }),
      forUnicode: () => ({ request: ask("unicode"), text: "Їжак і 🦔 — ок" }),
      close: () => Promise.resolve(stage[Symbol.asyncDispose]()),
    };
  });

  describe(`${wire}, asked of aimock`, () => describeWire(wire));
}

/** How each wire says it. Sources: the API references of the providers, November 2026. */
const CHOICES: Readonly<Record<Wire, (choice: "auto" | "required" | "dice") => unknown>> = {
  openai: (choice) => (choice === "dice" ? { type: "function", function: { name: "dice" } } : choice),
  responses: (choice) => (choice === "dice" ? { type: "function", name: "dice" } : choice),
  anthropic: (choice) =>
    choice === "dice" ? { type: "tool", name: "dice" } : { type: choice === "auto" ? "auto" : "any" },
  google: (choice) => ({
    functionCallingConfig:
      choice === "dice"
        ? { mode: "ANY", allowedFunctionNames: ["dice"] }
        : { mode: choice === "auto" ? "AUTO" : "ANY" },
  }),
};

function describeWire(wire: Wire): void {
  let stage: AimockStage;
  beforeEach(async () => {
    stage = await openAimock(wire);
  });
  afterEach(async () => stage[Symbol.asyncDispose]());
  const collect = (request = ask("hello"), model = stage.model) => collectEvents(model, request);

  it("counts tokens as the provider does", async () => {
    stage.mock.on({}, { content: "Hi.", usage: usageOf(wire) });

    const end = endOf(await collect());

    expect(end).toMatchObject({
      reason: "stop",
      estimated: false,
      usage: { inputTokens: 321, cachedInputTokens: 0, outputTokens: 45 },
    });
  });

  it("gives parallel calls with their arguments and takes their results", async () => {
    stage.mock.on({ hasToolResult: true }, { content: "It was 4, at noon." });
    stage.mock.on(
      {},
      {
        toolCalls: [
          { id: "call_a", name: "dice", arguments: { x: "2d6" } },
          { id: "call_b", name: "time", arguments: { x: "noon" } },
        ],
      },
    );
    const first = ask("roll", { tools: TOOLS });
    const events = await collect(first);
    const calls = callsIn(events);
    const { reasoning } = endOf(events);
    const results = calls.map(
      ({ callId, name }): ModelMessage => ({
        role: "tool",
        callId,
        name,
        text: `${name} done`,
        isError: false,
      }),
    );
    const assistant = {
      role: "assistant" as const,
      text: "",
      calls,
      ...(reasoning === undefined ? {} : { reasoning }),
    };

    const answer = await collect({ ...first, messages: [...first.messages, assistant, ...results] });

    expect(calls.map(({ name, arguments: text }) => [name, JSON.parse(text)])).toEqual([
      ["dice", { x: "2d6" }],
      ["time", { x: "noon" }],
    ]);
    expect(textIn(answer)).toBe("It was 4, at noon.");
    const said = JSON.stringify(stage.mock.getLastRequest()?.body);
    expect(said).toContain("dice done");
    expect(said).toContain("time done");
    expect(said).toContain("2d6");
  });

  it("shows images to the model", async () => {
    stage.mock.on({}, { content: "A cat." });
    const bytes = Buffer.from("a small picture of a cat");
    const file = {
      type: "file",
      blobId: "b1",
      mediaType: "image/png",
      name: "cat.png",
      sizeBytes: bytes.length,
    } as const;
    const messages: ModelMessage[] = [{ role: "user", text: "what is it?", files: [file] }];

    const events = await collect({ messages, tools: [], files: new Map([["b1", bytes]]) });

    expect(textIn(events)).toBe("A cat.");
    expect(stage.received.at(-1)).toContain(bytes.toString("base64"));
    expect(stage.received.at(-1)).toContain("what is it?");
  });

  it.each<[ToolChoice, unknown]>([
    ["auto", CHOICES[wire]("auto")],
    ["required", CHOICES[wire]("required")],
    [{ name: "dice" }, CHOICES[wire]("dice")],
  ])("says whether a tool is to be called: %j", async (toolChoice, expected) => {
    stage.mock.on({}, { content: "Hi." });

    await collect(ask("roll", { toolChoice, tools: TOOLS }));

    const { tool_choice, toolConfig } = JSON.parse(stage.received.at(-1) ?? "{}");
    expect(tool_choice ?? toolConfig).toEqual(expected);
  });

  it("says where the answer is to end, on every wire that has a field for it", async () => {
    stage.mock.on({}, { content: "Hi." });

    await collect(ask("roll", { stop: ["###", "END"] }));

    const { stop, stop_sequences, generationConfig } = JSON.parse(stage.received.at(-1) ?? "{}");
    const expected = wire === "responses" ? undefined : ["###", "END"];
    expect(stop ?? stop_sequences ?? generationConfig?.stopSequences).toEqual(expected);
  });

  it("asks for JSON of a schema", async () => {
    stage.mock.on({}, { content: '{"name":"Mia"}' });
    const schema = {
      type: "object",
      properties: { name: { type: "string" } },
      required: ["name"],
      additionalProperties: false,
    };

    const events = await collect(ask("name?", { responseFormat: { name: "cat", schema } }));

    expect(JSON.parse(textIn(events))).toEqual({ name: "Mia" });
    expect(stage.received.at(-1)).toContain('"required":["name"]');
  });

  it.each([
    [429, "model.rate_limited", true],
    [500, "model.unavailable", true],
    [503, "model.unavailable", true],
    [401, "model.auth", false],
    [404, "model.not_found", false],
    [413, "model.context_exceeded", false],
  ] as const)("names an answer %i, and works again", async (status, code, retryable) => {
    stage.mock.on({}, { content: "Hello." });
    stage.mock.nextRequestError(status, { message: "The server says no.", type: "some_error" });

    const end = endOf(await collect());
    const next = await collect();

    expect(end.reason).toBe("error");
    expect(end.error).toMatchObject({ code, retryable });
    expect(end.error?.message).toContain("The server says no.");
    expect(end.usage.outputTokens).toBe(0);
    expect(textIn(next)).toBe("Hello.");
  });

  it("is told when to come again", async () => {
    stage.mock.on({}, { error: { message: "Slow down." }, status: 429, retryAfter: 7 });

    expect(endOf(await collect()).error?.retryAfterMs).toBe(7_000);
  });

  it("says that its key is refused, without the key", async () => {
    stage.mock.on({}, { content: "Hello." });
    const wrong = stage.open({ apiKey: "sk-wrong-key-000111222" });

    const { error } = endOf(await collect(ask("hello"), wrong.model(stage.model.modelId)));

    expect(error).toMatchObject({ code: "model.auth", retryable: false });
    expect(error?.message).not.toContain("sk-wrong-key-000111222");
  });

  it("notices a stream that is cut, and keeps what came", async () => {
    stage.mock.on(
      {},
      { content: "One two three four five six seven eight nine ten" },
      { chunkSize: 4, truncateAfterChunks: 9, streamingProfile: { ttft: 1, tps: 80 } },
    );

    const events = await collect();

    const end = endOf(events);
    expect(end.reason).toBe("error");
    expect(end.error?.retryable).toBe(true);
    expect(end.error?.code).toMatch(/^model\.(unavailable|bad_response)$/);
    expect(textIn(events)).toContain("One");
    expect(end.usage.outputTokens).toBeGreaterThan(0);
  });

  it("gives up a model that does not begin", async () => {
    stage.mock.on({}, { content: "Late." }, { streamingProfile: { ttft: 5_000, tps: 10 } });
    const hasty = stage.open({ timeouts: { firstTokenMs: 150 } });

    const end = endOf(await collect(ask("hello"), hasty.model(stage.model.modelId)));

    expect(end.error).toMatchObject({ code: "model.timeout", retryable: true });
    expect(end.error?.message).toContain("within 0.2 s");
  });

  it("says who cannot be reached", async () => {
    const { provider } = stage;
    await stage.mock.stop();

    const end = endOf(await collect(ask("hello"), provider.model(stage.model.modelId)));

    expect(end.error).toMatchObject({ code: "model.unavailable", retryable: true });
    await stage.mock.start();
  });

  it("lists models", async ({ skip }) => {
    if (wire === "google") return skip("aimock has no list of Gemini's models; model-list.test.ts has");
    const rows = await stage.provider.listModels({ signal: AbortSignal.timeout(5_000) });

    expect(rows.length).toBeGreaterThan(0);
    expect(rows.every(({ id }) => id !== "" && !id.startsWith("models/"))).toBe(true);
  });
}

describe("what a model thought", () => {
  const thoughtful = {
    reasoning: "I should roll.",
    reasoningSignature: "c2lnbmVk",
    toolCalls: [{ id: "call_a", name: "dice", arguments: {} }],
  };
  const next = (
    events: Awaited<ReturnType<typeof collectEvents>>,
    model?: string,
  ): readonly ModelMessage[] => {
    const { reasoning } = endOf(events);
    const calls = callsIn(events);
    const thought =
      reasoning === undefined ? {} : { reasoning: { ...reasoning, model: model ?? reasoning.model } };
    return [
      ...ask("roll").messages,
      { role: "assistant", text: "", calls, ...thought },
      { role: "tool", callId: calls[0]?.callId ?? "", name: "dice", text: "4", isError: false },
    ];
  };

  it("goes back to Anthropic with its signature while the loop goes on, and to no other model", async () => {
    await using stage = await openAimock("anthropic");
    stage.mock.on({ hasToolResult: true }, { content: "Four." });
    stage.mock.on({}, thoughtful);
    const events = await collectEvents(stage.model, ask("roll", { tools: TOOLS }));

    await collectEvents(stage.model, { messages: next(events), tools: TOOLS });
    const [, own] = stage.received;
    await collectEvents(stage.model, { messages: next(events, "other/model"), tools: TOOLS });

    expect(events.find((event) => event.type === "reasoning-delta")).toMatchObject({
      text: expect.stringContaining("I"),
    });
    expect(JSON.parse(own ?? "").messages[1]).toMatchObject({
      role: "assistant",
      content: [
        { type: "thinking", thinking: "I should roll.", signature: "c2lnbmVk" },
        { type: "tool_use", id: "call_a", name: "dice" },
      ],
    });
    expect(stage.received.at(-1)).not.toContain("I should roll.");
  });

  it("is told as it comes, on every wire that tells it", async () => {
    for (const wire of ["responses", "google"] as const) {
      await using stage = await openAimock(wire);
      stage.mock.on({}, { content: "Four.", reasoning: "I should roll." });

      const events = await collectEvents(stage.model, ask("roll"));

      const thoughts = events.map((event) => (event.type === "reasoning-delta" ? event.text : "")).join("");
      expect(thoughts, wire).toBe("I should roll.");
      expect(textIn(events), wire).toBe("Four.");
    }
  });
});

it("marks the head and the end of a conversation for Anthropic's cache, and nothing else", async () => {
  await using stage = await openAimock("anthropic");
  stage.mock.on({}, { content: "Hi." });
  const request = ask("third", { conversation: {}, tools: TOOLS });
  const messages: ModelMessage[] = [
    { role: "system", text: "You are Ana." },
    { role: "user", text: "first" },
    { role: "assistant", text: "second", calls: [] },
    { role: "system", text: "It rains." },
    { role: "user", text: "third" },
  ];

  await collectEvents(stage.model, { ...request, messages });

  const body = JSON.parse(stage.received[0] ?? "{}");
  expect(JSON.stringify(body).match(/cache_control/g)).toHaveLength(2);
  expect(body.system).toEqual([{ type: "text", text: "You are Ana.", cache_control: { type: "ephemeral" } }]);
  expect(body.messages.at(-1)).toEqual({
    role: "user",
    content: [
      { type: "text", text: "<context>\nIt rains.\n</context>" },
      { type: "text", text: "third", cache_control: { type: "ephemeral" } },
    ],
  });
});
