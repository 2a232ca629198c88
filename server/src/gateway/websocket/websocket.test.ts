import { afterEach, expect, test } from "vitest";
import { createStillClock, eventually } from "../fixtures.ts";
import { createSocketStage, type Frame, openSocket } from "./fixture-client.ts";

const { gateway, connect, welcomed, hold, end } = createSocketStage();

afterEach(end);

const isEnd = (frame: Frame): boolean => frame.type === "event" && frame.event.type === "end";

test("one connection talks in many sessions, and every event names its turn, attempt, number and seq", async () => {
  const client = await welcomed(await gateway());
  client.send({ type: "send", id: "m-1", agent: "ana", session: "one", text: "hi" });
  client.send({ type: "send", id: "m-2", agent: "ana", session: "two", text: "hi" });
  const first = await client.next((frame) => frame.type === "accepted" && frame.id === "m-1");
  await client.next(isEnd);
  await client.next(isEnd);

  expect(first).toMatchObject({ sessionId: "session-key-1-one", seq: 1, position: "running" });
  expect(client.shown(first.turnId)).toBe("Hello there.");
  const events = client.frames.filter((frame) => frame.type === "event");
  expect(new Set(events.map((frame) => frame.sessionId)).size).toBe(2);
  for (const { event, seq } of events) {
    expect(event).toMatchObject({
      turnId: expect.any(String),
      attempt: expect.any(Number),
      n: expect.any(Number),
    });
    expect(seq).toBeGreaterThan(0);
  }
});

test("the same message id is accepted once; with other words it is refused", async () => {
  const at = await gateway();
  const client = await welcomed(at);
  const message = { type: "send", id: "m-1", agent: "ana", session: "one", text: "hi" };
  client.send(message);
  const { turnId } = await client.of("accepted");
  await client.next(isEnd);
  client.send(message);
  const joined = await client.of("joined");
  const end = await client.next(isEnd);
  client.send({ ...message, text: "other words" });
  const error = await client.of("error");

  expect(joined).toMatchObject({ id: "m-1", turnId, state: "replied" });
  expect(end.event).toMatchObject({ turnId, text: "Hello there." });
  expect(error).toMatchObject({ id: "m-1", code: "request.conflict" });
  expect(at.stage.accepted).toHaveLength(1);
});

test("a client that comes back gets what it missed exactly once, and the running turn as one snapshot", async () => {
  const at = await gateway();
  const first = await welcomed(at);
  first.send({ type: "send", id: "m-1", agent: "ana", session: "s", text: "one" });
  const { sessionId } = await first.of("accepted");
  await first.next(isEnd);
  at.stage.play = (turn) => turn.say("A long ");
  first.send({ type: "send", id: "m-2", agent: "ana", session: "s", text: "two" });
  const { turnId } = await first.next((frame) => frame.type === "accepted" && frame.id === "m-2");
  const seen = await first.next(
    (frame) => frame.event?.type === "text-delta" && frame.event.turnId === turnId,
  );
  first.socket.terminate();
  at.stage.accepted[1]?.say("story.");

  const again = await welcomed(at);
  const { attempt, n } = seen.event;
  again.send({
    type: "subscribe",
    id: "s-1",
    session: sessionId,
    after: 2,
    turns: [{ id: turnId, attempt, n }],
  });
  await again.of("subscribed");
  at.stage.accepted[1]?.say(" The end.");
  await again.next((frame) => frame.event?.type === "text-delta");
  at.stage.accepted[1]?.reply("A long story. The end.");
  const end = await again.next(isEnd);

  const told = again.frames.filter((frame) => frame.type === "message");
  expect(told.map((frame) => frame.seq)).toEqual([3, 4]);
  const snapshot = again.frames.find((frame) => frame.type === "snapshot");
  expect(snapshot).toMatchObject({ turnId, attempt: 1, n: 2 });
  expect(snapshot.events[0].type).toBe("attempt-start");
  expect(again.shown(turnId)).toBe("A long story. The end.");
  expect(end.seq).toBe(4);
});

test("what the client has seen of a running turn is not told again", async () => {
  const at = await gateway();
  at.stage.play = (turn) => turn.say("Half ");
  const first = await welcomed(at);
  first.send({ type: "send", id: "m-1", agent: "ana", session: "s", text: "one" });
  const { sessionId, turnId } = await first.of("accepted");
  const { event } = await first.next((frame) => frame.event?.type === "text-delta");
  const again = await welcomed(at);
  const turns = [{ id: turnId, attempt: event.attempt, n: event.n }];
  again.send({ type: "subscribe", id: "s-1", session: sessionId, after: 1, turns });
  await again.of("subscribed");
  at.stage.accepted[0]?.reply("Half done.");
  await again.next(isEnd);

  expect(again.frames.filter((frame) => frame.type === "snapshot")).toEqual([]);
  expect(again.frames.filter((frame) => frame.event?.type === "text-delta")).toEqual([]);
});

