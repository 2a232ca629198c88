import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ScriptedModelServer, startScriptedModelServer } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Serving, serve } from "../../server/src/app/lifecycle.ts";
import { createAdjustableLogger } from "../../server/src/app/logging.ts";
import { type HomeStore, openHomeStore } from "../lab/home-store.ts";

/** Files on their whole way: uploaded, sent with a message, shown to a model, read again. */

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

let home: string;
let store: HomeStore;
let model: ScriptedModelServer;
let serving: Serving;
let address: string;
let key: string;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "troupe-files-"));
  model = await startScriptedModelServer();
  store = await openHomeStore();
  mkdirSync(join(home, "agents"));
  writeFileSync(
    join(home, "troupe.yaml"),
    `version: 1
server: { port: 0, metricsPort: 0, adminPort: 0 }
blobs: { maxFileBytes: 2000000 }
limits: { bodyBytes: 10000 }
providers: { local: { kind: openai-compatible, baseUrl: "${model.baseUrl}" } }
models: { default: [local/scripted-vision], blind: [local/scripted] }
${store.yaml}`,
  );
  writeFileSync(join(home, "agents", "ana.yaml"), "id: ana\nname: Ana\ninstructions: Be kind.\n");
  writeFileSync(
    join(home, "agents", "ben.yaml"),
    "id: ben\nname: Ben\nmodel: blind\ninstructions: Be kind.\n",
  );
  const environment = { home, runtimeDirectory: home, noColor: true, variables: {} };
  serving = await serve(environment, {
    logger: createAdjustableLogger({ level: "silent", isTerminal: false }),
  });
  address = serving.addresses?.gateway ?? "";
  key = serving.firstKey?.key ?? "";
});

afterEach(async () => {
  await serving.stop({ graceMs: 0 });
  await model.close();
  await store[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

interface Uploaded {
  readonly blobId: string;
  readonly mediaType: string;
  readonly name: string;
  readonly sizeBytes: number;
}

const post = (path: string, body: string | Buffer<ArrayBuffer>, type: string, by = key): Promise<Response> =>
  fetch(`${address}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${by}`, "content-type": type },
    body,
  });

async function upload(body: string | Buffer<ArrayBuffer>, type: string, name: string): Promise<Uploaded> {
  const response = await post(`/api/blobs?name=${encodeURIComponent(name)}`, body, type);
  expect(response.status).toBe(201);
  return (await response.json()) as Uploaded;
}

const send = (agent: string, message: unknown, by = key): Promise<Response> =>
  post(`/api/agents/${agent}/messages`, JSON.stringify(message), "application/json", by);

/** What the model was given as the content of its user messages. */
function contents(at = -1): readonly unknown[] {
  const body = JSON.parse(model.requests.at(at)?.text ?? "{}") as {
    messages: { role: string; content: unknown }[];
  };
  return body.messages.filter((message) => message.role === "user").map((message) => message.content);
}

test("an image reaches a model that sees, now and in later turns, and can be read again", async () => {
  const file = await upload(PNG, "image/png", "кіт.png");
  expect(file).toMatchObject({ mediaType: "image/png", name: "кіт.png", sizeBytes: PNG.length });

  const first = await send("ana", { text: "what is this?", session: "s", files: [file] });
  const second = await send("ana", { text: "and now?", session: "s" });

  expect([first.status, second.status]).toEqual([200, 200]);
  const shown = [
    { type: "image_url", image_url: { url: `data:image/png;base64,${PNG.toString("base64")}` } },
    { type: "text", text: "what is this?" },
  ];
  expect(contents(0)).toEqual([shown]);
  expect(contents(1)).toEqual([shown, "and now?"]);
  const read = await fetch(`${address}/api/blobs/${file.blobId}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  expect(Buffer.from(await read.arrayBuffer())).toEqual(PNG);
  expect(read.headers.get("content-type")).toBe("image/png");
  expect(read.headers.get("content-security-policy")).toContain("sandbox");
});

test("a model without eyes is told that an image was there; text files are read to every model", async () => {
  const image = await upload(PNG, "image/png", "cat.png");
  const notes = await upload("Buy milk.", "text/markdown; charset=utf-8", "notes.md");

  const response = await send("ben", { files: [image, notes] });

  expect(response.status).toBe(200);
  expect(contents()).toEqual([
    '[Attached: "cat.png", image/png, 70 bytes; you cannot see images.]\n\nThe file "notes.md":\nBuy milk.',
  ]);
});

test("only those who may read a message may read its files", async () => {
  const file = await upload(PNG, "image/png", "cat.png");
  const made = await post("/api/keys", JSON.stringify({ name: "other" }), "application/json");
  const other = ((await made.json()) as { key: string }).key;
  const read = (by: string): Promise<Response> =>
    fetch(`${address}/api/blobs/${file.blobId}`, { headers: { authorization: `Bearer ${by}` } });
  await send("ana", { text: "mine", session: "s", files: [file] });

  expect((await read(other)).status).toBe(404);
  expect((await read(key)).status).toBe(200);
  expect((await fetch(`${address}/api/blobs/${file.blobId}`)).status).toBe(401);

  await send("ana", { text: "I have it too", files: [file] }, other);
  expect((await read(other)).status).toBe(200);
});

test("what cannot be is refused with a sentence: too large, unknown, too many, empty, no type", async () => {
  const large = await post("/api/blobs", Buffer.alloc(2_000_001), "image/png");
  const endless = await fetch(`${address}/api/blobs`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "image/png" },
    body: new Blob([Buffer.alloc(2_500_000)]).stream(),
    duplex: "half",
  } as RequestInit);
  const unknown = { blobId: "0".repeat(64), mediaType: "image/png", name: "../../secret/cat.png" };
  const missing = await send("ana", { text: "look", files: [unknown] });
  const many = await send("ana", { text: "look", files: Array.from({ length: 11 }, () => unknown) });
  const empty = await post("/api/blobs", "", "image/png");
  const typeless = await post("/api/blobs", "x", "nonsense");

  expect([large.status, endless.status]).toEqual([413, 413]);
  expect(missing.status).toBe(404);
  expect(((await missing.json()) as { detail: string }).detail).toBe(
    "The file cat.png is not here, or not any more. Send it again.",
  );
  expect([many.status, empty.status, typeless.status]).toEqual([400, 400, 400]);
  expect(model.requests).toHaveLength(0);
});
