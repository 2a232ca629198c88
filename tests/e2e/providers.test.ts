import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LLMock } from "@copilotkit/aimock";
import type { TurnEvent } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Serving, serve } from "../../server/src/app/lifecycle.ts";
import { createAdjustableLogger } from "../../server/src/app/logging.ts";
import { type HomeStore, openHomeStore } from "../lab/home-store.ts";

/** Turns over several providers, each a server that this project did not write. */

const KEY = "test-key-0123456789";

let home: string;
let store: HomeStore;
let servers: LLMock[];
let serving: Serving;
let address: string;
let key: string;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "troupe-providers-"));
  servers = await Promise.all(
    [0, 1].map(async () => {
      const mock = new LLMock({ port: 0, host: "127.0.0.1", logLevel: "silent" });
      await mock.start();
      return mock;
    }),
  );
  const [first, second] = servers;
  store = await openHomeStore();
  mkdirSync(join(home, "agents"));
  writeFileSync(
    join(home, "troupe.yaml"),
    `version: 1
server: { port: 0, metricsPort: 0, adminPort: 0 }
providers:
  claude: { kind: anthropic, baseUrl: "${first?.url}/v1", apiKey: ${KEY} }
  gpt: { kind: openai, api: responses, baseUrl: "${second?.url}/v1", apiKey: ${KEY} }
  gemini: { kind: google, baseUrl: "${second?.url}/v1beta", apiKey: ${KEY} }
  silent: { kind: openai-compatible, baseUrl: "http://127.0.0.1:9/v1" }
models: { default: [claude/claude-sonnet-4-5, gpt/gpt-4o], google: [gemini/gemini-2.5-flash] }
prices:
  claude/claude-sonnet-4-5: { inputUsdPerMillion: 3, outputUsdPerMillion: 15 }
  gpt/gpt-4o: { inputUsdPerMillion: 2, outputUsdPerMillion: 10 }
${store.yaml}`,
  );
  writeFileSync(join(home, "agents", "ana.yaml"), "id: ana\nname: Ana\ninstructions: Be kind.\n");
  const environment = { home, runtimeDirectory: home, noColor: true, variables: {} };
  serving = await serve(environment, {
    logger: createAdjustableLogger({ level: "silent", isTerminal: false }),
  });
  address = serving.addresses?.gateway ?? "";
  key = serving.firstKey?.key ?? "";
});

