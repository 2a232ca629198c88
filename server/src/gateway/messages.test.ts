import { TroupeError } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type OpenGateway, openGateway } from "./fixture-http.ts";
import { createStillClock, eventually, openWaits, type Stage } from "./fixtures.ts";
import { createGateway } from "./gateway.ts";

let open: OpenGateway;
let stage: Stage;
let listening: OpenGateway["listening"];
let call: OpenGateway["call"];

async function openWith(options?: Parameters<typeof openGateway>[0]): Promise<void> {
  open = await openGateway(options);
  ({ stage, listening, call } = open);
}

beforeEach(() => openWith());

afterEach(() => open.close());

const send = (body: unknown, headers: Record<string, string> = {}) =>
  call("/api/agents/ana/messages", { body, headers });

function eventsOf(text: string): { event: string; id: string; data: Record<string, unknown> }[] {
  return text
    .split("\n\n")
    .filter((block) => block.startsWith("event: "))
    .map((block) => {
      const [event = "", id = "", data = ""] = block
        .split("\n")
        .map((line) => line.slice(line.indexOf(": ") + 2));
      return { event, id, data: JSON.parse(data) };
    });
}

test("a message waits for its reply", async () => {
  const response = await send({ text: "hello", session: "s1", user: "u1", whileBusy: "steer" });

  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ state: "replied", text: "Hello there.", costUsd: 0.000042 });
  expect(stage.accepted[0]?.message).toMatchObject({
    agentId: "ana",
    sessionKey: "s1",
    peerId: "u1",
    whileBusy: "steer",
    parts: [{ type: "text", text: "hello" }],
  });
});

test("a command calls a tool and needs no words", async () => {
  await send({ command: { tool: "roll_dice", input: { dice: "2d6" } } });

  expect(stage.accepted[0]?.message).toMatchObject({
    direct: { tool: "roll_dice", input: { dice: "2d6" } },
    parts: [{ type: "text", text: "/roll_dice" }],
  });
});

test.each([
  ["?wait=false", {}],
  ["", { prefer: "respond-async" }],
])("a receipt is given at once, and the turn goes on (%s)", async (query, headers) => {
  stage.play = () => undefined;
  const response = await call(`/api/agents/ana/messages${query}`, { body: { text: "hello" }, headers });
  const turn = stage.accepted[0];

  expect(response.status).toBe(202);
  expect(response.headers.get("location")).toBe(`/api/turns/${turn?.id}`);
  expect(await response.json()).toMatchObject({ turnId: turn?.id, position: "running", joined: false });
  expect(stage.cancelled).toEqual([]);
});

test("an event stream carries the turn's own events, numbered and merged by tick", async () => {
  const response = await send({ text: "hello" }, { accept: "text/event-stream" });
  const events = eventsOf(await response.text());

  expect(events.map(({ event, id }) => [event, id])).toEqual([
    ["attempt-start", "1.0"],
    ["text-delta", "1.2"],
    ["end", "1.3"],
  ]);
  expect(events[1]?.data.text).toBe("Hello there.");
  expect(events[2]?.data).toMatchObject({ state: "replied", text: "Hello there." });
});

test("a new attempt shows in the event stream, so that the page can replace what it showed", async () => {
  stage.play = (turn) => {
    turn.say("lost");
    turn.beginAgain();
    turn.say("kept");
    turn.reply("kept");
  };
  const events = eventsOf(await (await send({ text: "hello" }, { accept: "text/event-stream" })).text());

  expect(events.map(({ event }) => event)).toEqual([
    "attempt-start",
    "text-delta",
    "attempt-start",
    "text-delta",
    "end",
  ]);
});

test("a failed turn is a problem that names it", async () => {
  stage.play = (turn) => turn.fail("model.timeout", "The model did not answer in time.");
  const response = await send({ text: "hello" });
  const turnId = stage.accepted[0]?.id;

  expect(response.status).toBe(504);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(await response.json()).toMatchObject({
    type: "urn:troupe:error:model.timeout",
    status: 504,
    code: "model.timeout",
    turnId,
    instance: `/api/turns/${turnId}`,
  });
});

