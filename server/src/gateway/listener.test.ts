import { mkdtempSync, rmSync, statSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TroupeError } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AdminRoute } from "./deps.ts";
import { type Answered, createStage, eventually, type Stage } from "./fixtures.ts";
import { createAdminApp, createGateway } from "./gateway.ts";
import type { Listening } from "./listener.ts";
import { findPortHolder, listenersIn, programName } from "./port-holder.ts";

let stage: Stage;
let folder: string;
const open: Listening[] = [];

beforeEach(() => {
  stage = createStage();
  folder = mkdtempSync(join(tmpdir(), "troupe-socket-"));
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((listening) => listening.close({ graceMs: 0 })));
  rmSync(folder, { recursive: true, force: true });
});

async function openGateway(port = 0): Promise<Listening> {
  const gateway = createGateway({ ...stage.deps, config: { host: "127.0.0.1", port } });
  const listening = await gateway.listen({ setting: "server.port in ~/.troupe/troupe.yaml" });
  open.push(listening);
  return listening;
}

/** A request over a Unix domain socket. */
function overSocket(
  socketPath: string,
  path: string,
  options: { readonly method?: string; readonly body?: unknown; readonly host?: string } = {},
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", host: options.host ?? "troupe" };
    const outgoing = httpRequest(
      { socketPath, path, method: options.method ?? "GET", headers },
      (incoming) => {
        let text = "";
        incoming.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, text }));
      },
    );
    outgoing.on("error", reject);
    outgoing.end(options.body === undefined ? undefined : JSON.stringify(options.body));
  });
}

test("a taken port is an error that names the port, who has it and the setting", async () => {
  const other = createServer();
  const port = await new Promise<number>((resolve) => {
    other.listen(0, "127.0.0.1", () => resolve((other.address() as { port: number }).port));
  });
  const error = await openGateway(port).catch((thrown: unknown) => thrown);
  other.close();

  expect(TroupeError.is(error, "port.taken")).toBe(true);
  const { message } = error as TroupeError;
  expect(message).toMatch(
    new RegExp(`^Port ${port} is taken.*set server\\.port in ~/\\.troupe/troupe\\.yaml\\.$`),
  );
  if (process.platform === "linux") {
    // Node calls its own main thread "MainThread"; people know programs by what was started.
    expect(message).toMatch(new RegExp(`\\(by node [\\w.-]+, pid ${process.pid}\\)\\. Stop that program`));
  }
});

test.each([
  [["/usr/sbin/nginx", "-g", "daemon off;"], "nginx"],
  [
    ["/opt/node/bin/node", "--max-semi-space-size=4", "/srv/troupe/server/src/cli/main.ts", "up"],
    "another Troupe",
  ],
  [["python3", "/srv/app/serve.py"], "python3 serve.py"],
  [["node"], "node"],
  [["nginx: master process /usr/sbin/nginx"], "nginx: master process"],
  [[""], "a program"],
])("a program that was started as %j is called %s", (words, name) => {
  expect(programName(words)).toBe(name);
});

test("an address that is not of this machine is a setting to change", async () => {
  const gateway = createGateway({ ...stage.deps, config: { host: "192.0.2.1", port: 0 } });
  const error = await gateway.listen().catch((thrown: unknown) => thrown);

  expect(TroupeError.is(error, "config.invalid")).toBe(true);
});

test("the holder of a port is read from Linux's table", async () => {
  const table = [
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0 100 0 0 10 0",
    "   1: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 99999 1 0 100 0 0 10 0",
    "   2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 55555 1 0 100 0 0 10 0",
  ].join("\n");

  expect(listenersIn(table, 8080)).toEqual(["12345"]);
  expect(await findPortHolder(1)).toBeUndefined();
});

test("closing lets a running answer end", async () => {
  stage.play = () => undefined;
  const key = stage.addKey();
  const listening = await openGateway();
  const answer: Promise<Answered> = fetch(`${listening.address}/api/agents/ana/messages`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ text: "hello", session: "s" }),
  });
  await eventually(() => stage.accepted.length === 1);
  const closed = listening.close({ graceMs: 5_000 });
  stage.accepted[0]?.reply("Just in time.");

  expect((await (await answer).json()).text).toBe("Just in time.");
  await closed;
  await expect(fetch(`${listening.address}/health`)).rejects.toThrow();
});

test("past the grace, waiting clients are told that the turn goes on", async () => {
  stage.play = (turn) => turn.say("Once");
  const key = stage.addKey();
  const listening = await openGateway();
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const send = (path: string, body: unknown, more: Record<string, string> = {}): Promise<Response> =>
    fetch(`${listening.address}${path}`, {
      method: "POST",
      headers: { ...headers, ...more },
      body: JSON.stringify(body),
    });
  const messages = [{ role: "user", content: "hello" }];
  const completion = await send("/v1/chat/completions", { model: "ana", stream: true, messages });
  const events = await send("/api/agents/ana/messages", { text: "hello" }, { accept: "text/event-stream" });
  const whole = send("/api/agents/ana/messages", { text: "hello" });
  await eventually(() => stage.accepted.length === 3);
  const started = Date.now();
  const closed = listening.close({ graceMs: 100 });

  expect(await completion.text()).toContain('"code":"not_ready"');
  expect(await events.text()).toContain(": Troupe is closing; the turn is kept and goes on.");
  const told = await whole;
  expect(told.status).toBe(503);
  expect(await told.json()).toMatchObject({ code: "not_ready", turnId: stage.accepted[2]?.id });
  await closed;
  expect(Date.now() - started).toBeLessThan(2_000);
  expect(stage.cancelled).toEqual([]);
});

