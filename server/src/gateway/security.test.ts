import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FaceLimits } from "./deps.ts";
import { type Answered, createStage, eventually, openWaits, type Stage } from "./fixtures.ts";
import { createGateway, createMetricsListener } from "./gateway.ts";
import type { Listening } from "./listener.ts";

let stage: Stage;
let listening: Listening;
let key: string;
const sockets: Socket[] = [];

async function open(limits: Partial<FaceLimits> = {}): Promise<void> {
  stage = createStage({ limits });
  key = stage.addKey();
  const config = {
    host: "127.0.0.1",
    port: 0,
    allowedHosts: ["troupe.example", "other.example:8443"],
    allowedOrigins: ["https://pages.example"],
  };
  listening = await createGateway({ ...stage.deps, config }).listen();
}

beforeEach(() => open());

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await listening.close({ graceMs: 0 });
});

/** Sends bytes as they are and resolves with all that comes until the other side closes. */
function raw(bytes: string | Buffer, port = listening.port): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    sockets.push(socket);
    let seen = "";
    socket.on("data", (chunk) => {
      seen += chunk.toString("latin1");
    });
    socket.on("close", () => resolve(seen));
    socket.on("error", (error) => (seen === "" ? reject(error) : resolve(seen)));
    socket.write(bytes);
  });
}

function get(path: string, headers: Record<string, string> = {}, port?: number): Promise<string> {
  const all = {
    host: `127.0.0.1:${listening.port}`,
    authorization: `Bearer ${key}`,
    connection: "close",
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return raw(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`, port);
}

const statusOf = (text: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);

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

test.each(["/v1/models", "/api/sessions", "/api/agents", "/api/turns/x", "/api/keys", "/api/status"])(
  "%s needs a key",
  async (path) => {
    const without = await fetch(`${listening.address}${path}`);
    const wrong: Answered = await fetch(`${listening.address}${path}`, {
      headers: { authorization: "Bearer trp_nothing" },
    });

    expect(without.status).toBe(401);
    expect(without.headers.get("www-authenticate")).toBe('Bearer realm="troupe"');
    expect(wrong.status).toBe(401);
    const body = await wrong.json();
    expect(body.code ?? body.error.code).toBe("auth.invalid");
  },
);

test("a key may come as x-api-key, and schemes other than bearer are no key", async () => {
  const asHeader = await fetch(`${listening.address}/v1/models`, { headers: { "x-api-key": key } });
  const basic = await fetch(`${listening.address}/v1/models`, { headers: { authorization: `Basic ${key}` } });

  expect(asHeader.status).toBe(200);
  expect(basic.status).toBe(401);
});

test.each([
  "evil.example",
  "evil.example:8080",
  "127.0.0.1.evil.example",
  "localhost.evil.example",
  "10.0.0.1",
  "[::2]",
  "0.0.0.0",
])("the foreign Host %s is refused on every route", async (host) => {
  for (const path of ["/", "/health", "/ready", "/v1/models", "/nowhere"]) {
    expect(statusOf(await get(path, { host })), path).toBe(403);
  }
});

test.each(["localhost", "LOCALHOST:1234", "127.0.0.1", "[::1]:8080", "troupe.example", "other.example:8443"])(
  "the Host %s is ours",
  async (host) => {
    expect(statusOf(await get("/v1/models", { host }))).toBe(200);
  },
);

test("an allowed host with a port is allowed with that port alone", async () => {
  expect(statusOf(await get("/v1/models", { host: "other.example:1" }))).toBe(403);
});

test("a foreign Origin is refused, and no answer carries CORS headers", async () => {
  const own = `127.0.0.1:${listening.port}`;
  for (const origin of [
    "https://evil.example",
    "null",
    `http://127.0.0.1:${listening.port + 1}`,
    `http://localhost:${listening.port}`,
  ]) {
    const answer = await get("/v1/models", { origin });
    expect(statusOf(answer), origin).toBe(403);
    expect(answer).toContain("auth.forbidden");
    expect(answer.toLowerCase()).not.toContain("access-control-");
  }
  expect(statusOf(await get("/v1/models", { origin: `http://${own}` }))).toBe(200);
  expect(statusOf(await get("/v1/models", { origin: "https://pages.example" }))).toBe(200);
  expect(
    statusOf(await get("/v1/models", { host: "troupe.example", origin: "https://troupe.example" })),
  ).toBe(200);
});

test("a preflight of a foreign page is refused", async () => {
  const answer = await raw(
    "OPTIONS /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\norigin: https://evil.example\r\naccess-control-request-method: POST\r\nconnection: close\r\n\r\n",
  );

  expect(statusOf(answer)).toBe(403);
  expect(answer.toLowerCase()).not.toContain("access-control-allow");
});