test("a turn that ended while the client was away is told with its end", async () => {
  const at = await gateway();
  at.stage.play = (turn) => turn.say("Half ");
  const first = await welcomed(at);
  first.send({ type: "send", id: "m-1", agent: "ana", session: "s", text: "one" });
  const { sessionId, turnId } = await first.of("accepted");
  first.socket.terminate();
  at.stage.accepted[0]?.replyUnheard("Half done.");
  const again = await welcomed(at);
  again.send({
    type: "subscribe",
    id: "s",
    session: sessionId,
    after: 1,
    turns: [{ id: turnId, attempt: 1, n: 1 }],
  });
  await again.of("subscribed");

  const kinds = again.frames.map((frame) => frame.event?.type ?? frame.type);
  expect(kinds).toEqual(["welcome", "message", "end", "subscribed"]);
});

test("a new attempt replaces what was shown", async () => {
  const at = await gateway();
  at.stage.play = (turn) => turn.say("Wrong words");
  const client = await welcomed(at);
  client.send({ type: "send", id: "m-1", agent: "ana", session: "s", text: "one" });
  const { turnId } = await client.of("accepted");
  await client.next((frame) => frame.event?.type === "text-delta");
  at.stage.accepted[0]?.beginAgain();
  at.stage.accepted[0]?.say("Right words");
  const { event } = await client.next((frame) => frame.event?.type === "text-delta");

  expect(event.attempt).toBe(2);
  expect(client.shown(turnId)).toBe("Right words");
});

test("whoever subscribes to a session hears of turns that others begin in it, messages before their events", async () => {
  const at = await gateway();
  await at.call("/api/agents/ana/messages", { body: { text: "first", session: "s" } });
  const client = await welcomed(at);
  client.send({ type: "subscribe", id: "s", session: "session-key-1-s" });
  expect(await client.of("subscribed")).toMatchObject({ seq: 2 });
  at.stage.play = (turn) => turn.say("Hm. ");
  const sent = at.call("/api/agents/ana/messages", { body: { text: "second", session: "s" } });
  await client.next((frame) => frame.type === "snapshot");
  at.stage.accepted[1]?.reply("Hm. Yes.");
  await client.next(isEnd);
  await sent;

  const kinds = client.frames.map((frame) => frame.event?.type ?? `${frame.type} ${frame.seq ?? ""}`);
  expect(kinds).toEqual(["welcome ", "subscribed 2", "message 3", "snapshot 3", "message 4", "end"]);
});

test("whoever listens is told which of their own sessions something is kept in, and of nobody else's", async () => {
  const at = await gateway();
  const client = await welcomed(at);
  client.send({ type: "listen", id: "l" });
  await client.of("listening");
  const mine = at.key;
  at.key = at.stage.addKey({ id: "key-2" });
  await at.call("/api/agents/ana/messages", { body: { text: "theirs", session: "s" } });
  at.key = mine;
  for (const session of ["one", "two", "one"]) {
    await at.call("/api/agents/ana/messages", { body: { text: "mine", session } });
  }
  await eventually(() => client.frames.filter(({ type }) => type === "changed").length === 3);

  const told = client.frames.filter(({ type }) => type === "changed").map(({ sessionId }) => sessionId);
  expect(told).toEqual(["session-key-1-one", "session-key-1-two", "session-key-1-one"]);
});

test("a session of another key cannot be heard, and its turns cannot be stopped", async () => {
  const at = await gateway();
  await at.call("/api/agents/ana/messages", { body: { text: "mine", session: "s" } });
  const turnId = at.stage.accepted[0]?.id;
  at.key = at.stage.addKey({ id: "key-2" });
  const client = await welcomed(at);
  client.send({ type: "subscribe", id: "a", session: "session-key-1-s" });
  client.send({ type: "cancel", id: "b", turn: turnId });
  client.send({ type: "watch", id: "c", turn: turnId });

  for (const id of ["a", "b", "c"]) {
    const answer = await client.next((frame) => frame.id === id);
    expect(answer).toMatchObject({ type: "error", code: "request.not_found" });
  }
});

