import { afterEach, beforeEach, expect, test } from "vitest";
import { createFace } from "./face.ts";
import { type OpenGateway, openGateway, requestText, statusOf } from "./fixture-http.ts";
import { type Answered, createStillClock, type Stage } from "./fixtures.ts";
import { createMetricsListener, routesOf } from "./gateway.ts";

let open: OpenGateway;
let stage: Stage;
let listening: OpenGateway["listening"];
let key: string;
let raw: OpenGateway["raw"];
let get: OpenGateway["rawGet"];

async function openWith(options?: Parameters<typeof openGateway>[0]): Promise<void> {
  open = await openGateway({
    config: {
      allowedHosts: ["troupe.example", "other.example:8443"],
      allowedOrigins: ["https://pages.example"],
    },
    ...options,
  });
  ({ stage, listening, key, raw, rawGet: get } = open);
}

beforeEach(() => openWith());

afterEach(() => open.close());

/** The status alone; a head without a body, since nothing of it may be read before the checks. */
async function statusFor(method: string, path: string, headers: Record<string, string>): Promise<number> {
  return statusOf(await raw(requestText(`${method} ${path}`, { ...headers, connection: "close" })));
}

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

test("of the whole table only these routes answer without a key, and none a foreign Host or Origin", async () => {
  const routes = routesOf(createFace(stage.deps, "api"));
  const publicRoutes = new Map([
    ["GET /", 200],
    ["GET /health", 200],
    ["GET /ready", 200],
    ["GET /api/openapi.json", 200],
    ["GET /ws", 426],
    // Until an operator offers agents to other programs.
    ["GET /.well-known/agent-card.json", 404],
    ["GET /a2a/:id/.well-known/agent-card.json", 404],
    // There is no build here, and no code in the request.
    ["GET /assets/:name", 404],
    ["POST /api/sign-in", 403],
  ]);
  for (const { method, path } of routes) {
    const ask = (headers: Record<string, string>): Promise<number> =>
      statusFor(method, path.replaceAll(/:\w+/g, "x"), headers);

    expect(await ask({ host: "localhost" }), `${method} ${path}`).toBe(
      publicRoutes.get(`${method} ${path}`) ?? 401,
    );
    for (const foreign of [{ host: "evil.example" }, { host: "localhost", origin: "https://evil.example" }]) {
      expect(await ask({ ...foreign, authorization: `Bearer ${key}` }), `${method} ${path}`).toBe(403);
    }
  }
  expect(routes.length).toBeGreaterThan(15);
});

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
  // On a phone nothing may hide behind an edge: long lines of the examples wrap.
  expect(html).toContain("white-space: pre-wrap");
  expect(html).toContain("./troupe key create --name mine");
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

test("the counters are on a port of their own, under our names alone", async () => {
  const metrics = await createMetricsListener({
    ...stage.deps,
    config: { host: "127.0.0.1", port: 0 },
  }).listen();
  await fetch(`${listening.address}/health`);
  const page = await get("/metrics", { host: "localhost" }, metrics.port);
  const foreign = await get("/metrics", { host: "evil.example" }, metrics.port);
  const other = await get("/v1/models", { host: "localhost" }, metrics.port);
  const head = await raw(
    requestText("HEAD /metrics", { host: "localhost", connection: "close" }),
    metrics.port,
  );
  await metrics.close({ graceMs: 0 });

  expect(page).toContain('http_requests_total{route="/health",status="200"} 1');
  expect(statusOf(head)).toBe(200);
  expect(statusOf(foreign)).toBe(403);
  expect(statusOf(other)).toBe(404);
  expect(statusOf(await get("/metrics"))).toBe(404);
});

test("guessing keys is bounded by address: told when to come back, counted, and no harm to who has a key", async () => {
  await open.close();
  await openWith({ clock: createStillClock() });
  const models = `${listening.address}/v1/models`;
  const ask = (guess: string): Promise<Answered> =>
    fetch(models, { headers: { authorization: `Bearer ${guess}` } });
  expect((await ask(key)).status).toBe(200);
  const guesses: Answered[] = [];
  for (let i = 0; i < 70; i++) guesses.push(await ask(`trp_guess-${i}`));
  const last = guesses.at(-1);

  expect(guesses.slice(0, 60).map(({ status }) => status)).toEqual(Array(60).fill(401));
  expect(last?.status).toBe(429);
  expect(Number(last?.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await last?.json())?.error).toMatchObject({ code: "rate.limited", type: "rate_limit_error" });
  expect((await ask(key)).status).toBe(200);
  expect((await fetch(models)).status).toBe(401);
  const page = stage.metrics.render();
  expect(page).toMatch(/^http_keys_refused_total\{reason="unknown"\} 60$/m);
  expect(page).toMatch(/^http_keys_refused_total\{reason="too_many"\} 10$/m);
  expect(page).toContain('http_keys_refused_total{reason="missing"} 1');
});

test("a supervisor may ask for the head alone, ready or not", async () => {
  const heads = async (): Promise<readonly number[]> => [
    await statusFor("HEAD", "/health", { host: "localhost" }),
    await statusFor("HEAD", "/ready", { host: "localhost" }),
  ];
  expect(await heads()).toEqual([200, 200]);
  expect(await raw(requestText("HEAD /health", { host: "localhost", connection: "close" }))).not.toContain(
    "{",
  );

  stage.readiness = { ready: false, reasons: ["The store is opening."] };
  expect(await heads()).toEqual([200, 503]);
});

test("a page of counters that cannot be made is an error of ours, told and logged", async () => {
  stage.metrics.probe("broken", "Throws.", () => {
    throw new Error("no number");
  });
  const metrics = await createMetricsListener({
    ...stage.deps,
    config: { host: "127.0.0.1", port: 0 },
  }).listen();
  const page = await get("/metrics", { host: "localhost" }, metrics.port);
  await metrics.close({ graceMs: 0 });

  expect(statusOf(page)).toBe(500);
  expect(page).toContain('"code":"internal"');
  expect(stage.logged.some(({ event }) => event === "gateway.request_failed")).toBe(true);
});
