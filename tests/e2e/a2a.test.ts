import { AgentCard, Message, type Part, Role, type StreamResponse, TaskState } from "@a2a-js/sdk";
import {
  type Client,
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
} from "@a2a-js/sdk/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ServedHome, serveHome } from "./served-home.ts";

/** The protocol's own client against the whole of Troupe, with a model on the real wire. */

let home: ServedHome;
let client: Client;
let count = 0;

beforeEach(async () => {
  home = await serveHome("a2a: { enabled: true, agent: ana }\n");
  client = await connect();
});

afterEach(() => home[Symbol.asyncDispose]());

/** Adds the key; the card is read without one. */
function fetchWith(key: string): typeof fetch {
  return (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set("authorization", `Bearer ${key}`);
    return fetch(input, { ...init, headers });
  };
}

function connect(agent?: string, key = home.key): Promise<Client> {
  const factory = new ClientFactory({
    cardResolver: new DefaultAgentCardResolver(),
    transports: [new JsonRpcTransportFactory({ fetchImpl: fetchWith(key) })],
  });
  return factory.createFromUrl(
    home.address,
    agent === undefined ? undefined : `/a2a/${agent}/.well-known/agent-card.json`,
  );
}

function said(text: string, place: { readonly contextId?: string; readonly taskId?: string } = {}) {
  count += 1;
  const message = Message.fromJSON({
    messageId: `m-${count}`,
    role: "ROLE_USER",
    parts: [{ text }],
    ...place,
  });
  return { tenant: "", message, configuration: undefined, metadata: undefined };
}

async function send(text: string, place?: Parameters<typeof said>[1]) {
  const task = await client.sendMessage(said(text, place));
  if ("messageId" in task) throw new Error("A task was expected.");
  return task;
}

function textOf(parts: readonly Part[]): string {
  return parts.map(({ content }) => (content?.$case === "text" ? String(content.value) : "")).join("");
}

/** The reply as a client that follows the rules shows it. */
function replyOf(updates: readonly StreamResponse[]): string {
  let text = "";
  for (const { payload } of updates) {
    if (payload?.$case !== "artifactUpdate") continue;
    const chunk = textOf(payload.value.artifact?.parts ?? []);
    text = payload.value.append ? text + chunk : chunk;
  }
  return text;
}

test("a card for the first agent and one for each, without a key, that say where and how", async () => {
  const read = await fetch(`${home.address}/.well-known/agent-card.json`);
  const card = AgentCard.fromJSON(await read.json());
  const bens = await (await connect("ben")).getAgentCard();

  expect(card).toMatchObject({
    name: "Ana",
    description: "The helper Ana.",
    capabilities: { streaming: true },
  });
  expect(card.supportedInterfaces[0]).toMatchObject({
    url: `${home.address}/a2a/ana`,
    protocolVersion: "1.0",
  });
  expect(card.securitySchemes.bearer?.scheme?.$case).toBe("httpAuthSecurityScheme");
  expect(bens.name).toBe("Ben");
});

