import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ScriptedModelServer, startScriptedModelServer } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type Frame,
  openSocket,
  type SocketClient,
} from "../../server/src/gateway/websocket/fixture-client.ts";
import { type HomeStore, openHomeStore } from "../lab/home-store.ts";

/** A real server that is killed in mid-turn, and a client that comes back. */

const CHILD = fileURLToPath(new URL("./serve-child.ts", import.meta.url));

let home: string;
let store: HomeStore;
let model: ScriptedModelServer;
let child: ChildProcess | undefined;
const clients: SocketClient[] = [];

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "troupe-ws-"));
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
});

afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.terminate();
  await kill();
  await model.close();
  await store[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

async function start(): Promise<{ readonly address: string; readonly key: string | undefined }> {
  child = fork(CHILD, { env: { ...process.env, TROUPE_HOME: home, XDG_RUNTIME_DIR: home } });
  const [ready] = (await once(child, "message")) as [{ address: string; key?: string }];
  return { address: ready.address, key: ready.key };
}

async function kill(): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

async function connect(address: string, key: string): Promise<SocketClient> {
  const client = openSocket(address, { headers: { authorization: `Bearer ${key}` } });
  clients.push(client);
  await client.of("welcome");
  return client;
}

const isEnd = (frame: Frame): boolean => frame.type === "event" && frame.event.type === "end";

async function until(isIt: () => boolean): Promise<void> {
  while (!isIt()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("a server killed in mid-turn loses nothing: the client comes back, is told what it missed once, and the new attempt replaces", async () => {
  const first = await start();
  const key = first.key ?? "";
  const client = await connect(first.address, key);
  client.send({ type: "send", id: "m-1", agent: "ana", session: "s", text: "one" });
  const { sessionId } = await client.of("accepted");
  await client.next(isEnd);
  client.send({ type: "subscribe", id: "s-1", session: sessionId });
  await client.of("subscribed");
  // The model says half of its answer and then nothing: this is where the server dies.
  model.setRule(() => ({ text: "Half of an answer", hang: "middle" }));
  client.send({ type: "send", id: "m-2", agent: "ana", session: "s", text: "two" });
  const { turnId, seq } = await client.next((frame) => frame.type === "accepted" && frame.id === "m-2");
  await until(() => client.frames.some((frame) => frame.type === "message" && frame.seq === seq));
  await until(() => client.shown(turnId) !== "");
  await kill();
  expect((await client.closed).code).toBe(1006);

  model.setRule(() => ({ text: "The whole answer." }));
  const second = await start();
  const again = await connect(second.address, key);
  // The client does not know whether its message was kept, so it sends it again, and asks for what it missed.
  again.send({ type: "send", id: "m-2", agent: "ana", session: "s", text: "two" });
  const joined = await again.of("joined");
  again.send({
    type: "subscribe",
    id: "s-2",
    session: sessionId,
    after: seq,
    turns: [{ id: turnId, attempt: 1, n: 0 }],
  });
  const end = await again.next(isEnd);
  // What is kept comes beside the live events, so after the end as well as before it.
  await until(() => again.frames.some((frame) => frame.type === "message" && frame.seq === seq + 1));

  expect(joined).toMatchObject({ turnId, sessionId });
  expect(end.event).toMatchObject({ turnId, state: "replied", text: "The whole answer.", attempt: 2 });
  expect(again.shown(turnId)).toBe("The whole answer.");
  const told = [...client.frames, ...again.frames].filter((frame) => frame.type === "message");
  const after = told.filter((frame) => frame.message.turnId === turnId);
  expect(after.map((frame) => [frame.seq, frame.message.role])).toEqual([
    [seq, "user"],
    [seq + 1, "assistant"],
  ]);
});

test("whoever listens is told when a message is kept, and again when its answer is", async () => {
  const { address, key = "" } = await start();
  const listener = await connect(address, key);
  listener.send({ type: "listen", id: "l" });
  await listener.of("listening");
  const client = await connect(address, key);
  client.send({ type: "send", id: "m-1", agent: "ana", session: "s", text: "one" });
  const { sessionId } = await client.of("accepted");
  await client.next(isEnd);

  expect(await listener.of("changed")).toEqual({ type: "changed", sessionId });
  expect(await listener.of("changed")).toEqual({ type: "changed", sessionId });
});
