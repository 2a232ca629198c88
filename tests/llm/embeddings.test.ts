import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { LLMock } from "@copilotkit/aimock";
import type { EmbeddingCall } from "@troupe/contracts";
import { createLogRecorder } from "@troupe/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMetrics, systemClock } from "../../server/src/kit/index.ts";
import {
  type ClosableModelRouter,
  createModelRouter,
  type ProviderConfig,
} from "../../server/src/llm/index.ts";
import { createEmbeddedModels } from "../../server/src/memory/index.ts";

const signal = new AbortController().signal;
let calls: EmbeddingCall[] = [];
const options = { signal, onCall: (call: EmbeddingCall) => void calls.push(call) };
beforeEach(() => {
  calls = [];
});

let routers: ClosableModelRouter[] = [];
afterEach(async () => {
  await Promise.all(routers.map((router) => router.close()));
  routers = [];
});

function routerOf(
  providers: Readonly<Record<string, ProviderConfig>>,
  models: Readonly<Record<string, readonly string[]>> = {},
  refused: Readonly<Record<string, string>> = {},
): ClosableModelRouter {
  const router = createModelRouter({
    config: { providers, models },
    refusalOf: (provider) => refused[provider],
    clock: systemClock(),
    random: () => 0,
    logger: createLogRecorder(),
    metrics: createMetrics(),
    embedded: createEmbeddedModels(),
  });
  routers.push(router);
  return router;
}

describe("of OpenAI's dialect, asked of aimock", () => {
  let mock: LLMock;
  let router: ClosableModelRouter;
  beforeEach(async () => {
    mock = new LLMock({ port: 0, host: "127.0.0.1", logLevel: "silent" });
    await mock.start();
    router = routerOf(
      {
        one: { kind: "openai", baseUrl: `${mock.url}/v1`, apiKey: "k" },
        gone: { kind: "openai-compatible", baseUrl: "http://127.0.0.1:9/v1" },
        cloud: { kind: "anthropic", apiKey: "k" },
      },
      { embedding: ["gone/small", "one/text-embedding-3-small"] },
    );
  });
  afterEach(() => mock.stop());

  test("texts come back as vectors in their order, from the first model that answers", async () => {
    mock.onEmbedding("cat", { embedding: [1, 0, 0.5] });

    const { vectors, model, usage } = await router.embed({ name: "embedding", texts: ["cat"] }, options);

    expect(model).toBe("one/text-embedding-3-small");
    expect(vectors.map((vector) => [...vector])).toEqual([[1, 0, 0.5]]);
    expect(usage.inputTokens).toBeGreaterThan(0);
    expect(calls.map(({ model: name, outcome, error }) => [name, outcome, error?.code])).toEqual([
      ...Array(3).fill(["gone/small", "error", "model.unavailable"]),
      ["one/text-embedding-3-small", "ok", undefined],
    ]);
    expect(calls.map((call) => call.usage.inputTokens)).toEqual([0, 0, 0, usage.inputTokens]);
  });

  test("a model whose key cannot be opened is passed over", async () => {
    mock.onEmbedding("cat", { embedding: [1, 0, 0.5] });
    const shut = routerOf(
      {
        shut: { kind: "openai", apiKey: "k" },
        one: { kind: "openai", baseUrl: `${mock.url}/v1`, apiKey: "k" },
      },
      { embedding: ["shut/small", "one/text-embedding-3-small"] },
      { shut: "Its key cannot be opened." },
    );

    const { model } = await shut.embed({ name: "embedding", texts: ["cat"] }, options);

    expect(model).toBe("one/text-embedding-3-small");
    expect(calls[0]).toMatchObject({ model: "shut/small", outcome: "error", error: { code: "model.auth" } });
  });

  test("vectors that cannot be used were paid for, and those of a call that nobody waits for", async () => {
    mock.onEmbedding("cat", { embedding: [1, 0, 0.5] });
    const name = "one/text-embedding-3-small";
    await router.embed({ name, texts: ["cat"], dimensions: 4 }, options).catch(() => undefined);
    const refused = calls.splice(0);
    const controller = new AbortController();
    const leaving = router.embed({ name, texts: ["cat"] }, { ...options, signal: controller.signal });
    controller.abort(new Error("nobody waits"));

    await expect(leaving).rejects.toThrow("nobody waits");
    expect(refused.length).toBeGreaterThan(1);
    expect(refused.every(({ usage, estimated }) => usage.inputTokens > 0 && estimated)).toBe(true);
    expect(calls).toMatchObject([{ model: name, outcome: "aborted", estimated: true }]);
  });

  test("more texts than one call takes are asked for in several", async () => {
    const texts = Array.from({ length: 300 }, (_, n) => `text ${n}`);

    const { vectors } = await router.embed({ name: "one/text-embedding-3-small", texts }, options);
    const [single] = (
      await router.embed({ name: "one/text-embedding-3-small", texts: ["text 299"] }, options)
    ).vectors;

    expect(vectors).toHaveLength(300);
    expect([...(vectors[299] ?? [])]).toEqual([...(single ?? [])]);
    expect(mock.getRequests().filter(({ path }) => path.endsWith("/embeddings"))).toHaveLength(4);
  });

  test("vectors of another length than asked for are refused", async () => {
    mock.onEmbedding("cat", { embedding: [1, 0, 0.5] });
    const name = "one/text-embedding-3-small";

    await expect(router.embed({ name, texts: ["cat"], dimensions: 4 }, options)).rejects.toMatchObject({
      code: "model.bad_response",
      message: expect.stringContaining("a vector of 3 numbers where 4 were due"),
    });
  });

  test("no texts cost no call; unknown names and kinds without embeddings are told of", async () => {
    expect(await router.embed({ name: "embedding", texts: [] }, options)).toMatchObject({ vectors: [] });
    expect(mock.getRequests()).toHaveLength(0);
    await expect(router.embed({ name: "embeding", texts: ["x"] }, options)).rejects.toMatchObject({
      code: "model.unknown",
      message: expect.stringContaining('Did you mean "embedding"?'),
    });
    await expect(router.embed({ name: "cloud/claude", texts: ["x"] }, options)).rejects.toMatchObject({
      code: "model.unknown",
      message: expect.stringContaining("makes no embeddings"),
    });
  });

  test("what all models refused with is told in one error", async () => {
    await mock.stop();

    await expect(router.embed({ name: "embedding", texts: ["x"] }, options)).rejects.toMatchObject({
      code: "model.unavailable",
      retryable: true,
      message: expect.stringMatching(/gone\/small.*one\/text-embedding-3-small/),
    });
    await mock.start();
  });
});

