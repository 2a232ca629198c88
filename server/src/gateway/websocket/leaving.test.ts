import { afterEach, expect, test } from "vitest";
import type { OpenGateway } from "../fixture-http.ts";
import { eventually, openWaits } from "../fixtures.ts";
import { createSocketStage } from "./fixture-client.ts";

/** Clients that leave, or read nothing, while something is looked up for them: nothing of them may stay. */

const { gateway, connect, welcomed, end } = createSocketStage();

afterEach(end);

interface Held {
  /** Somebody asks and waits. */
  readonly asked: Promise<void>;
  release(): void;
}

/** From now on the method answers only once it is released. */
function holdBack(of: object, method: string): Held {
  const found = (of as Record<string, (...args: unknown[]) => Promise<unknown>>)[method];
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  Object.assign(of, {
    async [method](...args: unknown[]) {
      asked.resolve();
      await released.promise;
      return found?.apply(of, args);
    },
  });
  return { asked: asked.promise, release: released.resolve };
}

const closedByClients = (at: OpenGateway, count: number): boolean =>
  at.stage.metrics.render().includes(`websocket_closed_total{reason="client"} ${count}`);

test("a client that leaves while its key is looked up takes no place of its key", async () => {
  const at = await gateway({ limits: { socketsPerKey: 1 } });
  const held = holdBack(at.stage.deps.stores.keys, "findByHash");
  const gone = connect(at, {});
  await eventually(() => gone.socket.readyState === gone.socket.OPEN);
  gone.send({ type: "hello", key: at.key });
  await held.asked;
  gone.socket.terminate();
  await eventually(() => closedByClients(at, 1));
  held.release();

  const next = connect(at);
  const told = await Promise.race([next.of("welcome"), next.closed]);
  expect(told).toMatchObject({ type: "welcome" });
});

test("a client that leaves while its session is looked up leaves no watch behind", async () => {
  const at = await gateway();
  at.stage.play = (turn) => turn.say("On and on");
  const first = await welcomed(at);
  first.send({ type: "send", id: "m-1", agent: "ana", session: "s", watch: false, text: "go" });
  const { sessionId } = await first.of("accepted");
  const bells = new Set<unknown>();
  const { bus, stores } = at.stage.deps;
  const { subscribe } = bus;
  Object.assign(bus, {
    subscribe(...args: Parameters<typeof subscribe>) {
      const bell = subscribe(...args);
      bells.add(bell);
      return { [Symbol.dispose]: () => void (bells.delete(bell) && bell[Symbol.dispose]()) };
    },
  });
  const held = holdBack(stores.sessions, "get");
  const gone = await welcomed(at);
  gone.send({ type: "subscribe", id: "s-1", session: sessionId });
  await held.asked;
  gone.socket.terminate();
  await eventually(() => closedByClients(at, 1));
  held.release();

  // Frames of another connection come after what was held back.
  const other = await welcomed(at);
  other.send({ type: "subscribe", id: "s-2", session: sessionId });
  await other.of("subscribed");
  expect(bells.size).toBe(1);
  other.send({ type: "unsubscribe", id: "u", session: sessionId });
  await other.of("unsubscribed");
  expect(bells.size).toBe(0);
});

test("a client that leaves before its message is accepted waits for nothing", async () => {
  const at = await gateway();
  at.stage.play = () => undefined;
  const held = holdBack(at.stage.deps.inbox, "accept");
  const gone = await welcomed(at);
  gone.send({ type: "send", id: "m-1", agent: "ana", session: "s", text: "go" });
  await held.asked;
  gone.socket.terminate();
  await eventually(() => closedByClients(at, 1));
  held.release();
  await eventually(() => at.stage.accepted.length === 1);
  await new Promise((resolve) => setImmediate(resolve));

  expect(openWaits(at.stage)).toBe(0);
  expect(at.stage.cancelled).toEqual([]);
});

test("a slow reader of a long session costs one wait at a time", async () => {
  const at = await gateway({ limits: { bufferedBytes: 256 * 1_024, bodyBytes: 1_024 * 1_024 } });
  at.stage.play = (turn) => turn.reply("x".repeat(200_000));
  for (let i = 0; i < 16; i++) {
    await at.call("/api/agents/ana/messages", { body: { text: "go", session: "s" } });
  }
  const warnings: string[] = [];
  const note = ({ name }: Error): void => void warnings.push(name);
  process.on("warning", note);
  try {
    const client = await welcomed(at);
    client.send({ type: "subscribe", id: "s", session: at.stage.accepted[0]?.sessionId, after: 0 });
    await client.of("subscribed");
    expect(client.frames.filter(({ type }) => type === "message")).toHaveLength(32);
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("warning", note);
  }

  expect(warnings).toEqual([]);
});

test("a turn goes on to be told where the session's messages cannot be read just now", async () => {
  const at = await gateway();
  at.stage.play = (turn) => turn.say("Half ");
  const first = await welcomed(at);
  first.send({ type: "send", id: "m-1", agent: "ana", session: "s", watch: false, text: "go" });
  const { sessionId, turnId } = await first.of("accepted");
  const { sessions } = at.stage.deps.stores;
  const { messages } = sessions;
  Object.assign(sessions, { messages: () => Promise.reject(new Error("The disk is away.")) });
  const client = await welcomed(at);
  client.send({ type: "subscribe", id: "s", session: sessionId, after: 0 });
  await client.of("subscribed");
  Object.assign(sessions, { messages });
  at.stage.accepted[0]?.reply("Half done.");
  await client.next((frame) => frame.event?.type === "end");

  expect(client.shown(turnId)).toBe("Half done.");
});

test("only so many turns are asked for at once", async () => {
  const client = await welcomed(await gateway());
  const turns = Array.from({ length: 257 }, (_, at) => ({ id: `t-${at}`, attempt: 1 }));
  client.send({ type: "subscribe", id: "s", session: "s", turns });

  expect(await client.of("error")).toMatchObject({ id: "s", code: "request.invalid", field: "turns" });
});
