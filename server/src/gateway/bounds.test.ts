import { afterEach, beforeEach, expect, test } from "vitest";
import type { FaceLimits } from "./deps.ts";
import { type OpenGateway, openGateway, statusOf } from "./fixture-http.ts";
import { type Answered, eventually, openWaits, type Stage } from "./fixtures.ts";

let open: OpenGateway;
let stage: Stage;
let listening: OpenGateway["listening"];
let key: string;
let raw: OpenGateway["raw"];

async function openWith(limits: Partial<FaceLimits> = {}): Promise<void> {
  open = await openGateway({ limits });
  ({ stage, listening, key, raw } = open);
}

beforeEach(() => openWith());

afterEach(() => open.close());

function postRaw(body: Buffer, headers: readonly string[] = []): Promise<string> {
  const head = [
    "POST /v1/chat/completions HTTP/1.1",
    "host: localhost",
    `authorization: Bearer ${key}`,
    "content-type: application/json",
    "connection: close",
    `content-length: ${body.length}`,
    ...headers,
  ];
  return raw(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]));
}

const hello = Buffer.from(JSON.stringify({ model: "ana", messages: [{ role: "user", content: "hello" }] }));

test("broken UTF-8 is refused", async () => {
  const broken = Buffer.concat([hello.subarray(0, -4), Buffer.from([0xc3, 0x28]), hello.subarray(-4)]);
  const answer = await postRaw(broken);

  expect(statusOf(answer)).toBe(400);
  expect(answer).toContain("not valid UTF-8");
  expect(stage.accepted).toHaveLength(0);
});

test("a body that is not JSON is refused, by its type and by its text", async () => {
  const headers = { authorization: `Bearer ${key}` };
  const url = `${listening.address}/v1/chat/completions`;
  const form: Answered = await fetch(url, { method: "POST", headers, body: new URLSearchParams({ a: "b" }) });
  const text: Answered = await fetch(url, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: '{"model": ',
  });

  expect(form.status).toBe(400);
  expect((await form.json()).error.message).toContain("send JSON");
  expect(text.status).toBe(400);
  expect((await text.json()).error.message).toContain("The body is not JSON");
});

test.each(["[", '{"a":'])(
  "a body nested deeper than anybody nests with %s is refused, whatever reads it",
  async (open) => {
    const close = open === "[" ? "]" : "}";
    const deep = (levels: number): string => `${open.repeat(levels)}1${close.repeat(levels)}`;
    const send = (path: string, body: string): Promise<string> =>
      raw(
        `POST ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
    const asText = await send("/api/agents/ana/messages", `{"text":${deep(20_000)}}`);
    const asInput = await send(
      "/api/agents/ana/messages",
      `{"command":{"tool":"a","input":${deep(20_000)}}}`,
    );
    const shallow = await send("/api/agents/ana/messages", `{"command":{"tool":"a","input":${deep(100)}}}`);

    for (const answer of [asText, asInput]) {
      expect(statusOf(answer)).toBe(400);
      expect(answer).toContain("nested deeper than 128 levels");
    }
    expect(statusOf(shallow)).toBe(200);
    expect(stage.accepted).toHaveLength(1);
  },
);

test("the name of an unknown field is told in short, however long it is", async () => {
  const answer = await open.call("/api/agents/ana/messages", {
    body: { text: "hi", ["x".repeat(9_000)]: 1 },
  });
  const { detail, field } = await answer.json();

  expect(answer.status).toBe(400);
  expect(field).toBe(`${"x".repeat(57)}...`);
  expect(detail.length).toBeLessThan(300);
});

test("an announced body that is too large is refused before it is read", async () => {
  const answer = await raw(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\ncontent-length: 99999999\r\nconnection: close\r\n\r\n{`,
  );

  expect(statusOf(answer)).toBe(413);
  expect(answer).toContain("request.too_large");
});

test("a body that grows too large without announcing it is refused, and its connection closed", async () => {
  await open.close();
  await openWith({ bodyBytes: 10_000 });
  const chunk = `1000\r\n${"x".repeat(4096)}\r\n`;
  const answer = await raw(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(8)}`,
  );

  expect(statusOf(answer)).toBe(413);
  expect(stage.accepted).toHaveLength(0);
});

test("a client that asks before sending too much is told no", async () => {
  const answer = await raw(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\nexpect: 100-continue\r\ncontent-length: 99999999\r\nconnection: close\r\n\r\n`,
  );

  expect(statusOf(answer)).toBe(413);
  expect(answer).not.toContain("100 Continue");
});

