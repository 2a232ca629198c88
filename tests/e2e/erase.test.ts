// A person is erased from a running Troupe: nothing of what they alone know is left, and nothing of others is gone.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ErasedRows } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Erasure, FoundMemories } from "../../server/src/app/index.ts";
import { chosenStore } from "../lab/test-store.ts";
import { type ServedHome, serveHome } from "./served-home.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
let served: ServedHome;
beforeEach(async () => {
  served = await serveHome();
  served.model.setRule(({ messages }) => ({
    text: `Noted: ${String(messages.at(-1)?.content).slice(0, 60)}`,
  }));
});
afterEach(() => served[Symbol.asyncDispose]());

async function call<Answer>(path: string, body?: unknown, headers: object = {}): Promise<Answer> {
  const base = path.startsWith("/admin") ? served.serving.addresses?.admin : served.address;
  const response = await fetch(`${base}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${served.key}`, "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text) as Answer;
}

/** What one of the key's users says to Ana, in a conversation of its own. */
async function say(user: string, text: string, session = "one"): Promise<string> {
  const body = { model: "ana", user, messages: [{ role: "user", content: text }] };
  const answer = await call<{ choices: { message: { content: string } }[] }>("/v1/chat/completions", body, {
    "x-troupe-session": session,
  });
  return String(answer.choices[0]?.message.content);
}

const memories = async () => (await call<FoundMemories>("/admin/memories?closed=true&limit=100")).items;
/** The id by which audiences know a user. */
const idOf = async (user: string): Promise<string> => {
  const audiences = (await memories()).flatMap(({ audience }) => audience);
  return audiences.find((id) => id.endsWith(`/${user}`)) ?? "";
};

/** How often words stand in any file of the home, whatever their case. */
function occurrences(word: string): number {
  const files = readdirSync(served.path, { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  );
  return files.reduce((sum, { parentPath, name }) => {
    const text = readFileSync(join(parentPath, name)).toString("latin1").toLowerCase();
    return sum + text.split(word).length - 1;
  }, 0);
}

const SECRETS = ["zorabelle", "qwertinsk", "plumbagofish", "vulpecular", "xylophonist"];

async function tellAll(): Promise<void> {
  await say("zora", "My name is Zorabelle. I live in Qwertinsk.");
  await say("zora", "/remember the code word of the vault is plumbagofish");
  for (let n = 0; n < 4; n++)
    await say("zora", `Number ${n}: what do you think of a vulpecular xylophonist?`, "two");
  await say("max", "My name is Maximilian. I live in Brandenburg.");
  await say("max", "/remember the boat is called Heron");
  await vi.waitFor(async () => expect((await memories()).length).toBeGreaterThanOrEqual(6), {
    timeout: 20_000,
  });
  // What runs behind the replies, indexing among it, has its time.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
}

test("nothing of an erased person is found, in no page of the database, and everything of others is", async () => {
  await tellAll();
  const [zora, max] = [await idOf("zora"), await idOf("max")];
  const isFile = chosenStore() === "sqlite";
  // The check can fail: all of it is there, also of what was changed since.
  if (isFile) for (const word of SECRETS) expect([word, occurrences(word) > 0]).toEqual([word, true]);
  const counts = await call<ErasedRows & { sessions: number }>("/admin/memory/erase", {
    peer: zora,
    dryRun: true,
  });
  expect(counts).toMatchObject({ sessions: 2, memories: 3 });

  const erased = await call<Erasure>("/admin/memory/erase", { peer: zora });

  expect(erased).toMatchObject({ sessions: 2, memories: 3, scrubbed: { kind: isFile ? "clean" : "left" } });
  if (isFile) for (const word of SECRETS) expect([word, occurrences(word)]).toEqual([word, 0]);
  expect((await memories()).filter(({ audience }) => audience.includes(zora))).toEqual([]);
  expect(await say("zora", "/recall vault")).not.toContain("plumbagofish");
  expect((await memories()).filter(({ audience }) => audience.includes(max))).toHaveLength(3);
  expect(await say("max", "/recall boat", "later")).toContain("Heron");
  expect(await say("max", "/recall Brandenburg", "later")).toContain("Brandenburg");

  // A repetition finds what came since, and nothing where nothing came.
  await call<Erasure>("/admin/memory/erase", { peer: zora });
  expect(await call("/admin/memory/erase", { peer: zora })).toMatchObject({
    sessions: 0,
    messages: 0,
    memories: 0,
  });
  await served.serving.stop({ graceMs: 0 });
  if (isFile) for (const word of SECRETS) expect([word, occurrences(word)]).toEqual([word, 0]);
});

test("a turn under way is stopped, and files that nobody else sent are deleted", async () => {
  const sendImage = (user: string, bytes: Buffer): Promise<unknown> => {
    const url = `data:image/png;base64,${bytes.toString("base64")}`;
    const content = [
      { type: "text", text: "/remember my picture" },
      { type: "image_url", image_url: { url } },
    ];
    const body = { model: "ana", user, messages: [{ role: "user", content }] };
    return call("/v1/chat/completions", body, { "x-troupe-session": "pictures" });
  };
  const own = Buffer.concat([PNG, Buffer.from("own")]);
  await say("zora", "/remember the lamp is green");
  await say("max", "/remember the lamp is blue");
  await sendImage("zora", own);
  await sendImage("zora", PNG);
  await sendImage("max", PNG);
  await vi.waitFor(async () => expect(await idOf("zora")).not.toBe(""));
  served.model.setRule(() => ({ hang: "headers" }));
  const waiting = say("zora", "Think for a long time", "slow").catch((error: unknown) => String(error));
  await new Promise((resolve) => setTimeout(resolve, 300));

  const erased = await call<Erasure>("/admin/memory/erase", { peer: await idOf("zora") });

  expect(erased.files).toBe(1);
  expect(erased.sessions).toBeGreaterThanOrEqual(3);
  await waiting;
});

test("the person must be named", async () => {
  await expect(call("/admin/memory/erase", {})).rejects.toThrow("The body must be");
});
