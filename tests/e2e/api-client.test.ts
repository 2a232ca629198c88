import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { AxiosResponse } from "axios";
import { type OpenAPIClient, OpenAPIClientAxios } from "openapi-client-axios";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServedHome, serveHome } from "./served-home.ts";

/** The API's description as others read it: validated, made into a client by a library, and held against the answers. */

let home: ServedHome;
// biome-ignore lint/suspicious/noExplicitAny: the document and the answers are what is examined.
let document: any;
let client: OpenAPIClient;
let ajv: Ajv2020;

beforeAll(async () => {
  home = await serveHome("a2a: { enabled: true }\n");
  document = await (await fetch(`${home.address}/api/openapi.json`)).json();
  const api = new OpenAPIClientAxios({
    definition: { ...document, servers: [{ url: home.address }] },
    axiosConfigDefaults: { headers: { authorization: `Bearer ${home.key}` }, validateStatus: () => true },
  });
  client = await api.init();
  ajv = new Ajv2020({ strict: false });
  ajv.addSchema(document, "api");
});

afterAll(() => home[Symbol.asyncDispose]());

/** Calls an operation by its id, and holds the answer against what the description says of that status. */
async function call(
  id: string,
  parameters: Record<string, string> = {},
  body?: unknown,
): Promise<AxiosResponse> {
  const operation = client[id];
  if (operation === undefined) throw new Error(`The client has no method "${id}".`);
  const answer = (await operation(parameters, body)) as AxiosResponse;
  const [path, method] = placeOf(id);
  const described = document.paths[path][method].responses;
  const content = (described[answer.status] ?? described.default).content;
  for (const { schema } of Object.values(content ?? {}) as { schema?: { $ref: string } }[]) {
    if (schema === undefined) continue;
    const validate = ajv.compile({ $ref: `api${schema.$ref}` });
    expect([id, answer.status, validate(answer.data), validate.errors]).toEqual([
      id,
      answer.status,
      true,
      null,
    ]);
  }
  return answer;
}

function placeOf(id: string): [path: string, method: string] {
  for (const [path, methods] of Object.entries(document.paths as Record<string, Record<string, unknown>>)) {
    for (const [method, operation] of Object.entries(methods)) {
      if ((operation as { operationId?: string }).operationId === id) return [path, method];
    }
  }
  throw new Error(`The description has no operation "${id}".`);
}

test("the description is valid OpenAPI 3.1", async () => {
  const { valid, errors } = await new Validator().validate(document);

  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

test("every operation has a name of its own, and every failure a shape", () => {
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods as object));
  const ids = operations.map(({ operationId }) => operationId);

  expect(new Set(ids).size).toBe(ids.length);
  for (const { responses } of operations) expect(responses.default.content).toBeDefined();
});

test("a client that a library makes of it walks through the API, and every answer is as described", async () => {
  const { data: agents } = await call("getAgents");
  expect(agents.items.map(({ id }: { id: string }) => id)).toEqual(["ana", "ben"]);
  await call("getAgentsById", { id: "ana" });

  const said = await call("postAgentsByIdMessages", { id: "ana" }, { text: "hello", session: "walk" });
  expect(said.data).toMatchObject({ state: "replied", text: "You said: hello" });
  const { turnId, sessionId } = said.data;
  const receipt = await call(
    "postAgentsByIdMessages",
    { id: "ana", wait: "false" },
    { text: "more", session: "walk" },
  );
  expect(receipt.status).toBe(202);

  const turn = await call("getTurnsById", { id: turnId });
  expect(turn.data.turn).toMatchObject({ id: turnId, state: "replied" });
  await call("getTurns", { session: sessionId, limit: "1" });
  await call("postTurnsByIdCancel", { id: turnId });
  await call("getSessions", { agent: "ana" });
  const session = await call("getSessionsById", { id: sessionId });
  expect(session.data.key).toBe("walk");
  const messages = await call("getSessionsByIdMessages", { id: sessionId });
  expect(messages.data.items[0].parts[0].text).toBe("hello");
  await call("getSessionsByIdExport", { id: sessionId, format: "json" });
  await call("patchSessionsById", { id: sessionId }, { title: "A walk" });
  const branch = { messageId: messages.data.items[1].id };
  expect((await call("postSessionsByIdBranches", { id: sessionId }, branch)).status).toBe(201);

  const made = await call("postKeys", {}, { name: "walker" });
  expect(made.status).toBe(201);
  await call("getKeys");
  expect((await call("deleteKeysById", { id: made.data.id })).status).toBe(204);

  const chat = { model: "ana", messages: [{ role: "user", content: "hi" }] };
  const completion = await call("postV1ChatCompletions", {}, chat);
  expect(completion.data.choices[0].message.content).toBe("You said: hi");
  const response = await call("postV1Responses", {}, { model: "ana", input: "hi" });
  await call("getV1ResponsesById", { id: response.data.id });
  await call("getV1Models");
  await call("getV1ModelsById", { id: "ana" });
  for (const id of ["getHealth", "getReady", "getStatus", "getOpenapiJson"]) await call(id);
  await call("getWellKnownAgentCardJson");
});

test("failures are as described too", async () => {
  const unknown = await call("getTurnsById", { id: "nothing" });
  const empty = await call("postAgentsByIdMessages", { id: "ana" }, { text: "" });
  const refused = await call("postV1ChatCompletions", {}, { model: "ana", messages: [], n: 2 });
  const plain = await call("getWs");

  expect([unknown.status, empty.status, refused.status, plain.status]).toEqual([404, 400, 400, 426]);
  expect(unknown.data.code).toBe("request.not_found");
  expect(refused.data.error.param).toBe("n");
});
