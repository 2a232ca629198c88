import { expect, test } from "vitest";
import { createStage } from "../fixtures.ts";
import { createGateway } from "../gateway.ts";

/** What the protocol's own client never sends; the rest of A2A is walked with that client in tests/e2e/a2a.test.ts. */

const stage = createStage();
const key = stage.addKey({ id: "key-1" });
const gateway = createGateway({
  ...{ ...stage.deps, a2a: () => ({ enabled: true }) },
  config: { host: "127.0.0.1", port: 0 },
});

// biome-ignore lint/suspicious/noExplicitAny: each test says itself what it expects of an answer.
async function rpc(method: string, params: unknown): Promise<{ status: number; body: any }> {
  const response = await gateway.fetch(
    new Request("http://localhost/a2a/ana", {
      method: "POST",
      headers: { host: "localhost", authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 7, method, params }),
    }),
  );
  return { status: response.status, body: await response.json() };
}

test.each([
  ["ListTasks", { pageSize: "many" }, /pageSize must be a whole number/],
  ["ListTasks", { pageSize: -1 }, /pageSize must be a whole number/],
  ["ListTasks", { historyLength: "all" }, /historyLength must be a whole number/],
  ["GetTask", { id: "t", historyLength: -1 }, /historyLength must be a whole number/],
  ["GetTask", {}, /names no task/],
  ["tasks/get", {}, /names no task/],
  ["tasks/cancel", { id: 5 }, /names no task/],
  ["SendStreamingMessage", {}, /holds no message/],
  ["SubscribeToTask", { id: "nothing" }, /no turn "nothing"/],
  ["tasks/resubscribe", { id: "nothing" }, /no turn "nothing"/],
])("%s with %j is refused in the protocol's words", async (method, params, words) => {
  stage.logged.splice(0);
  const { status, body } = await rpc(method, params);

  expect(status).toBe(200);
  expect(body).toMatchObject({ jsonrpc: "2.0", id: 7, error: { message: expect.stringMatching(words) } });
  expect(body.error.code).not.toBe(-32603);
  expect(stage.logged.filter(({ event }) => event === "gateway.request_failed")).toEqual([]);
});

test("a task of a conversation that was handed to another agent stays one of the agent that was asked", async () => {
  stage.play = (turn) => {
    Object.assign(stage.turn(turn.id) ?? {}, { agentId: "ben" });
    turn.reply("Ben here.");
  };
  const message = { messageId: "m-1", contextId: "c-1", role: "ROLE_USER", parts: [{ text: "Hello!" }] };
  const sent = (await rpc("SendMessage", { message })).body;

  expect(JSON.stringify(sent.result.task.artifacts)).toContain("Ben here.");
  const { id } = sent.result.task;
  expect((await rpc("GetTask", { id })).body.result).toMatchObject({ id, contextId: "c-1" });
  const { tasks } = (await rpc("ListTasks", { pageSize: 5 })).body.result;
  expect(tasks.map((task: { readonly id: string }) => task.id)).toEqual([id]);
});