test("the page is plain, without scripts, under a policy that forbids them", async () => {
  const response = await fetch(`${listening.address}/`, { headers: { "accept-language": "uk,en;q=0.5" } });
  const html = await response.text();
  const policy = response.headers.get("content-security-policy") ?? "";

  expect(html).toContain('<html lang="uk">');
  expect(html).toContain(`http://127.0.0.1:${listening.port}/v1/chat/completions`);
  expect(html).not.toContain("<script");
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  for (const [name, value] of [
    ["x-content-type-options", "nosniff"],
    ["cache-control", "no-store"],
    ["referrer-policy", "no-referrer"],
  ] as const) {
    expect(response.headers.get(name)).toBe(value);
  }
});

test("until ready everything but health, readiness and the page is told not_ready", async () => {
  stage.readiness = { ready: false, reasons: ["The store is opening."] };
  const ready = await fetch(`${listening.address}/ready`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toEqual({ ready: false, reasons: ["The store is opening."] });
  expect(await (await fetch(`${listening.address}/health`)).json()).toEqual({
    status: "ok",
    version: "1.2.3-test",
  });
  expect((await fetch(`${listening.address}/`)).status).toBe(200);

  const refused = await fetch(`${listening.address}/api/sessions`, {
    headers: { authorization: `Bearer ${key}` },
  });
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(await refused.json()).toMatchObject({
    code: "not_ready",
    detail: expect.stringContaining("The store is opening."),
  });

  stage.readiness = { ready: true, reasons: [] };
  expect((await fetch(`${listening.address}/ready`)).status).toBe(200);
});

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

test("an announced body that is too large is refused before it is read", async () => {
  const answer = await raw(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\ncontent-length: 99999999\r\nconnection: close\r\n\r\n{`,
  );

  expect(statusOf(answer)).toBe(413);
  expect(answer).toContain("request.too_large");
});

test("a body that grows too large without announcing it is refused, and its connection closed", async () => {
  await listening.close({ graceMs: 0 });
  await open({ bodyBytes: 10_000 });
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

test("a body of exactly the limit is taken", async () => {
  await listening.close({ graceMs: 0 });
  await open({ bodyBytes: hello.length });
  const taken = await postRaw(hello);
  const oneMore = await postRaw(Buffer.concat([hello, Buffer.from(" ")]));

  expect(statusOf(taken)).toBe(200);
  expect(statusOf(oneMore)).toBe(413);
});

test("headers that trickle in are cut off in time", async () => {
  await listening.close({ graceMs: 0 });
  await open({ headersTimeoutMs: 200, requestTimeoutMs: 400 });
  const started = Date.now();
  const answer = await raw("GET /v1/models HTTP/1.1\r\nhost: localhost\r\n");

  expect(statusOf(answer)).toBe(408);
  expect(answer).toContain("request.timeout");
  expect(Date.now() - started).toBeLessThan(3_000);
});

test("a body that trickles in is cut off in time", async () => {
  await listening.close({ graceMs: 0 });
  await open({ headersTimeoutMs: 200, requestTimeoutMs: 400 });
  const answer = await raw(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\ncontent-length: 100\r\n\r\n{`,
  );

  expect(statusOf(answer)).toBe(408);
  expect(stage.accepted).toHaveLength(0);
});

test("what is not HTTP is told so", async () => {
  expect(statusOf(await raw("HELLO\r\n\r\n"))).toBe(400);
  expect(statusOf(await raw(`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"y".repeat(40_000)}\r\n\r\n`))).toBe(
    431,
  );
  expect(statusOf(await raw("GET / HTTP/1.1\r\nconnection: close\r\n\r\n"))).toBe(400);
  expect(statusOf(await raw("GET / HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n"))).toBe(400);
});

test("a client that stops reading is let go, and its turn goes on", async () => {
  await listening.close({ graceMs: 0 });
  await open({ bufferedBytes: 64 * 1024 });
  stage.play = () => undefined;
  const socket = connect(listening.port, "127.0.0.1");
  sockets.push(socket);
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
  await listening.close({ graceMs: 0 });
  await open({ stalledClientMs: 200 });
  const text = "x".repeat(20_000_000);
  stage.play = (turn) => turn.reply(text);
  const socket = connect(listening.port, "127.0.0.1");
  sockets.push(socket);
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
  await listening.close({ graceMs: 0 });
  await open({ stalledClientMs: 100 });
  stage.play = (turn) => void setTimeout(() => turn.reply("Late."), 400);

  expect(await postRaw(hello)).toContain("Late.");
});

test("the counters are on a port of their own, under our names alone", async () => {
  const metrics = await createMetricsListener({
    ...stage.deps,
    config: { host: "127.0.0.1", port: 0 },
  }).listen();
  await fetch(`${listening.address}/health`);
  const page = await get("/metrics", { host: "localhost" }, metrics.port);
  const foreign = await get("/metrics", { host: "evil.example" }, metrics.port);
  const other = await get("/v1/models", { host: "localhost" }, metrics.port);
  await metrics.close({ graceMs: 0 });

  expect(page).toContain('http_requests_total{route="/health",status="200"} 1');
  expect(statusOf(foreign)).toBe(403);
  expect(statusOf(other)).toBe(404);
  expect(statusOf(await get("/metrics"))).toBe(404);
});