test("a client that asks before sending is told to go on as far as its route reads", async () => {
  await open.close();
  await openWith({ bodyBytes: 100, mediaBodyBytes: 1_000, fileBytes: 10_000 });
  const ask = (path: string, bytes: number): Promise<string> => {
    const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n`;
    return raw(`${head}expect: 100-continue\r\ncontent-length: ${bytes}\r\n\r\n`);
  };
  const goOn = /^HTTP\/1\.1 100 Continue/;

  for (const [path, most] of [
    ["/api/agents/ana/messages", 100],
    ["/v1/chat/completions", 1_000],
    ["/a2a/ana", 1_000],
    ["/api/blobs", 10_000],
  ] as const) {
    expect(await ask(path, most), path).toMatch(goOn);
    expect(await ask(path, most + 1), path).not.toMatch(goOn);
  }
});

test("a body of exactly the limit is taken", async () => {
  await open.close();
  await openWith({ bodyBytes: hello.length });
  const taken = await postRaw(hello);
  const oneMore = await postRaw(Buffer.concat([hello, Buffer.from(" ")]));

  expect(statusOf(taken)).toBe(200);
  expect(statusOf(oneMore)).toBe(413);
});

test("headers that trickle in are cut off in time", async () => {
  await open.close();
  await openWith({ headersTimeoutMs: 200, requestTimeoutMs: 400 });
  const started = Date.now();
  const answer = await raw("GET /v1/models HTTP/1.1\r\nhost: localhost\r\n");

  expect(statusOf(answer)).toBe(408);
  expect(answer).toContain("request.timeout");
  expect(Date.now() - started).toBeLessThan(3_000);
});

test("a body that trickles in is cut off in time", async () => {
  await open.close();
  await openWith({ headersTimeoutMs: 200, requestTimeoutMs: 400 });
  const answer = await raw(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\ncontent-length: 100\r\n\r\n{`,
  );

  expect(statusOf(answer)).toBe(408);
  expect(stage.accepted).toHaveLength(0);
});

test.each([
  ["what is no HTTP", "HELLO\r\n\r\n", 400],
  [
    "headers that are too large",
    `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"y".repeat(40_000)}\r\n\r\n`,
    431,
  ],
  ["a request without a Host", "GET / HTTP/1.1\r\nconnection: close\r\n\r\n", 400],
  ["a Host that is none", "GET / HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n", 400],
  ["a tunnel", "CONNECT a:1 HTTP/1.1\r\nhost: localhost\r\n\r\n", 400],
  [
    "a handshake that the protocol does not know",
    "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    400,
  ],
])("%s is answered with a problem that says its status", async (_, bytes, status) => {
  const answer = await raw(bytes);
  const [, body = ""] = answer.split("\r\n\r\n");

  expect(statusOf(answer)).toBe(status);
  expect(answer).toContain("application/problem+json");
  expect(JSON.parse(body)).toMatchObject({ status, code: "request.invalid", detail: expect.any(String) });
});

test("an expectation that nobody knows is no reason to refuse a request", async () => {
  const answer = await raw(
    "GET /health HTTP/1.1\r\nhost: localhost\r\nexpect: applause\r\nconnection: close\r\n\r\n",
  );

  expect(statusOf(answer)).toBe(200);
});

test("a client that stops reading is let go, and its turn goes on", async () => {
  await open.close();
  await openWith({ bufferedBytes: 64 * 1024 });
  stage.play = () => undefined;
  const socket = open.socket();
  const body = JSON.stringify({ model: "ana", stream: true, messages: [{ role: "user", content: "hello" }] });
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  socket.pause();
  socket.on("error", () => undefined);
  await eventually(() => openWaits(stage) === 1);
  const turn = stage.accepted[0];
  let written = 0;
  while (openWaits(stage) === 1 && written < 200_000_000) {
    turn?.say("x".repeat(32 * 1024));
    written += 32 * 1024;
    await new Promise((resolve) => setImmediate(resolve));
  }

  // The kernel's own buffers take a few megabytes; without a bound all of it would have been taken.
  expect(written).toBeLessThan(50_000_000);
  expect(stage.cancelled).toEqual([]);
  expect(stage.turn(turn?.id ?? "")?.state).toBe("running");
});

test("a client that leaves a finished answer unread is let go", async () => {
  await open.close();
  await openWith({ stalledClientMs: 200 });
  const text = "x".repeat(20_000_000);
  stage.play = (turn) => turn.reply(text);
  const socket = open.socket();
  let isClosed = false;
  socket.on("close", () => {
    isClosed = true;
  });
  socket.on("error", () => undefined);
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${hello.length}\r\n\r\n${hello}`,
  );
  socket.pause();
  await eventually(() => stage.accepted.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  let received = 0;
  socket.on("data", (chunk) => {
    received += chunk.length;
  });
  socket.resume();
  await eventually(() => isClosed);

  expect(received).toBeLessThan(text.length);
});

test("a quiet connection that waits for its turn is kept past the time for stalled clients", async () => {
  await open.close();
  await openWith({ stalledClientMs: 100 });
  stage.play = (turn) => void setTimeout(() => turn.reply("Late."), 400);

  expect(await postRaw(hello)).toContain("Late.");
});

test("what is not HTTP behind a request that is being answered ends the connection and not up in its answer", async () => {
  stage.play = (turn) => void setTimeout(() => turn.say("Hello"), 20);
  const body = JSON.stringify({ model: "ana", stream: true, messages: [{ role: "user", content: "hello" }] });
  const answer = await raw(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}HELLO THERE\r\n\r\n`,
  );

  expect(answer).not.toContain("400 Bad Request");
  await eventually(() => openWaits(stage) === 0);
});

test("connections past the bound are turned away, counted, and not each a line in the log", async () => {
  await open.close();
  await openWith({ connections: 2 });
  const held = [open.socket(), open.socket()];
  await Promise.all(held.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
  const refused = await Promise.all(
    Array.from({ length: 5 }, () => raw("GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").catch(() => "")),
  );

  expect(refused).toEqual(Array(5).fill(""));
  await eventually(() => stage.metrics.render().includes("http_connections_refused_total 5"));
  expect(stage.logged.filter(({ event }) => event === "gateway.connection_refused")).toHaveLength(1);
});
