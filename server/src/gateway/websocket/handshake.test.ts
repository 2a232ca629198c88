import { afterEach, expect, test } from "vitest";
import { createStillClock, eventually } from "../fixtures.ts";
import { createSocketStage, openSocket } from "./fixture-client.ts";

const { gateway, connect, welcomed, hold, end } = createSocketStage();

afterEach(end);

test("the key may come in the first frame; a wrong one, or none in time, closes", async () => {
  const clock = createStillClock();
  const at = await gateway({ clock });
  const good = connect(at, {});
  await eventually(() => good.socket.readyState === good.socket.OPEN);
  good.send({ type: "hello", key: at.key });
  expect(await good.of("welcome")).toMatchObject({ v: 1, principal: { kind: "key", id: "key-1" } });

  const wrong = connect(at, {});
  await eventually(() => wrong.socket.readyState === wrong.socket.OPEN);
  wrong.send({ type: "hello", key: "trp_wrong" });
  expect(await wrong.of("error")).toMatchObject({ code: "auth.invalid" });
  expect((await wrong.closed).code).toBe(4401);

  const silent = connect(at, {});
  await eventually(() => silent.socket.readyState === silent.socket.OPEN);
  clock.advance(10_000);
  expect((await silent.closed).code).toBe(4408);
});

test("nobody is served before showing a key", async () => {
  const at = await gateway();
  const client = connect(at, {});
  await eventually(() => client.socket.readyState === client.socket.OPEN);
  client.send({ type: "send", id: "m-1", agent: "ana", text: "hi" });

  expect((await client.closed).code).toBe(4401);
  expect(at.stage.accepted).toHaveLength(0);
});

test("the handshake is refused for strange hosts, strange pages, wrong keys, wrong paths, and before Troupe is ready", async () => {
  const at = await gateway();
  const key = { authorization: `Bearer ${at.key}` };
  const host = await connect(at, { ...key, host: "evil.example" }).refused;
  const origin = await connect(at, { ...key, origin: "https://evil.example" }).refused;
  const wrong = await connect(at, { authorization: "Bearer trp_wrong" }).refused;
  const path = openSocket(`${at.listening.address}/api`, { headers: key });
  hold(path);
  const elsewhere = await path.refused;
  at.stage.readiness = { ready: false, reasons: ["The store is read-only."] };
  const early = await connect(at, key).refused;

  expect([host, origin, wrong, elsewhere, early].map(({ status }) => status)).toEqual([
    403, 403, 401, 404, 503,
  ]);
  expect(JSON.parse(early.body)).toMatchObject({ code: "not_ready" });
});

test("a plain request to the path is told how to connect, and other upgrades are answered in HTTP", async () => {
  const at = await gateway();
  const plain = await at.call("/ws");
  expect([plain.status, plain.headers.get("upgrade")]).toEqual([426, "websocket"]);
  expect(await at.rawGet("/health", { upgrade: "h2c", connection: "upgrade, close" })).toContain(
    "HTTP/1.1 200",
  );
});

test("connections that are reset in the middle of a handshake, taken or refused, harm nobody", async () => {
  const at = await gateway();
  const handshake = (key: string): string =>
    [
      "GET /ws HTTP/1.1",
      `host: 127.0.0.1:${at.listening.port}`,
      "connection: upgrade",
      "upgrade: websocket",
      "sec-websocket-version: 13",
      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
      `authorization: Bearer ${key}`,
      "\r\n",
    ].join("\r\n");
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  process.on("uncaughtException", note);
  try {
    for (const key of [at.key, "trp_wrong", at.key, "trp_wrong"]) {
      for (const waitMs of [0, 5]) {
        const socket = at.socket();
        await new Promise((resolve) => socket.once("connect", resolve));
        socket.on("error", () => undefined);
        socket.write(handshake(key));
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        socket.resetAndDestroy();
      }
    }
    await welcomed(at);
  } finally {
    process.off("uncaughtException", note);
  }

  expect(uncaught).toEqual([]);
});

test("a revoked key ends its connections", async () => {
  const clock = createStillClock();
  const at = await gateway({ clock });
  const client = await welcomed(at);
  const { stores, keyRing } = at.stage.deps;
  await stores.unit.commit([stores.keys.revoke("key-1", clock.now())], {
    signal: AbortSignal.timeout(1_000),
  });
  keyRing.clear();
  clock.advance(15_000);

  expect((await client.closed).code).toBe(4401);
});