test("a message becomes a task that is done, and the conversation goes on in its context", async () => {
  const first = await send("My cat is called Mia.");
  const second = await send("What is my cat called?", { contextId: first.contextId });

  expect(first.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
  expect(textOf(first.artifacts[0]?.parts ?? [])).toBe("You said: My cat is called Mia.");
  expect(first.history[0]).toMatchObject({ role: Role.ROLE_USER, contextId: first.contextId });
  expect(second.contextId).toBe(first.contextId);
  const contents = home.model.requests.at(-1)?.body.messages.map(({ content }) => content);
  expect(contents).toContain("My cat is called Mia.");
  const task = await client.getTask({ tenant: "", id: first.id });
  expect(textOf(task.artifacts[0]?.parts ?? [])).toBe("You said: My cat is called Mia.");
});

test("a context that the client names is kept as it named it, and the same message is taken once", async () => {
  const request = said("hello", { contextId: "trip-to-lviv" });
  const [one, two] = [await client.sendMessage(request), await client.sendMessage(request)];

  expect(one).toMatchObject({ contextId: "trip-to-lviv" });
  expect(two).toMatchObject({ id: (one as { id: string }).id });
  expect(home.model.requests).toHaveLength(1);
});

test("a streamed message: the task, its reply as it grows, and its end", async () => {
  home.model.enqueue({ tokens: ["One, ", "two, ", "three."], gapMs: 20 });
  const updates: StreamResponse[] = [];
  for await (const update of client.sendMessageStream(said("count"))) updates.push(update);

  expect(updates[0]?.payload?.$case).toBe("task");
  expect(replyOf(updates)).toBe("One, two, three.");
  const last = updates.at(-1)?.payload;
  expect(last?.$case === "statusUpdate" && last.value.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
});

test("a task that runs is asked for, listened to by another client, and stopped", async () => {
  home.model.setRule(() => ({ text: "Half of an answer", hang: "middle" }));
  const request = said("go");
  const begun = await client.sendMessage({
    ...request,
    configuration: {
      acceptedOutputModes: [],
      taskPushNotificationConfig: undefined,
      returnImmediately: true,
    },
  });
  const { id } = begun as { id: string };
  const other = await connect();
  const updates: StreamResponse[] = [];
  const listening = (async () => {
    for await (const update of other.resubscribeTask({ tenant: "", id })) updates.push(update);
  })();
  while (replyOf(updates) === "") await new Promise((resolve) => setTimeout(resolve, 5));
  const running = await client.getTask({ tenant: "", id });
  const stopped = await client.cancelTask({ tenant: "", id, metadata: undefined });
  await listening;

  expect(running.status?.state).toBe(TaskState.TASK_STATE_WORKING);
  expect(stopped.status?.state).toBe(TaskState.TASK_STATE_CANCELED);
  const last = updates.at(-1)?.payload;
  expect(last?.$case === "statusUpdate" && last.value.status?.state).toBe(TaskState.TASK_STATE_CANCELED);
  await expect(client.cancelTask({ tenant: "", id, metadata: undefined })).rejects.toThrow(/has ended/);
});

test("tasks are listed by context and state, a page at a time", async () => {
  const { contextId } = await send("one");
  await send("two", { contextId });
  await send("elsewhere");
  const query = {
    ...{ tenant: "", contextId, status: TaskState.TASK_STATE_COMPLETED, pageToken: "" },
    ...{ statusTimestampAfter: undefined, includeArtifacts: true, pageSize: 1 },
  };
  const first = await client.listTasks(query);
  const second = await client.listTasks({ ...query, pageToken: first.nextPageToken });
  const none = await client.listTasks({ ...query, status: TaskState.TASK_STATE_FAILED });

  const texts = [...first.tasks, ...second.tasks].map(({ artifacts }) => textOf(artifacts[0]?.parts ?? []));
  expect(texts).toEqual(["You said: two", "You said: one"]);
  expect(none.tasks).toEqual([]);
});

test("a failure is the task's, with what Troupe says about it", async () => {
  home.model.setRule(() => ({ status: 400, body: '{"error":{"message":"no"}}' }));
  const task = await send("hello");

  expect(task.status?.state).toBe(TaskState.TASK_STATE_FAILED);
  expect(textOf(task.status?.message?.parts ?? [])).toContain("model");
});

test("strangers, unknown tasks, ended tasks and empty messages are refused", async () => {
  const done = await send("hello");
  const stranger = await connect("ana", "trp_wrong");
  const bens = await connect("ben");

  await expect(stranger.sendMessage(said("hello"))).rejects.toThrow(/401/);
  await expect(client.getTask({ tenant: "", id: "nothing" })).rejects.toThrow(/no turn "nothing"/);
  await expect(bens.getTask({ tenant: "", id: done.id })).rejects.toThrow(/of this agent/);
  await expect(client.sendMessage(said("more", { taskId: done.id }))).rejects.toThrow(/has ended/);
  await expect(client.sendMessage(said(" "))).rejects.toThrow(/empty/);
});

test("a peer of version 0.3 is answered in its words", async () => {
  const rpc = async (method: string, params: unknown) => {
    const response = await fetchWith(home.key)(`${home.address}/a2a/ana`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    return response.text();
  };
  const message = {
    kind: "message",
    messageId: "old-1",
    role: "user",
    parts: [{ kind: "text", text: "hello" }],
  };
  const { result } = JSON.parse(await rpc("message/send", { message }));
  const stream = await rpc("message/stream", { message: { ...message, messageId: "old-2" } });
  const got = JSON.parse(await rpc("tasks/get", { id: result.id }));

  expect(result).toMatchObject({ kind: "task", status: { state: "completed" } });
  expect(result.artifacts[0].parts[0]).toMatchObject({ kind: "text", text: "You said: hello" });
  expect(stream).toContain('"kind":"artifact-update"');
  expect(stream).toContain('"state":"completed"');
  expect(got.result.id).toBe(result.id);
});