test("an idempotency key joins the same body and refuses another", async () => {
  const headers = { "idempotency-key": "k" };
  const first = await (await send({ text: "hello" }, headers)).json();
  const again = await (await send({ text: "hello" }, headers)).json();
  const receipt = await call("/api/agents/ana/messages?wait=false", { body: { text: "hello" }, headers });
  const other = await send({ text: "goodbye" }, headers);

  expect(again.turnId).toBe(first.turnId);
  expect(again.text).toBe("Hello there.");
  expect(await receipt.json()).toMatchObject({ turnId: first.turnId, joined: true, state: "replied" });
  expect(other.status).toBe(409);
  expect((await other.json()).code).toBe("request.conflict");
});

test.each([
  [{}, "text", "text is missing; it must be text."],
  [{ text: " " }, "text", "text is empty."],
  [{ text: 5 }, "text", "text is 5; it must be text."],
  [{ text: "a", sesion: "b" }, "sesion", "sesion is not a field of this request."],
  [
    { text: "a", whileBusy: "wait" },
    "whileBusy",
    'whileBusy is "wait"; it must be one of queue, steer, interrupt.',
  ],
  [{ text: "a", temperature: 3 }, "temperature", "temperature is 3; it must be a number from 0 to 2."],
  [{ command: { input: {} } }, "command.tool", "command.tool is missing; it must be text."],
  [[], "body", "body is []; it must be an object."],
])("a bad body is refused with the field's name: %j", async (body, field, detail) => {
  const response = await send(body);
  const problem = await response.json();

  expect(response.status).toBe(400);
  expect(problem).toMatchObject({ code: "request.invalid", field });
  expect(problem.detail).toContain(detail);
  expect(stage.accepted).toHaveLength(0);
});

test("a turn is shown with its whole chain", async () => {
  const sent = await (await send({ text: "hello", session: "s1" })).json();
  const chain = await (await call(`/api/turns/${sent.turnId}`)).json();

  expect(chain.turn).toMatchObject({ id: sent.turnId, state: "replied" });
  expect(chain.messages[0].parts[0].text).toBe("hello");
  expect(chain.reply.parts[0].text).toBe("Hello there.");
  expect(chain.inbound[0]).toMatchObject({ turnId: sent.turnId, channel: "api" });
  expect(Object.keys(chain)).toEqual(
    expect.arrayContaining(["steps", "modelCalls", "outbox", "effects", "session"]),
  );
});

test("the events of an ended turn are its end alone", async () => {
  const sent = await (await send({ text: "hello", session: "s1" })).json();
  const events = eventsOf(await (await call(`/api/turns/${sent.turnId}/events`)).text());

  expect(events).toHaveLength(1);
  expect(events[0]?.data).toMatchObject({ type: "end", state: "replied", text: "Hello there." });
});

test("the events of a running turn are replayed and go on", async () => {
  stage.play = (turn) => turn.say("so far ");
  const { turnId } = await (
    await call("/api/agents/ana/messages?wait=false", { body: { text: "hello" } })
  ).json();
  const response = await call(`/api/turns/${turnId}/events`);
  stage.accepted[0]?.say("and more");
  stage.accepted[0]?.reply("so far and more");
  const events = eventsOf(await response.text());

  expect(events.map(({ event }) => event)).toEqual(["attempt-start", "text-delta", "text-delta", "end"]);
  expect(
    events
      .map(({ data }) => data.type === "text-delta" && data.text)
      .filter(Boolean)
      .join(""),
  ).toBe("so far and more");
});

test("a running turn is cancelled from any client of its key", async () => {
  stage.play = () => undefined;
  const { turnId } = await (
    await call("/api/agents/ana/messages?wait=false", { body: { text: "hello" } })
  ).json();
  const response = await call(`/api/turns/${turnId}/cancel`, { method: "POST" });

  expect(await response.json()).toEqual({ turnId, result: "requested", state: "running" });
  expect(stage.cancelled[0]?.reason).toContain("key-1");
});

