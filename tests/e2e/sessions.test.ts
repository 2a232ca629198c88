import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ScriptedModelServer, startScriptedModelServer } from "@troupe/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Serving, serve } from "../../server/src/app/lifecycle.ts";
import { createAdjustableLogger } from "../../server/src/app/logging.ts";
import { type HomeStore, openHomeStore } from "../lab/home-store.ts";

// A hundred requests and a database of its own for each test, on machines that may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

/** Whole conversations, through the real ports: named, searched, branched, exported, compared, deleted. */

const options = { signal: new AbortController().signal };

let home: string;
let store: HomeStore;
let model: ScriptedModelServer;
let serving: Serving;
let keys: { readonly operator: string; readonly one: string; readonly other: string };

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "troupe-sessions-"));
  model = await startScriptedModelServer();
  store = await openHomeStore();
  mkdirSync(join(home, "agents"));
  writeFileSync(
    join(home, "troupe.yaml"),
    `version: 1
server: { port: 0, metricsPort: 0, adminPort: 0 }
providers: { local: { kind: openai-compatible, baseUrl: "${model.baseUrl}" } }
models: { default: [local/scripted] }
${store.yaml}`,
  );
  writeFileSync(join(home, "agents", "ana.yaml"), "id: ana\nname: Ana\ninstructions: Be kind.\n");
  const logger = createAdjustableLogger({ level: "silent", isTerminal: false });
  serving = await serve({ home, runtimeDirectory: home, noColor: true, variables: {} }, { logger });
  const operator = serving.firstKey?.key ?? "";
  keys = { operator, one: await makeKey(operator, "one"), other: await makeKey(operator, "other") };
});

