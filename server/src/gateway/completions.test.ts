import { request as httpRequest } from "node:http";
// biome-ignore lint/correctness/noUndeclaredDependencies: for tests alone, so the root of the repository has it.
import OpenAI, { APIError } from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type OpenGateway, openGateway } from "./fixture-http.ts";
import { eventually, type Stage, type StagedTurn } from "./fixtures.ts";

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

function dataOf(text: string): string[] {
  return text
    .split("\n\n")
    .filter((block) => block.startsWith("data: "))
    .map((block) => block.slice(6));
}

test("the openai client reads a whole completion", async () => {
  const { data, response } = await client.chat.completions.create(hello).withResponse();

  expect(data.choices[0]?.message.content).toBe("Hello there.");
  expect(data.choices[0]?.finish_reason).toBe("stop");
  expect(data.usage).toMatchObject({ prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 });
  expect(response.headers.get("x-troupe-turn")).toBe(stage.accepted[0]?.id);
});

test("the openai client reads a streamed completion with usage", async () => {
  const stream = await client.chat.completions.create({
    ...hello,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let finish: string | null | undefined;
  let total: number | undefined;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    finish ??= chunk.choices[0]?.finish_reason;
    total ??= chunk.usage?.total_tokens;
  }

  expect({ text, finish, total }).toEqual({ text: "Hello there.", finish: "stop", total: 15 });
});

test.each([
  ["stop", "stop"],
  ["length", "length"],
  ["content-filter", "content_filter"],
] as const)(
  "a reply that ended by %s says so, streamed or whole, live or from its record",
  async (ours, theirs) => {
    stage.play = (turn) => turn.reply("Half a", ours);
    const whole = await client.chat.completions.create(hello);
    const streamed = dataOf(await (await post({ ...hello, stream: true })).text());
    stage.play = (turn) => turn.replyUnheard("Half a", ours);
    const headers = { "idempotency-key": `again-${ours}`, "x-troupe-session": "s" };
    const first = new AbortController();
    const unheard = post(hello, headers, first.signal).catch(() => undefined);
    await eventually(() => stage.turn(stage.accepted[2]?.id ?? "")?.state === "replied");
    first.abort();
    await unheard;
    const again = await (await post(hello, headers)).json();

    expect(whole.choices[0]?.finish_reason).toBe(theirs);
    expect(JSON.parse(streamed.at(-2) ?? "").choices[0].finish_reason).toBe(theirs);
    expect(again.choices[0]).toMatchObject({ finish_reason: theirs, message: { content: "Half a" } });
  },
);

test("the deltas of one tick are one chunk, and [DONE] is last", async () => {
  const response = await post({ ...hello, stream: true });
  const data = dataOf(await response.text());

  expect(response.headers.get("content-type")).toContain("text/event-stream");
  expect(data.at(-1)).toBe("[DONE]");
  const contents = data.slice(0, -1).map((line) => JSON.parse(line).choices[0].delta.content);
  expect(contents).toEqual(["", "Hello there.", undefined]);
});

test("the headers are there before the first token, and [DONE] not before the end is kept", async () => {
  const turns: StagedTurn[] = [];
  stage.play = (turn) => void turns.push(turn);
  const response = await post({ ...hello, stream: true });
  const turn = turns[0] as StagedTurn;
  expect(response.headers.get("x-troupe-turn")).toBe(turn.id);
  expect(response.headers.get("x-troupe-session")).toBe(turn.sessionId);

  const reader = (response.body as ReadableStream<Uint8Array>)
    .pipeThrough(new TextDecoderStream())
    .getReader();
  turn.say("whole reply");
  let seen = "";
  while (!seen.includes("whole reply")) seen += (await reader.read()).value ?? "";
  expect(seen).not.toContain("[DONE]");
  expect(seen).not.toContain('"finish_reason":"stop"');

  turn.reply("whole reply");
  for (let part = await reader.read(); !part.done; part = await reader.read()) seen += part.value;
  expect(seen).toContain("[DONE]");
});

test("without a session header all earlier messages are given, and the peer is the key", async () => {
  await client.chat.completions.create({
    model: "ana",
    max_tokens: 50,
    temperature: 0.5,
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "roll" },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "c1", type: "function", function: { name: "roll", arguments: '{"n":2}' } }],
      },
      { role: "tool", tool_call_id: "c1", content: "7" },
      { role: "assistant", content: "Seven." },
      {
        role: "user",
        content: [
          { type: "text", text: "again" },
          { type: "text", text: "please" },
        ],
      },
    ],
  });

  const { message } = stage.accepted[0] as StagedTurn;
  expect(message).toMatchObject({
    sessionKey: undefined,
    channel: "api",
    peerId: "key-1",
    parts: [{ type: "text", text: "again\nplease" }],
    maxOutputTokens: 50,
    temperature: 0.5,
    given: [
      { role: "system", text: "Be brief." },
      { role: "user", text: "roll" },
      { role: "assistant", text: "", toolCalls: [{ callId: "c1", name: "roll", arguments: '{"n":2}' }] },
      { role: "tool", text: "7", callId: "c1" },
      { role: "assistant", text: "Seven." },
    ],
  });
});