test("turns are listed by session and state", async () => {
  await send({ text: "hello", session: "s1" });
  await send({ text: "hello", session: "s2" });
  const sessionId = stage.accepted[0]?.sessionId;
  const bySession = await (await call(`/api/turns?session=${sessionId}`)).json();
  const byState = await (await call("/api/turns?state=queued,running")).json();
  const bad = await call("/api/turns?state=happy");

  expect(bySession.items.map((turn: { id: string }) => turn.id)).toEqual([stage.accepted[0]?.id]);
  expect(byState.items).toEqual([]);
  expect(bad.status).toBe(400);
});

test("sessions and their messages are shown to their owner", async () => {
  await send({ text: "hello", session: "s1", user: "u1" });
  await send({ text: "stateless" });
  const sessions = await (await call("/api/sessions")).json();
  const { id } = sessions.items[0];
  const session = await (await call(`/api/sessions/${id}`)).json();
  const messages = await (await call(`/api/sessions/${id}/messages?limit=1`)).json();

  expect(sessions.items).toHaveLength(1);
  expect(session).toMatchObject({ key: "s1", peerId: "u1", agentId: "ana" });
  expect(messages.items.map((message: { role: string }) => message.role)).toEqual(["user"]);
  expect((await call("/api/sessions?limit=0")).status).toBe(400);
});

test("what belongs to another key is not there, except for an operator", async () => {
  const sent = await (await send({ text: "hello", session: "s1" })).json();
  const paths = [
    `/api/turns/${sent.turnId}`,
    `/api/turns/${sent.turnId}/events`,
    `/api/sessions/${sent.sessionId}`,
    `/api/sessions/${sent.sessionId}/messages`,
  ];

  open.key = stage.addKey({ id: "key-2" });
  for (const path of paths) expect((await call(path)).status, path).toBe(404);
  expect((await call(`/api/turns/${sent.turnId}/cancel`, { method: "POST" })).status).toBe(404);
  expect(await (await call("/api/sessions")).json()).toEqual({ items: [] });
  expect(await (await call("/api/turns")).json()).toEqual({ items: [] });

  open.key = stage.addKey({ kind: "operator" });
  for (const path of paths) expect((await call(path)).status, path).toBe(200);
  expect((await (await call("/api/turns")).json()).items).toHaveLength(1);
});

test("agents show their instructions to operators alone", async () => {
  const forKey = await (await call("/api/agents/ana")).text();
  open.key = stage.addKey({ kind: "operator" });
  const forOperator = await (await call("/api/agents")).text();

  expect(forKey).toContain('"name":"Ana"');
  expect(forKey).not.toContain("Keep this between us.");
  expect(forOperator).toContain("Keep this between us.");
  expect((await call("/api/agents/bo")).status).toBe(404);
});

test("an operator makes and revokes keys, and a revoked one is refused at once", async () => {
  const ordinary = open.key;
  expect((await call("/api/keys", { body: { name: "mine" } })).status).toBe(403);

  open.key = stage.addKey({ kind: "operator" });
  const operator = open.key;
  const made = await (await call("/api/keys", { body: { name: "mine" } })).json();
  expect(made.key).toMatch(/^trp_[\w-]{43}$/);
  expect(made).not.toHaveProperty("hash");
  const list = await (await call("/api/keys")).text();
  expect(list).toContain('"name":"mine"');
  expect(list).not.toContain(made.key);
  expect(list).not.toContain("hash");

  open.key = made.key;
  expect((await call("/api/agents")).status).toBe(200);
  open.key = operator;
  expect((await call(`/api/keys/${made.id}`, { method: "DELETE" })).status).toBe(204);
  expect((await call("/api/keys/nobody", { method: "DELETE" })).status).toBe(404);
  open.key = made.key;
  expect((await call("/api/agents")).status).toBe(401);
  open.key = ordinary;
  expect((await call("/api/agents")).status).toBe(200);
});