test("a turn is stopped from any connection", async () => {
  const at = await gateway();
  at.stage.play = (turn) => turn.say("On and on");
  const client = await welcomed(at);
  client.send({ type: "send", id: "m-1", agent: "ana", session: "s", text: "go" });
  const { turnId } = await client.of("accepted");
  const other = await welcomed(at);
  other.send({ type: "cancel", id: "c", turn: turnId });

  expect(await other.of("cancelled")).toMatchObject({ turnId, result: "requested" });
  expect((await client.next(isEnd)).event.state).toBe("cancelled");
});

test("frames that cannot be read are told by name, and the connection goes on", async () => {
  const client = await welcomed(await gateway());
  client.send("no json");
  expect(await client.of("error")).toMatchObject({ code: "request.invalid" });
  client.send({ type: "sing", id: "x" });
  expect(await client.of("error")).toMatchObject({ id: "x", code: "request.invalid", field: "type" });
  client.send({ type: "send", id: "x", agent: "ana", text: "hi", tone: "kind" });
  expect(await client.of("error")).toMatchObject({ field: "tone" });
  client.send({ type: "ping", id: "p" });
  expect(await client.of("pong")).toEqual({ type: "pong", id: "p" });
});

test("a frame that is too large, or binary, closes", async () => {
  const at = await gateway({ limits: { bodyBytes: 2_048 } });
  const large = await welcomed(at);
  large.send({ type: "ping", id: "x".repeat(4_096) });
  expect((await large.closed).code).toBe(1009);
  const binary = await welcomed(at);
  binary.socket.send(Buffer.from([1, 2, 3]));
  expect((await binary.closed).code).toBe(1003);
});

test("a client that does not read is closed with a reason, and counted", async () => {
  const at = await gateway({ limits: { bufferedBytes: 64 * 1_024 } });
  at.stage.play = () => undefined;
  const client = await welcomed(at);
  client.send({ type: "send", id: "m-1", agent: "ana", session: "s", text: "go" });
  await client.of("accepted");
  client.socket.pause();
  const isClosed = (): boolean =>
    at.stage.metrics.render().includes('websocket_closed_total{reason="tooSlow"}');
  const [turn] = at.stage.accepted;
  for (let i = 0; i < 2_000 && !isClosed(); i++) {
    turn?.say("x".repeat(64 * 1_024));
    await new Promise((resolve) => setImmediate(resolve));
    if (i === 400) client.socket.resume();
  }
  client.socket.resume();

  expect(await client.closed).toMatchObject({ code: 1013 });
  await eventually(isClosed);
});

test("a client that answers no ping is let go", async () => {
  const clock = createStillClock();
  const at = await gateway({ clock });
  const client = openSocket(at.listening.address, {
    headers: { authorization: `Bearer ${at.key}` },
    autoPong: false,
  });
  hold(client);
  await client.of("welcome");
  clock.advance(15_000);
  await new Promise((resolve) => client.socket.once("ping", resolve));
  clock.advance(15_000);

  expect((await client.closed).code).toBe(1006);
  await eventually(() => at.stage.metrics.render().includes('websocket_closed_total{reason="noPong"} 1'));
});

test("a key has only so many WebSockets, and a closed one makes room", async () => {
  const at = await gateway({ limits: { socketsPerKey: 1 } });
  const first = await welcomed(at);
  expect((await connect(at).closed).code).toBe(4429);
  first.socket.close();
  await first.closed;
  await eventually(() => at.stage.metrics.render().includes('websocket_closed_total{reason="client"} 1'));
  await welcomed(at);
});

test("a connection watches only so many sessions and turns", async () => {
  const at = await gateway({ limits: { watchesPerSocket: 1 } });
  at.stage.play = () => undefined;
  const client = await welcomed(at);
  client.send({ type: "send", id: "m-1", agent: "ana", session: "a", text: "go" });
  await client.of("accepted");
  client.send({ type: "send", id: "m-2", agent: "ana", session: "b", text: "go" });

  expect(await client.of("error")).toMatchObject({ id: "m-2", code: "request.conflict" });
});

test("closing tells everybody to come back, and their turns go on", async () => {
  const at = await gateway();
  at.stage.play = (turn) => turn.say("Half");
  const client = await welcomed(at);
  client.send({ type: "send", id: "m-1", agent: "ana", session: "s", text: "go" });
  await client.of("accepted");
  await at.listening.close({ graceMs: 2_000 });

  expect(await client.closed).toMatchObject({ code: 1012, reason: expect.stringContaining("come back") });
  expect(at.stage.cancelled).toEqual([]);
});