test("with a session header only what follows the last assistant message is new", async () => {
  await client.chat.completions.create(
    {
      model: "ana",
      user: "u1",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "old" },
        { role: "assistant", content: "old answer" },
        { role: "user", content: "one" },
        { role: "user", content: "two" },
      ],
    },
    { headers: { "x-troupe-session": "s1" } },
  );

  const { message } = stage.accepted[0] as StagedTurn;
  expect(message).toMatchObject({
    sessionKey: "s1",
    peerId: "u1",
    instructions: "Be brief.",
    parts: [{ type: "text", text: "one\n\ntwo" }],
  });
  expect(message.given).toBeUndefined();
});

test("users of two keys with the same name are two readers", async () => {
  const other = stage.addKey({ id: "key-2" });
  await post({ ...hello, user: "u1" });
  await post({ ...hello, user: "u1" }, { authorization: `Bearer ${other}` });

  const [first, second] = stage.accepted.map(({ message }) => message.audience);
  expect(first).not.toEqual(second);
});

test("a new attempt after text was sent ends the stream with an error that names the turn", async () => {
  stage.play = (turn) => turn.say("Once upon");
  const stream = await client.chat.completions.create({ ...hello, stream: true });
  const turn = stage.accepted[0] as StagedTurn;
  let text = "";
  const reading = (async () => {
    for await (const chunk of stream) {
      const content = chunk.choices[0]?.delta.content ?? "";
      text += content;
      if (content !== "") turn.beginAgain();
    }
  })();

  const error = await reading.catch((thrown: unknown) => thrown);
  expect(text).toBe("Once upon");
  expect(error).toBeInstanceOf(APIError);
  expect((error as APIError).message).toContain(turn.id);
  expect((error as APIError).code).toBe("turn.failed");
});

test("a new attempt before any text was sent goes unnoticed", async () => {
  stage.play = (turn) => {
    turn.say("lost words");
    turn.beginAgain();
    turn.say("The answer.");
    turn.reply("The answer.");
  };
  const data = dataOf(await (await post({ ...hello, stream: true })).text());
  const contents = data.slice(0, -1).map((line) => JSON.parse(line).choices[0].delta.content ?? "");

  expect(contents.join("")).toBe("The answer.");
  expect(data.at(-1)).toBe("[DONE]");
});

test("a reply whose live events were lost is completed from what was kept", async () => {
  stage.play = (turn) => {
    turn.say("Half");
    turn.reply("Half and whole.");
  };
  const data = dataOf(await (await post({ ...hello, stream: true })).text());
  const contents = data.slice(0, -1).map((line) => JSON.parse(line).choices[0].delta.content ?? "");

  expect(contents.join("")).toBe("Half and whole.");
});