afterEach(async () => {
  await serving.stop({ graceMs: 0 });
  await model.close();
  await store[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

async function makeKey(operator: string, name: string): Promise<string> {
  return (await call("POST", "/api/keys", { key: operator, body: { name } })).body.key;
}

interface Answered {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: each test says itself what it expects.
  readonly body: any;
}

async function call(
  method: string,
  path: string,
  asked: {
    readonly key?: string;
    readonly body?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<Answered> {
  const response = await fetch(`${serving.addresses?.gateway}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${asked.key ?? keys.one}`,
      ...(asked.body === undefined ? {} : { "content-type": "application/json" }),
      ...asked.headers,
    },
    ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  return { status: response.status, body: isJson && text !== "" ? JSON.parse(text) : text };
}

async function say(session: string, text: string, answer: string, key?: string): Promise<Answered["body"]> {
  model.enqueue({ text: answer });
  const sent = { body: { text, session }, ...(key === undefined ? {} : { key }) };
  return (await call("POST", "/api/agents/ana/messages", sent)).body;
}

async function indexed(): Promise<void> {
  while ((await serving.troupe.stores.search.indexNew(1000, options)) > 0);
}

async function messagesOf(id: string): Promise<{ id: string; role: string; text: string }[]> {
  const { body } = await call("GET", `/api/sessions/${id}/messages`);
  return body.items.map((one: { id: string; role: string; parts: { text: string }[] }) => ({
    ...{ id: one.id, role: one.role, text: one.parts[0]?.text },
  }));
}

describe("names", () => {
  test("a title that a person chose shows everywhere, and null gives it up", async () => {
    const { sessionId } = await say("s", "hello", "Hello.");
    const named = await call("PATCH", `/api/sessions/${sessionId}`, { body: { title: "  My\n plan " } });
    const listed = await call("GET", "/api/sessions");
    const given = await call("PATCH", `/api/sessions/${sessionId}`, { body: { title: null } });

    expect(named).toMatchObject({ status: 200, body: { id: sessionId, title: "My plan", name: "My plan" } });
    expect(listed.body.items[0].title).toBe("My plan");
    expect(given.body.title).toBe(given.body.storyline.title);
    expect(await call("PATCH", `/api/sessions/${sessionId}`, { body: { title: " " } })).toMatchObject({
      status: 400,
      body: { field: "title" },
    });
  });
});

describe("deleting", () => {
  test("what was said is gone for the model, for search and for the next session of that name", async () => {
    const first = await say("s", "the vault code is 4711", "Noted.");
    const removed = await call("DELETE", `/api/sessions/${first.sessionId}`);
    const again = await say("s", "what is the vault code?", "I do not know.");
    await indexed();

    expect(removed.body).toEqual({
      id: first.sessionId,
      deleted: true,
      messages: 2,
      turns: 1,
      cancelled: [],
    });
    expect(again.sessionId).toBe(first.sessionId);
    expect(JSON.stringify(model.requests.at(-1))).not.toContain("4711");
    expect((await call("GET", "/api/sessions?query=4711")).body.items).toEqual([]);
    expect((await call("GET", `/api/turns/${first.turnId}`)).status).toBe(404);
    expect(await messagesOf(first.sessionId)).toHaveLength(2);
  });

  test("a turn under way refuses it, or is stopped for it when that is asked for", async () => {
    const held = Promise.withResolvers<void>();
    model.enqueue({ text: "never", after: held.promise });
    const sent = await call("POST", "/api/agents/ana/messages?wait=false", {
      body: { text: "think", session: "s" },
    });
    const { sessionId, turnId } = sent.body;

    const refused = await call("DELETE", `/api/sessions/${sessionId}`);
    const removed = await call("DELETE", `/api/sessions/${sessionId}?cancel=true`);
    held.resolve();

    expect(refused).toMatchObject({ status: 409, body: { code: "request.conflict" } });
    expect(removed).toMatchObject({ status: 200, body: { deleted: true, cancelled: [turnId] } });
    expect((await call("GET", `/api/sessions/${sessionId}`)).status).toBe(404);
  });
});

describe("branches", () => {
  test("a question is asked differently in a branch, and the model sees only what came before it", async () => {
    await say("s", "my cat is Mia", "A fine name.");
    const { sessionId } = await say("s", "and my dog is Rex", "Good dog.");
    const [, , question] = await messagesOf(sessionId);
    const branched = await call("POST", `/api/sessions/${sessionId}/branches`, {
      body: { messageId: question?.id, before: true, title: "Without the dog" },
    });
    await say(branched.body.key, "and my bird is Ara", "Nice bird.");

    expect(branched).toMatchObject({
      status: 201,
      body: { title: "Without the dog", parent: { sessionId, messageId: question?.id } },
    });
    const texts = (await messagesOf(branched.body.id)).map(({ text }) => text);
    expect(texts).toEqual(["my cat is Mia", "A fine name.", "and my bird is Ara", "Nice bird."]);
    const asked = JSON.stringify(model.requests.at(-1));
    expect(asked).toContain("my cat is Mia");
    expect(await messagesOf(sessionId)).toHaveLength(4);
  });

  test("an idempotency key makes one branch, and refuses to make another", async () => {
    const { sessionId } = await say("s", "one", "1");
    const [question, answer] = await messagesOf(sessionId);
    const branch = (messageId: string | undefined): Promise<Answered> =>
      call("POST", `/api/sessions/${sessionId}/branches`, {
        body: { messageId },
        headers: { "idempotency-key": "k" },
      });

    const [first, again] = [await branch(answer?.id), await branch(answer?.id)];

    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.body.id).toBe(first.body.id);
    expect(await branch(question?.id)).toMatchObject({ status: 409, body: { code: "request.conflict" } });
    expect((await branch("nowhere")).status).toBe(409);
    expect(
      await call("POST", `/api/sessions/${sessionId}/branches`, { body: { messageId: "nowhere" } }),
    ).toMatchObject({ status: 404 });
  });

  test("two branches are compared: what they share, how each went on, and what that cost", async () => {
    const { sessionId } = await say("s", "hello", "Hello.");
    const [, answer] = await messagesOf(sessionId);
    const branched = await call("POST", `/api/sessions/${sessionId}/branches`, {
      body: { messageId: answer?.id },
    });
    await say("s", "tea or coffee?", "Tea.");
    await say(branched.body.key, "tea or coffee?", "Coffee.");
    await say(branched.body.key, "sure?", "Yes.");

    const { body } = await call("GET", `/api/sessions/${sessionId}/compare/${branched.body.id}`);

    expect(body.common.map((turn: { answer: string }) => turn.answer)).toEqual(["Hello."]);
    expect(body.rows).toMatchObject([
      { left: { answer: "Tea." }, right: { answer: "Coffee." }, sameQuestion: true },
      { right: { question: "sure?", answer: "Yes." }, sameQuestion: false },
    ]);
    expect(body.rows[0].left.usage.inputTokens).toBeGreaterThan(0);
    expect(body.totals).toMatchObject({ left: { turns: 1 }, right: { turns: 2 } });
    expect(body.isCut).toBe(false);
  });
});

describe("search and export", () => {
  test("words are found in titles and in what was said", async () => {
    const tea = await say("a", "where is the blue teapot?", "In the kitchen.");
    const other = await say("b", "something else", "Yes.");
    await call("PATCH", `/api/sessions/${other.sessionId}`, { body: { title: "Чайник і горнята" } });
    await indexed();

    const byText = await call("GET", "/api/sessions?query=teapot");
    const byTitle = await call("GET", `/api/sessions?query=${encodeURIComponent("ЧАЙНИК")}`);

    expect(byText.body.items).toMatchObject([
      {
        id: tea.sessionId,
        matches: [{ role: "user", text: "where is the blue teapot?", score: expect.any(Number) }],
      },
    ]);
    expect(byTitle.body.items).toMatchObject([{ id: other.sessionId, inTitle: true, matches: [] }]);
  });

  test("a conversation is exported whole, page by page, as JSON and as Markdown", async () => {
    const { sessionId } = await say("s", "message 0", "answer 0");
    for (let n = 1; n < 60; n++) await say("s", `message ${n}`, `answer ${n}`);

    const { body } = await call("GET", `/api/sessions/${sessionId}/export`);
    const markdown = await call("GET", `/api/sessions/${sessionId}/export?format=markdown`);

    expect(body).toMatchObject({ kind: "troupe.session", v: 1, session: { id: sessionId } });
    expect(body.messages.map(({ seq }: { seq: number }) => seq)).toEqual(
      Array.from({ length: 120 }, (_, at) => at + 1),
    );
    expect(markdown.body).toMatch(/^# message 0\n\nwith ana, begun .* UTC/);
    expect(markdown.body.match(/^## /gm)).toHaveLength(120);
    expect((await call("GET", `/api/sessions/${sessionId}/export?format=pdf`)).status).toBe(400);
  });
});

test("a key sees, changes and finds its own conversations alone; an operator all", async () => {
  const { sessionId } = await say("s", "private teapot", "Yes.");
  const own = await say("s", "my kettle", "Yes.", keys.other);
  const [question] = await messagesOf(sessionId);
  await indexed();
  const statuses = async (key: string): Promise<readonly number[]> => {
    const path = `/api/sessions/${sessionId}`;
    const answers = [
      await call("GET", path, { key }),
      await call("PATCH", path, { key, body: { title: "Mine" } }),
      await call("GET", `${path}/export`, { key }),
      await call("GET", `${path}/compare/${own.sessionId}`, { key }),
      await call("POST", `${path}/branches`, { key, body: { messageId: question?.id } }),
      await call("DELETE", path, { key }),
    ];
    return answers.map(({ status }) => status);
  };
  const found = async (key: string): Promise<number> =>
    (await call("GET", "/api/sessions?query=teapot", { key })).body.items.length;

  expect([await found(keys.other), await found(keys.one), await found(keys.operator)]).toEqual([0, 1, 1]);
  expect(await statuses(keys.other)).toEqual([404, 404, 404, 404, 404, 404]);
  expect(await statuses(keys.operator)).toEqual([200, 200, 200, 200, 201, 200]);
});