test("Google's are asked for in batches, and may be shortened", async () => {
  const asked: { path: string; key: string | undefined; body: { requests: unknown[] } }[] = [];
  const server = createServer((incoming, outgoing) => {
    const pieces: Buffer[] = [];
    incoming.on("data", (piece: Buffer) => pieces.push(piece));
    incoming.on("end", () => {
      const body = JSON.parse(Buffer.concat(pieces).toString("utf8"));
      asked.push({ path: incoming.url ?? "", key: String(incoming.headers["x-goog-api-key"]), body });
      outgoing.end(
        JSON.stringify({ embeddings: body.requests.map((_: unknown, n: number) => ({ values: [n, 1] })) }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const router = routerOf({
    g: { kind: "google", baseUrl: `http://127.0.0.1:${port}/v1beta`, apiKey: "gk" },
  });
  const texts = Array.from({ length: 150 }, (_, n) => `text ${n}`);

  const { vectors, estimated } = await router.embed(
    { name: "g/gemini-embedding-001", texts, dimensions: 2 },
    options,
  );

  expect(asked.map(({ path, key, body }) => [path, key, body.requests.length])).toEqual([
    ["/v1beta/models/gemini-embedding-001:batchEmbedContents", "gk", 100],
    ["/v1beta/models/gemini-embedding-001:batchEmbedContents", "gk", 50],
  ]);
  expect(asked[0]?.body.requests[1]).toEqual({
    model: "models/gemini-embedding-001",
    content: { parts: [{ text: "text 1" }] },
    outputDimensionality: 2,
  });
  expect([...(vectors[149] ?? [])]).toEqual([49, 1]);
  expect(estimated).toBe(true);
  server.close();
  server.closeAllConnections();
});

describe("of Troupe's own models, which nobody configured", () => {
  test("the list embedding is there, costs nothing, and takes any number of texts", async () => {
    const router = routerOf({});
    const texts = Array.from({ length: 300 }, (_, n) => `the river and ${n} boats`);

    const { vectors, model } = await router.embed({ name: "embedding", texts }, options);

    expect([model, vectors.length, vectors[0]?.length]).toEqual(["embedded/words-128", 300, 128]);
    expect(calls.map(({ outcome }) => outcome)).toEqual(["ok", "ok", "ok"]);
    expect(router.choices("embedding").map(({ name, price }) => [name, price?.inputUsdPerMillion])).toEqual([
      ["embedded/words-128", 0],
    ]);
  });

  test("a list of that name in the settings goes before it, and may name them after a server", async () => {
    const router = routerOf(
      { gone: { kind: "openai-compatible", baseUrl: "http://127.0.0.1:9/v1" } },
      { embedding: ["gone/small", "embedded/hash-256"] },
    );

    const { model } = await router.embed({ name: "embedding", texts: ["river"] }, options);

    expect(model).toBe("embedded/hash-256");
  });

  test("one that does not exist is told with those that do", async () => {
    const asked = routerOf({}).embed({ name: "embedded/words-512", texts: ["river"] }, options);

    await expect(asked).rejects.toMatchObject({
      code: "model.unknown",
      message: 'There is no model "embedded/words-512". Known: embedded/words-128, embedded/hash-256.',
    });
  });

  test("asked for an answer in words it refuses, so that the next model of the list is asked", async () => {
    const router = routerOf({}, { default: ["embedded/words-128", "offline/guide"] });
    const events = [];
    const request = { messages: [{ role: "user", text: "Hello" }], tools: [] } as const;
    const asked = {
      signal,
      onModel: () => undefined,
      onFailedCall: () => undefined,
      onRetry: () => undefined,
    };

    for await (const event of router.stream(router.choices("default"), request, asked as never))
      events.push(event);

    expect(events.at(-1)).toMatchObject({ type: "end", reason: "stop" });
  });
});
