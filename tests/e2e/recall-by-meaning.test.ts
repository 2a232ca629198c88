import { LLMock } from "@copilotkit/aimock";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCliHome } from "./cli-home.ts";
import { type ServedHome, serveHome } from "./served-home.ts";

/** A running Troupe embeds what is said and remembered, and finds by it. */

const CALL = { signal: new AbortController().signal };
const FAR = {
  settings: (recall: string): string =>
    `recall: ${recall}\nprices: { far/tiny: { inputUsdPerMillion: 1000, outputUsdPerMillion: 0 } }\n`,
  entries: (mock: LLMock) => ({
    providers: `, far: { kind: openai-compatible, baseUrl: "${mock.url}/v1", apiKey: k }`,
    models: ", embedding: [far/tiny]",
  }),
};

let mock: LLMock;
let home: ServedHome | undefined;
beforeEach(async () => {
  mock = new LLMock({ port: 0, host: "127.0.0.1", logLevel: "silent" });
  await mock.start();
});
afterEach(async () => {
  await home?.[Symbol.asyncDispose]();
  home = undefined;
  await mock.stop();
});

async function say({ address, key }: ServedHome, text: string, session: string): Promise<string> {
  const response = await fetch(`${address}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", "x-session-id": session },
    body: JSON.stringify({ model: "ana", user: "kate", messages: [{ role: "user", content: text }] }),
  });
  const reply = (await response.json()) as { choices?: [{ message: { content: string } }] };
  return reply.choices?.[0].message.content ?? JSON.stringify(reply);
}

const counts = ({ serving }: ServedHome) => serving.troupe.stores.vectors.counts(DEFAULT_SPACE_ID, CALL);

async function embedAll({ serving }: ServedHome): Promise<void> {
  const { vectorFiller, indexer } = serving.troupe;
  await indexer.flush(CALL);
  await vectorFiller.flush(CALL);
}

test("what was said is embedded behind the turns by what ships, and found by its meaning", async () => {
  home = await serveHome();
  await say(home, "/remember We adopted a puppy.", "one");
  await say(home, "The weather was rainy and cold today.", "one");
  await embedAll(home);

  const found = await say(home, 'use tool recall {"query":"dog"}', "two");

  expect(await counts(home)).toEqual([
    { model: "embedded/words-128", dimensions: 128, count: expect.any(Number) },
  ]);
  expect(found).toContain("We adopted a puppy.");
  expect(found).not.toContain("rainy");
});

test("nothing is embedded or asked for where it is off, or where another model was named for callers alone", async () => {
  home = await serveHome("recall: { vectors: off }\n");
  await say(home, "/remember We adopted a puppy.", "one");
  await embedAll(home);
  expect(await counts(home)).toEqual([]);
  expect(await say(home, 'use tool recall {"query":"dog"}', "two")).not.toContain("puppy");
  await home[Symbol.asyncDispose]();

  home = await serveHome("", FAR.entries(mock));
  await say(home, "/remember We adopted a puppy.", "one");
  await embedAll(home);
  expect([await counts(home), mock.getRequests()]).toEqual([[], []]);
});

test("a model of others is paid for each batch and each question, in the books of the space", async () => {
  mock.onEmbedding(/./, { embedding: [1, 0, 0.5] });
  home = await serveHome(FAR.settings("{ vectors: turns }"), FAR.entries(mock));
  await say(home, "/remember My cat is called Mia.", "one");
  await embedAll(home);
  const batches = mock.getRequests().length;
  await say(home, "What is my cat called?", "two");

  const day = new Date().toISOString().slice(0, 10);
  const { ledger } = home.serving.troupe.stores;
  const query = { spaceId: DEFAULT_SPACE_ID, by: "purpose", fromDay: day, toDay: day } as const;
  const { items } = await ledger.usage(query, CALL);
  const embedding = items.find(({ key }) => key === "embedding");

  expect(batches).toBeGreaterThan(0);
  expect(mock.getRequests()).toHaveLength(batches + 1);
  expect(embedding).toMatchObject({ calls: batches + 1 });
  expect(embedding?.costMicroUsd).toBeGreaterThan(0);
});

test("a turn does not wait for a model that is slow, and its words are found all the same", async () => {
  mock.onEmbedding(/./, { embedding: [1, 0, 0.5] }, { latency: 30_000 });
  home = await serveHome(FAR.settings("{ vectors: turns, waitMs: 50 }"), FAR.entries(mock));
  await say(home, "/remember My cat is called Mia.", "one");
  const beganMs = performance.now();
  await say(home, "What is my cat called?", "two");

  expect(performance.now() - beganMs).toBeLessThan(5_000);
  expect(JSON.stringify(home.model.requests.at(-1))).toContain("My cat is called Mia.");
});

test("a provider that is away stops the batch and loses nothing", async () => {
  mock.onEmbedding(/./, { error: { message: "gone", type: "server_error" }, status: 401 } as never);
  home = await serveHome(FAR.settings("{ vectors: search }"), FAR.entries(mock));
  await say(home, "/remember My cat is called Mia.", "one");

  await expect(embedAll(home)).rejects.toThrow();
  expect(await counts(home)).toEqual([]);
  mock.clearFixtures();
  mock.onEmbedding(/./, { embedding: [1, 0, 0.5] });
  await embedAll(home);
  expect(await counts(home)).toMatchObject([{ model: "far/tiny", dimensions: 3 }]);
});

test("./troupe memory reindex makes words and vectors anew, with or without a Troupe that runs", {
  timeout: 90_000,
}, async () => {
  await using cli = createCliHome();
  cli.write("troupe.yaml", "version: 1\nserver: { port: 0, metricsPort: 0, adminPort: 0 }\n");
  cli.write("agents/ana.yaml", "id: ana\nname: Ana\ninstructions: Be kind.\n");
  await cli.run(["chat", "--agent", "ana", "/remember We adopted a puppy."]);

  const alone = await cli.json("memory", "reindex", "--vectors");
  await using _up = { ...(await cli.up()), [Symbol.asyncDispose]: () => _up.stop() };
  const again = await cli.json("memory", "reindex");
  const words = await cli.run(["memory", "reindex", "--words"]);

  expect(alone).toMatchObject({ model: "embedded/words-128" });
  expect(again).toMatchObject({ embedded: 0, model: "embedded/words-128" });
  expect(words).toMatchObject({ code: 0, err: "" });
  expect(words.out).toMatch(/^\d+ indexed by their words\.\n$/);
});
