import { LLMock } from "@copilotkit/aimock";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import OpenAI from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ServedHome, serveHome } from "./served-home.ts";

/** OpenAI's own client asks Troupe for vectors, and Troupe a server of that dialect that we did not write. */

const CALL = { signal: new AbortController().signal };

let mock: LLMock;
let home: ServedHome;
let client: OpenAI;

beforeEach(async () => {
  mock = new LLMock({ port: 0, host: "127.0.0.1", logLevel: "silent" });
  await mock.start();
  home = await serveHome("", {
    providers: `, far: { kind: openai, baseUrl: "${mock.url}/v1", apiKey: k }`,
    models: ", embedding: [far/text-embedding-3-small]",
  });
  client = new OpenAI({ baseURL: `${home.address}/v1`, apiKey: home.key, maxRetries: 0 });
});

afterEach(async () => {
  await home[Symbol.asyncDispose]();
  await mock.stop();
});

test("each text comes back as a vector, packed or plain", async () => {
  mock.onEmbedding("cat", { embedding: [1, 0, 0.5] });
  const packed = await client.embeddings.create({ model: "embedding", input: ["cat", "cats"] });
  const plain = await client.embeddings.create({
    model: "embedding",
    input: "cat",
    encoding_format: "float",
  });

  expect(packed.data.map(({ embedding }) => [...embedding])).toEqual([
    [1, 0, 0.5],
    [1, 0, 0.5],
  ]);
  expect(plain).toMatchObject({ object: "list", model: "far/text-embedding-3-small" });
  expect(plain.data[0]).toEqual({ object: "embedding", index: 0, embedding: [1, 0, 0.5] });
  expect(plain.usage.prompt_tokens).toBeGreaterThan(0);
});

test("what it cost is in the ledger", async () => {
  mock.onEmbedding("cat", { embedding: [1, 0, 0.5] });
  await client.embeddings.create({ model: "embedding", input: "cat" });
  const { ledger } = home.serving.troupe.stores;
  const day = new Date().toISOString().slice(0, 10);
  const { items } = await ledger.usage(
    { spaceId: DEFAULT_SPACE_ID, by: "purpose", fromDay: day, toDay: day },
    CALL,
  );

  expect(items).toMatchObject([{ key: "embedding", calls: 1 }]);
});

test("models that no list names, and what is no text, are refused by name", async () => {
  const ask = (model: string, input: unknown) => client.embeddings.create({ model, input } as never);

  await expect(ask("far/text-embedding-3-large", "cat")).rejects.toThrow(
    /Known in troupe.yaml: default, embedding/,
  );
  await expect(ask("__proto__", "cat")).rejects.toMatchObject({ status: 404 });
  await expect(ask("embedding", [[1, 2]])).rejects.toMatchObject({ status: 400, param: "input[0]" });
  await expect(ask("embedding", [])).rejects.toMatchObject({ status: 400, param: "input" });
  await expect(ask("embedding", "")).rejects.toMatchObject({ status: 400, param: "input" });
});