test("a kept reply that differs from what was sent ends the stream with an error", async () => {
  stage.play = (turn) => turn.say("One thing.");
  const response = await post({ ...hello, stream: true });
  const reader = (response.body as ReadableStream<Uint8Array>)
    .pipeThrough(new TextDecoderStream())
    .getReader();
  let seen = "";
  while (!seen.includes("One thing.")) seen += (await reader.read()).value ?? "";
  stage.accepted[0]?.reply("Another thing.");
  for (let part = await reader.read(); !part.done; part = await reader.read()) seen += part.value;

  expect(seen).toContain('"error"');
  expect(seen).not.toContain("[DONE]");
});

test("a failed turn is an error with our code, streamed or not", async () => {
  stage.play = (turn) => turn.fail("model.unavailable", "The model cannot be reached.");
  const whole = await post(hello);
  const body = await whole.json();
  expect(whole.status).toBe(503);
  expect(whole.headers.get("x-should-retry")).toBe("false");
  expect(body.error).toMatchObject({ code: "model.unavailable", type: "server_error" });
  expect(body.error.turn_id).toBe(stage.accepted[0]?.id);

  const streamed = await (await post({ ...hello, stream: true })).text();
  expect(streamed).toContain('"code":"model.unavailable"');
  expect(streamed).not.toContain("[DONE]");
});

test("a refusal tells when to come back", async () => {
  stage.answer = () => ({
    kind: "refused",
    code: "admission.full",
    message: "Too many messages are waiting just now.",
    retryAfterMs: 1_500,
  });
  const response = await post(hello);

  expect(response.status).toBe(429);
  expect(response.headers.get("retry-after")).toBe("2");
  expect(response.headers.get("retry-after-ms")).toBe("1500");
  expect((await response.json()).error).toMatchObject({ type: "rate_limit_error", code: "admission.full" });
});

test("a spent budget is 429, with the time when it opens again", async () => {
  stage.answer = () => ({
    kind: "refused",
    code: "budget.exceeded",
    message: "What may be spent is used up.",
    retryAfterMs: 3_600_000,
  });
  const response = await post(hello);

  expect(response.status).toBe(429);
  expect(response.headers.get("retry-after")).toBe("3600");
  expect((await response.json()).error).toMatchObject({
    type: "insufficient_quota",
    code: "budget.exceeded",
  });
});

test("an unplanned failure tells nothing and is logged", async () => {
  stage.answer = () => {
    throw new Error("secret detail");
  };
  const response = await post(hello);

  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain("secret detail");
  expect(stage.logged.map(({ event }) => event)).toContain("gateway.request_failed");
});

test("the agents are the models", async () => {
  const models = await client.models.list();
  expect(models.data.map(({ id }) => id)).toEqual(["ana"]);
  expect((await client.models.retrieve("ana")).owned_by).toBe("troupe");
  const missing = await client.models.retrieve("bo").catch((thrown: unknown) => thrown);
  expect((missing as APIError).status).toBe(404);
});

test("text outside ASCII survives, whatever the cuts between deltas", async () => {
  const text = "Привіт 👋🏽, świat";
  stage.play = async (turn) => {
    // Half of a surrogate pair in each of two deltas, and each delta in a write of its own.
    for (const unit of text.split("")) {
      turn.say(unit);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    turn.reply(text);
  };
  const stream = await client.chat.completions.create({ ...hello, stream: true });
  let seen = "";
  for await (const chunk of stream) seen += chunk.choices[0]?.delta.content ?? "";

  expect(seen).toBe(text);
});

test("a body in many pieces is read whole", async () => {
  const body = JSON.stringify(hello);
  const status = await new Promise<number>((resolve, reject) => {
    const outgoing = httpRequest(
      `${listening.address}/v1/chat/completions`,
      { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${key}` } },
      (incoming) => {
        incoming.resume();
        resolve(incoming.statusCode ?? 0);
      },
    );
    outgoing.on("error", reject);
    for (const byte of Buffer.from(body)) outgoing.write(Buffer.from([byte]));
    outgoing.end();
  });

  expect(status).toBe(200);
});
