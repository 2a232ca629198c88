import { afterEach, expect, test } from "vitest";
import { createRateLimit, type RateLimit } from "../kit/index.ts";
import { createStillClock } from "./fixture-clock.ts";
import { type OpenGateway, openGateway } from "./fixture-http.ts";
import { openSocket } from "./websocket/fixture-client.ts";

let open: OpenGateway | undefined;
const clock = createStillClock();

afterEach(async () => {
  await open?.close();
  open = undefined;
});

function limit(perMinute: number): RateLimit {
  return createRateLimit({ clock, perMinute: () => perMinute });
}

async function limited(rates: { readonly address?: number; readonly key?: number }): Promise<OpenGateway> {
  open = await openGateway({
    clock,
    rates: { address: limit(rates.address ?? 0), key: limit(rates.key ?? 0) },
  });
  return open;
}

test("a key may ask so often in a minute, is told what is left, and then when to come back", async () => {
  const at = await limited({ key: 3 });
  const first = await at.call("/v1/models");
  await at.call("/v1/models");
  await at.call("/v1/models");
  const refused = await at.call("/v1/models");
  const other = at.stage.addKey({ id: "key-2" });
  const others = await at.call("/v1/models", { headers: { authorization: `Bearer ${other}` } });

  expect(first.headers.get("ratelimit-policy")).toBe('"key";q=3;w=60');
  expect(first.headers.get("ratelimit")).toBe('"key";r=2;t=20');
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "20"]);
  expect(refused.headers.get("ratelimit")).toBe('"key";r=0;t=20');
  expect(await refused.json()).toMatchObject({ error: { code: "rate.limited", type: "rate_limit_error" } });
  expect(others.status).toBe(200);

  clock.advance(20_000);
  expect((await at.call("/v1/models")).status).toBe(200);
});

test("an address may ask so often, whatever keys it shows; health and readiness are not counted", async () => {
  const at = await limited({ address: 2 });
  const other = at.stage.addKey({ id: "key-2" });
  await at.call("/v1/models");
  await at.call("/v1/models", { headers: { authorization: `Bearer ${other}` } });
  const refused = await at.call("/api/sessions");
  const health = await at.call("/health");

  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({ code: "rate.limited" });
  expect(health.status).toBe(200);
  const page = at.stage.metrics.render();
  expect(page).toContain('http_requests_limited_total{scope="address"} 1');
});

test("frames of a WebSocket count as requests, and its handshake for the address", async () => {
  const at = await limited({ key: 1, address: 1 });
  const headers = { authorization: `Bearer ${at.key}` };
  const client = openSocket(at.listening.address, { headers });
  await client.of("welcome");
  client.send({ type: "send", id: "m-1", agent: "ana", session: "s", text: "hi" });
  await client.of("accepted");
  client.send({ type: "send", id: "m-2", agent: "ana", session: "s", text: "hi" });

  expect(await client.of("error")).toMatchObject({ id: "m-2", code: "rate.limited", retryAfterMs: 60_000 });
  expect((await openSocket(at.listening.address, { headers }).refused).status).toBe(429);
  client.socket.terminate();
});

const page = "https://app.example";

async function withPage(): Promise<OpenGateway> {
  open = await openGateway({ config: { corsOrigins: [page] } });
  return open;
}

test("a page of an allowed origin may read answers, errors included, and never with cookies", async () => {
  const at = await withPage();
  const good = await at.call("/v1/models", { headers: { origin: page } });
  const bad = await at.call("/v1/models", { headers: { origin: page, authorization: "Bearer trp_wrong" } });

  expect([good.status, bad.status]).toEqual([200, 401]);
  for (const { headers } of [good, bad]) {
    expect(headers.get("access-control-allow-origin")).toBe(page);
    expect(headers.get("vary")).toContain("Origin");
    expect(headers.get("access-control-expose-headers")).toContain("x-troupe-turn");
    expect(headers.has("access-control-allow-credentials")).toBe(false);
  }
});

test("its streams too", async () => {
  const at = await withPage();
  const body = { model: "ana", stream: true, messages: [{ role: "user", content: "hi" }] };
  const stream = await at.post(body, { origin: page });

  expect(stream.headers.get("access-control-allow-origin")).toBe(page);
  expect(await stream.text()).toContain("[DONE]");
});

test("its preflight is answered without a key; that of other pages is refused, and a plain OPTIONS is not found", async () => {
  const at = await withPage();
  const ask = (origin: string, headers: Record<string, string> = {}) =>
    fetch(`${at.listening.address}/v1/chat/completions`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", ...headers },
    });
  const good = await ask(page, { "access-control-request-headers": "authorization, x-stainless-os" });
  const odd = await ask(page, { "access-control-request-headers": "a b" });
  const foreign = await ask("https://evil.example");
  const plain = await fetch(`${at.listening.address}/v1/models`, { method: "OPTIONS" });

  expect(good.status).toBe(204);
  expect(good.headers.get("access-control-allow-methods")).toContain("POST");
  expect(good.headers.get("access-control-allow-headers")).toBe("authorization, x-stainless-os");
  expect(odd.headers.get("access-control-allow-headers")).toBe("authorization, content-type");
  expect([foreign.status, foreign.headers.get("access-control-allow-origin")]).toEqual([403, null]);
  expect(plain.status).toBe(404);
});
