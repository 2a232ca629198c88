import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { systemClock } from "../../server/src/kit/index.ts";
import { openProvider } from "../../server/src/llm/index.ts";

/**
 * Gemini's list of models. No server that this project did not write has one, so the double below answers as the protocol is
 * published: its path, its key's header, its page, its rows. Source: ai.google.dev/api/models, November 2026.
 */
const ROWS = [
  {
    name: "models/gemini-2.5-flash",
    version: "001",
    displayName: "Gemini 2.5 Flash",
    inputTokenLimit: 1_048_576,
    outputTokenLimit: 65_536,
    supportedGenerationMethods: ["generateContent", "countTokens", "createCachedContent"],
    temperature: 1,
    topP: 0.95,
    topK: 64,
    maxTemperature: 2,
    thinking: true,
  },
  {
    name: "models/gemini-embedding-001",
    displayName: "Gemini Embedding 001",
    inputTokenLimit: 2_048,
    outputTokenLimit: 1,
    supportedGenerationMethods: ["embedContent", "countTextTokens", "countTokens"],
  },
  { name: "models/imagen-4.0-generate-001", supportedGenerationMethods: ["predict"] },
  { name: "models/veo-3.0-generate-001", supportedGenerationMethods: ["predictLongRunning"] },
  { name: "models/gemini-live-2.5-flash", supportedGenerationMethods: ["bidiGenerateContent"] },
];

test("Gemini's models are listed with what they can; what neither answers nor embeds is left out", async () => {
  await using server = await openGemini((url, key) =>
    key === "gk" && url.pathname === "/v1beta/models" && Number(url.searchParams.get("pageSize")) <= 1_000
      ? [200, { models: ROWS }]
      : [404, { error: { code: 404, message: "Not found.", status: "NOT_FOUND" } }],
  );

  expect(await server.list("gk")).toEqual([
    {
      id: "gemini-2.5-flash",
      isEmbedding: false,
      contextWindow: 1_048_576,
      maxOutputTokens: 65_536,
      reasoning: true,
    },
    { id: "gemini-embedding-001", isEmbedding: true, contextWindow: 2_048, maxOutputTokens: 1 },
  ]);
});

test("a key that Gemini refuses is told as such, without the key", async () => {
  const message = "API key not valid. Please pass a valid API key.";
  await using server = await openGemini(() => [
    400,
    { error: { code: 400, message, status: "INVALID_ARGUMENT" } },
  ]);

  const refused = server.list("AIzaSy-wrong-key");

  await expect(refused).rejects.toMatchObject({ code: "model.auth", retryable: false });
  await expect(refused).rejects.toThrow(
    /^The provider "g" refused our key \(400, it said: "API key not valid/,
  );
});

async function openGemini(answer: (url: URL, key: string | undefined) => readonly [number, unknown]) {
  const server = createServer((request, response) => {
    const [status, body] = answer(
      new URL(request.url ?? "/", "http://gemini"),
      request.headers["x-goog-api-key"]?.toString(),
    );
    response.writeHead(status, { "content-type": "application/json; charset=UTF-8" });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1beta`;
  return {
    async list(apiKey: string) {
      const config = { kind: "google", baseUrl, apiKey } as const;
      const provider = openProvider("g", config, { clock: systemClock(), random: () => 0 });
      try {
        return await provider?.listModels({ signal: new AbortController().signal });
      } finally {
        await provider?.close();
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
