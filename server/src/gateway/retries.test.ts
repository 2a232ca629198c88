// biome-ignore lint/correctness/noUndeclaredDependencies: for tests alone, so the root of the repository has it.
import OpenAI from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type OpenGateway, openGateway } from "./fixture-http.ts";
import { eventually, openWaits, type Stage } from "./fixtures.ts";

let open: OpenGateway;
let stage: Stage;
let listening: OpenGateway["listening"];
let key: string;
let post: OpenGateway["post"];
let client: OpenAI;

beforeEach(async () => {
  open = await openGateway();
  ({ stage, listening, key, post } = open);
  client = new OpenAI({ apiKey: key, baseURL: `${listening.address}/v1`, maxRetries: 0 });
});

afterEach(() => open.close());

const hello = { model: "ana", messages: [{ role: "user" as const, content: "hello" }] };

test("a retry of the client joins its turn", async () => {
  stage.play = () => undefined;
  const first = post({ ...hello, stream: true });
  await eventually(() => stage.accepted.length === 1);
  const second = post({ ...hello, stream: true }, { "x-stainless-retry-count": "1" });
  const responses = await Promise.all([first, second]);
  stage.accepted[0]?.reply("Once.");
  const texts = await Promise.all(responses.map((response) => response.text()));

  expect(stage.accepted).toHaveLength(1);
  for (const text of texts) expect(text).toContain("Once.");
});

test("a retry after the end is told the kept reply", async () => {
  await (await post(hello, { "x-troupe-session": "s1" })).text();
  const again = await post(hello, { "x-troupe-session": "s1", "x-stainless-retry-count": "2" });
  const streamed = await post(hello, { "x-troupe-session": "s1", "x-stainless-retry-count": "1" });

  expect((await again.json()).choices[0].message.content).toBe("Hello there.");
  expect((await streamed.json()).choices[0].message.content).toBe("Hello there.");
  expect(stage.accepted).toHaveLength(1);
});

test("the same request without a retry count is a new turn", async () => {
  await (await post(hello)).text();
  await (await post(hello)).text();

  expect(stage.accepted).toHaveLength(2);
});

test("an idempotency key joins the same body and refuses another", async () => {
  const headers = { "idempotency-key": "k-1" };
  await (await post(hello, headers)).text();
  const same = await post(hello, headers);
  const other = await post({ ...hello, user: "somebody" }, headers);

  expect((await same.json()).choices[0].message.content).toBe("Hello there.");
  expect(other.status).toBe(409);
  expect(other.headers.get("x-should-retry")).toBe("false");
  expect((await other.json()).error.code).toBe("request.conflict");
  expect(stage.accepted).toHaveLength(1);
});

test("a client that leaves cancels its stateless turn", async () => {
  stage.play = (turn) => turn.say("a");
  const controller = new AbortController();
  const stream = await client.chat.completions.create(
    { ...hello, stream: true },
    { signal: controller.signal },
  );
  const reader = stream[Symbol.asyncIterator]();
  await reader.next();
  controller.abort();
  await eventually(() => stage.cancelled.length === 1);

  expect(stage.cancelled[0]?.turnId).toBe(stage.accepted[0]?.id);
});

test("a client that leaves lets a kept turn finish", async () => {
  stage.play = (turn) => turn.say("a");
  const controller = new AbortController();
  const options = { signal: controller.signal, headers: { "x-troupe-session": "s1" } };
  const stream = await client.chat.completions.create({ ...hello, stream: true }, options);
  await stream[Symbol.asyncIterator]().next();
  controller.abort();
  await eventually(() => openWaits(stage) === 0);

  expect(stage.cancelled).toEqual([]);
});

test("a client that leaves while it waits for a whole reply cancels its stateless turn", async () => {
  stage.play = () => undefined;
  const controller = new AbortController();
  const answer = client.chat.completions.create(hello, { signal: controller.signal }).catch(() => "gone");
  await eventually(() => stage.accepted.length === 1);
  controller.abort();
  await eventually(() => stage.cancelled.length === 1);

  expect(await answer).toBe("gone");
  expect(stage.turn(stage.accepted[0]?.id ?? "")?.state).toBe("cancelled");
});

test("a retry whose turn was cancelled by the broken connection starts a new one", async () => {
  stage.play = (turn) => (stage.accepted.length === 1 ? turn.say("a") : turn.reply("At last."));
  const controller = new AbortController();
  const stream = await client.chat.completions.create(
    { ...hello, stream: true },
    { signal: controller.signal },
  );
  await stream[Symbol.asyncIterator]().next();
  controller.abort();
  await eventually(() => stage.cancelled.length === 1);
  const body = JSON.stringify({ ...hello, stream: true });
  const again = await post(body, { "x-stainless-retry-count": "1" });

  expect(await again.text()).toContain("At last.");
  expect(stage.accepted).toHaveLength(2);
});

test("a turn that two connections wait for is not cancelled when one of them breaks", async () => {
  stage.play = () => undefined;
  const controller = new AbortController();
  const body = JSON.stringify(hello);
  const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
  const url = `${listening.address}/v1/chat/completions`;
  const first = fetch(url, { method: "POST", headers, body, signal: controller.signal }).catch(() => "gone");
  await eventually(() => stage.accepted.length === 1);
  const second = post(body, { "x-stainless-retry-count": "1" });
  await new Promise((resolve) => setTimeout(resolve, 50));
  controller.abort();
  await first;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(stage.cancelled).toEqual([]);

  stage.accepted[0]?.reply("For the second.");
  expect((await (await second).json()).choices[0].message.content).toBe("For the second.");
});