test("closing does not wait for connections that never asked anything", async () => {
  const listening = await openGateway();
  const socket = connect(listening.port, "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  await fetch(`${listening.address}/health`);
  const started = Date.now();
  await listening.close({ graceMs: 5_000 });

  expect(Date.now() - started).toBeLessThan(1_000);
});

test("closing cuts off a client that does not go by itself", async () => {
  const listening = await openGateway();
  const socket = connect(listening.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n");
  await new Promise((resolve) => setTimeout(resolve, 50));
  const started = Date.now();
  await listening.close({ graceMs: 50 });
  socket.destroy();

  expect(Date.now() - started).toBeLessThan(2_000);
});

const adminRoutes: readonly AdminRoute[] = [
  {
    method: "POST",
    path: "/admin/echo/:name",
    handle: async ({ params, query, principal, json }) => ({
      name: params.name,
      loud: query.get("loud"),
      by: principal.kind,
      body: await json(),
    }),
  },
  { method: "DELETE", path: "/admin/nothing", handle: () => undefined },
  {
    method: "GET",
    path: "/admin/fails",
    handle: () => {
      throw new TroupeError("The store is full.", { code: "store.full" });
    },
  },
];

test("the admin socket is the operator's alone: mode 0600, no key, the same routes and its own", async () => {
  const socketPath = join(folder, "troupe.sock");
  open.push(await createAdminApp({ ...stage.deps, adminRoutes }).listen({ socketPath }));

  expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  expect((await overSocket(socketPath, "/api/status")).text).toBe('{"waiting":0}');
  const echo = await overSocket(socketPath, "/admin/echo/ana?loud=yes", { method: "POST", body: { a: 1 } });
  expect(JSON.parse(echo.text)).toEqual({ name: "ana", loud: "yes", by: "operator", body: { a: 1 } });
  expect((await overSocket(socketPath, "/admin/nothing", { method: "DELETE" })).status).toBe(204);
  const fails = await overSocket(socketPath, "/admin/fails");
  expect(fails.status).toBe(507);
  expect(JSON.parse(fails.text).code).toBe("store.full");
});

test("admin routes are not on the port", async () => {
  const key = stage.addKey({ kind: "operator" });
  const listening = await openGateway();
  const response = await fetch(`${listening.address}/admin/fails`, {
    headers: { authorization: `Bearer ${key}` },
  });

  expect(response.status).toBe(404);
});

test("a socket that a dead process left is taken over, one that is answered is not", async () => {
  const socketPath = join(folder, "troupe.sock");
  const first = await createAdminApp(stage.deps).listen({ socketPath });
  const second = await createAdminApp(stage.deps)
    .listen({ socketPath })
    .catch((thrown: unknown) => thrown);
  expect(TroupeError.is(second, "home.locked")).toBe(true);
  await first.close({ graceMs: 0 });

  // What a killed process leaves: a socket file that nobody listens on.
  const { spawnSync } = await import("node:child_process");
  const script = `require("net").createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", script]);
  expect(statSync(socketPath).isSocket()).toBe(true);
  open.push(await createAdminApp(stage.deps).listen({ socketPath }));
  expect((await overSocket(socketPath, "/health")).status).toBe(200);
});

test("in process the operator talks to the same app, streams included", async () => {
  const admin = createAdminApp({ ...stage.deps, adminRoutes });
  const sent = await admin.fetch(
    new Request("http://troupe/api/agents/ana/messages", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify({ text: "hello", session: "s" }),
    }),
  );
  const text = await sent.text();

  expect(text).toContain("event: end");
  expect(stage.accepted[0]).toMatchObject({
    principal: { kind: "operator", id: "operator" },
    message: { channel: "terminal", peerId: "operator", audience: ["operator"] },
  });
  const status = await admin.fetch(new Request("http://troupe/api/status"));
  expect(await status.json()).toEqual({ waiting: 0 });
});

test("in process a reader that goes away is noticed", async () => {
  stage.play = (turn) => turn.say("a");
  const admin = createAdminApp(stage.deps);
  const sent = await admin.fetch(
    new Request("http://troupe/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "ana", stream: true, messages: [{ role: "user", content: "hello" }] }),
    }),
  );
  await sent.body?.cancel();
  await eventually(() => stage.cancelled.length === 1);

  expect(stage.cancelled[0]?.turnId).toBe(stage.accepted[0]?.id);
});

test("before all is ready the operator may look around, and work is accepted by nobody", async () => {
  stage.readiness = { ready: false, reasons: ["The store is opening."] };
  const admin = createAdminApp(stage.deps);
  const status = await admin.fetch(new Request("http://troupe/api/status"));
  const work = await admin.fetch(
    new Request("http://troupe/api/agents/ana/messages", {
      method: "POST",
      body: JSON.stringify({ text: "hello" }),
    }),
  );

  expect(status.status).toBe(200);
  expect(work.status).toBe(503);
});

test("a key that is revoked over the admin face is refused at the gateway at once", async () => {
  const key = stage.addKey({ id: "key-9" });
  const listening = await openGateway();
  const ask = (): Promise<Response> =>
    fetch(`${listening.address}/api/agents`, { headers: { authorization: `Bearer ${key}` } });
  expect((await ask()).status).toBe(200);

  await createAdminApp(stage.deps).fetch(new Request("http://troupe/api/keys/key-9", { method: "DELETE" }));
  expect((await ask()).status).toBe(401);
});