test("the status is the operator's", async () => {
  expect((await call("/api/status")).status).toBe(403);
  open.key = stage.addKey({ kind: "operator" });
  expect(await (await call("/api/status")).json()).toEqual({ waiting: 0 });
});

test("a reply that was cut at its length says so, whole and as the last event", async () => {
  stage.play = (turn) => turn.reply("Half a", "length");
  const whole = await (await send({ text: "hello" })).json();
  const events = eventsOf(await (await send({ text: "hello" }, { accept: "text/event-stream" })).text());

  expect(whole).toMatchObject({ text: "Half a", finishReason: "length" });
  expect(events.at(-1)?.data).toMatchObject({ type: "end", finishReason: "length" });
});

test("an end that the feed lost is found in the record, and quiet streams get comments", async () => {
  await open.close();
  const clock = createStillClock();
  await openWith({ clock });
  stage.play = () => undefined;
  const response = await send({ text: "hello", session: "s1" }, { accept: "text/event-stream" });
  const whole = send({ text: "hello again", session: "s2" });
  await eventually(() => stage.accepted.length === 2);
  for (const turn of stage.accepted) turn.replyUnheard("You did not hear this.");
  await eventually(() => openWaits(stage) === 2);
  clock.advance(15_000);
  clock.advance(15_000);
  const text = await response.text();

  expect(text).toContain(": keep-alive\n\n");
  expect(eventsOf(text).at(-1)?.data).toMatchObject({ type: "end", text: "You did not hear this." });
  expect((await (await whole).json()).text).toBe("You did not hear this.");
  const closing = listening.close({ graceMs: 0 });
  clock.advance(1);
  clock.advance(1_000);
  await closing;
});

test("an event stream that cannot be opened leaves nobody watching", async () => {
  stage.play = () => undefined;
  const { turnId } = await (
    await call("/api/agents/ana/messages?wait=false", { body: { text: "hello" } })
  ).json();
  let watching = 0;
  let reads = 0;
  const { stores, feed } = stage.deps;
  const gateway = createGateway({
    ...stage.deps,
    config: { host: "127.0.0.1", port: 0 },
    feed: {
      subscribe(id, listener) {
        const subscription = feed.subscribe(id, listener);
        watching += 1;
        return {
          [Symbol.dispose]() {
            watching -= 1;
            subscription[Symbol.dispose]();
          },
        };
      },
    },
    stores: {
      ...stores,
      turns: {
        ...stores.turns,
        // The first look, whether the turn may be seen, succeeds; the next one does not.
        get(id, options) {
          reads += 1;
          if (reads > 1) throw new TroupeError("The store is busy.", { code: "store.busy" });
          return stores.turns.get(id, options);
        },
      },
    },
  });
  const response = await gateway.fetch(
    new Request(`http://127.0.0.1/api/turns/${turnId}/events`, {
      headers: { host: "127.0.0.1", authorization: `Bearer ${open.key}` },
    }),
  );

  expect(response.status).toBe(503);
  expect(watching).toBe(0);
});

test("a conversation named by its id goes on under its name, and only for whom it belongs to", async () => {
  const { sessionId } = await (await send({ text: "hello", session: "s1" })).json();
  const goOn = async (headers = {}, body: object = { text: "and?" }): Promise<number> =>
    (await call(`/api/sessions/${sessionId}/messages`, { body, headers })).status;
  const as = (key: string) => ({ authorization: `Bearer ${key}` });

  expect(await goOn()).toBe(200);
  expect(stage.accepted.at(-1)?.message).toMatchObject({ agentId: "ana", sessionKey: "s1", channel: "api" });
  expect(await goOn(as(stage.addKey({ id: "other" })))).toBe(404);
  expect(await goOn(as(stage.addKey({ id: "op", kind: "operator" })))).toBe(403);
  expect(await goOn({}, { text: "and?", session: "s2" })).toBe(400);
});