afterEach(async () => {
  await serving.stop({ graceMs: 0 });
  await Promise.all(servers.map((mock) => mock.stop()));
  await store[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

const get = async <Body>(path: string): Promise<Body> => {
  const response = await fetch(`${address}${path}`, { headers: { authorization: `Bearer ${key}` } });
  return (await response.json()) as Body;
};

/** The live events of one message, in order. */
async function streamed(text: string): Promise<readonly TurnEvent[]> {
  const response = await fetch(`${address}/api/agents/ana/messages`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
      accept: "text/event-stream",
    },
    body: JSON.stringify({ text, session: "s" }),
  });
  const body = await response.text();
  return body
    .split("\n\n")
    .flatMap((block) => block.split("\n").filter((line) => line.startsWith("data: ")))
    .map((line) => JSON.parse(line.slice("data: ".length)) as TurnEvent);
}

interface Chain {
  readonly modelCalls: readonly {
    readonly model: string;
    readonly outcome: string;
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly estimated: boolean;
  }[];
}

const endOf = (events: readonly TurnEvent[]) => {
  const last = events.at(-1);
  if (last?.type !== "end") throw new Error("The turn has not ended.");
  return last;
};

test("a model that breaks off hands the turn to the next one, and both are booked to the token", async () => {
  const [claude, gpt] = servers;
  claude?.on(
    {},
    { content: "Half of an answer that never comes to its end" },
    { chunkSize: 5, truncateAfterChunks: 9, streamingProfile: { ttft: 1, tps: 100 } },
  );
  gpt?.on(
    {},
    { content: "A whole answer.", usage: { input_tokens: 111, output_tokens: 22, total_tokens: 133 } },
  );

  const events = await streamed("hello");

  const end = endOf(events);
  expect(end).toMatchObject({ state: "replied", text: "A whole answer." });
  const restartedAt = events.findLastIndex((event) => event.type === "attempt-start");
  const before = events.slice(0, restartedAt).map((event) => (event.type === "text-delta" ? event.text : ""));
  const after = events.slice(restartedAt).map((event) => (event.type === "text-delta" ? event.text : ""));
  expect(before.join("")).toContain("Half");
  expect(after.join("")).toBe("A whole answer.");
  const { modelCalls } = await get<Chain>(`/api/turns/${end.turnId}`);
  const [broken, whole] = modelCalls.toSorted((one) => (one.outcome === "error" ? -1 : 1));
  expect(modelCalls).toHaveLength(2);
  expect(broken).toMatchObject({ model: "claude/claude-sonnet-4-5", outcome: "error", estimated: true });
  expect(whole).toMatchObject({
    ...{ model: "gpt/gpt-4o", outcome: "ok", estimated: false },
    ...{ inputTokens: 111, outputTokens: 22 },
  });
  expect(end.usage.inputTokens).toBe(111 + (broken?.inputTokens ?? 0));
  expect(end.usage.outputTokens).toBe(22 + (broken?.outputTokens ?? 0));
});

test("tools run in a loop over another dialect, with the tokens of all its calls", async () => {
  const [claude] = servers;
  const usage = { input_tokens: 100, output_tokens: 10, total_tokens: 110 };
  claude?.on({ hasToolResult: true }, { content: "It is 42.", usage });
  claude?.on(
    {},
    {
      toolCalls: [
        { name: "calculator", arguments: { expression: "6*7" } },
        { name: "calculator", arguments: { expression: "1+1" } },
      ],
      usage,
    },
  );

  const end = endOf(await streamed("what is 6*7 and 1+1?"));

  expect(end).toMatchObject({
    state: "replied",
    text: "It is 42.",
    usage: { inputTokens: 200, outputTokens: 20 },
  });
  expect(end.costUsd).toBeCloseTo((200 * 3 + 20 * 15) / 1e6, 9);
  const results = JSON.stringify(claude?.getLastRequest()?.body);
  expect(results).toContain("42");
});

test("a refused key sends the turn to the next model, and the status tells of it", async () => {
  const [claude, gpt] = servers;
  claude?.on({}, { error: { message: "invalid x-api-key", type: "authentication_error" }, status: 401 });
  gpt?.on({}, { content: "I am here." });

  const first = endOf(await streamed("hello"));
  const second = endOf(await streamed("again"));
  const status = await get<{ providers: readonly { provider: string; state: string; lastError?: string }[] }>(
    "/api/status",
  );

  expect([first.text, second.text]).toEqual(["I am here.", "I am here."]);
  expect(claude?.getRequests()).toHaveLength(1);
  expect(status.providers.find(({ provider }) => provider === "claude")).toMatchObject({
    state: "open",
    lastError: expect.stringContaining("refused our key"),
  });
});

test("the models of all providers are listed with what is known of them, and who could not be asked", async () => {
  interface Listing {
    readonly items: readonly { name: string; contextWindow?: number; images?: boolean; price?: object }[];
    readonly failures: readonly { provider: string; code: string; message: string }[];
  }

  const all = await get<Listing>("/api/models");
  const one = await get<Listing>("/api/models?provider=gpt");
  const none = await get<{ detail: string }>("/api/models?provider=gtp");

  expect(all.items.map(({ name }) => name)).toContain("offline/guide");
  expect(all.items.some(({ name }) => name.startsWith("claude/"))).toBe(true);
  expect(all.failures.map(({ provider, code }) => [provider, code])).toContainEqual([
    "silent",
    "model.unavailable",
  ]);
  expect(one.items.length).toBeGreaterThan(0);
  expect(one.items.every(({ name }) => name.startsWith("gpt/"))).toBe(true);
  expect(one.failures).toEqual([]);
  expect(none.detail).toContain('Did you mean "gpt"?');
});
