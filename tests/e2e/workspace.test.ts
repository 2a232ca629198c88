// A person edits an agent's files while Troupe runs: what its prompts show, to whom, and what is kept of it.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { serve } from "../../server/src/app/lifecycle.ts";
import { createAdjustableLogger } from "../../server/src/app/logging.ts";
import { inboundOf, NEVER, OPERATOR } from "../turns/stage.ts";
import { type ServedHome, serveHome } from "./served-home.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let served: ServedHome;
beforeEach(async () => {
  served = await serveHome();
});
afterEach(() => served[Symbol.asyncDispose]());

function write(name: string, text: string): void {
  const path = join(served.path, "workspaces/ana", name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
}

/** What one of the key's users says to Ana; resolves with what the model was shown. */
async function say(user: string, text: string, address = served.address): Promise<string> {
  const response = await fetch(`${address}/v1/chat/completions`, {
    method: "POST",
    headers: {
      ...{ authorization: `Bearer ${served.key}`, "content-type": "application/json" },
      "x-troupe-session": user,
    },
    body: JSON.stringify({ model: "ana", user, messages: [{ role: "user", content: text }] }),
  });
  expect(response.status).toBe(200);
  await response.text();
  return JSON.stringify(served.model.requests.at(-1)?.body);
}

function git(...words: readonly string[]): string {
  const cwd = join(served.path, "workspaces/ana");
  return execFileSync("git", words, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

/** Versions are kept behind the reply. */
const kept = (message: string): Promise<void> =>
  vi.waitFor(() => expect(git("log", "--format=%s").split("\n")).toContain(message), { timeout: 20_000 });

test("edits by hand are in the next prompt, kept in git one by one, and no secret among them", async () => {
  expect(await say("kate", "Hello.")).not.toContain("SOUL.md");
  write("SOUL.md", "Speak plainly.\n");
  write("USER.md", "The operator likes tea.\n");
  await new Promise((resolve) => setTimeout(resolve, 1_100));

  const first = await say("kate", "Hello again.");
  expect(first).toContain("Speak plainly.");
  expect(first).not.toContain("likes tea");
  await kept("Added by hand: USER.md");
  write("SOUL.md", "Speak in verse.\n");
  write("MEMORY.md", "api key: abcd1234efgh\n");
  expect(await say("kate", "And now?")).toContain("Speak in verse.");

  await kept("Changed by hand: SOUL.md");
  expect(git("log", "--format=%s", "--", "SOUL.md").trim().split("\n")).toHaveLength(2);
  expect(git("status", "--porcelain")).toBe("?? MEMORY.md\n");
  expect(git("cat-file", "--batch-all-objects", "--batch")).not.toContain("abcd1234efgh");
});

test("after a restart the files are what they are by then", async () => {
  write("SOUL.md", "Speak plainly.\n");
  expect(await say("kate", "Hello.")).toContain("Speak plainly.");
  await kept("Added by hand: SOUL.md");
  await served.serving.stop({ graceMs: 0 });
  write("SOUL.md", "Speak in verse.\n");

  const environment = { home: served.path, runtimeDirectory: served.path, noColor: true, variables: {} };
  const logger = createAdjustableLogger({ level: "silent", isTerminal: false });
  const again = await serve(environment, { logger });
  try {
    expect(await say("kate", "Hello.", again.addresses?.gateway)).toContain("Speak in verse.");
    await kept("Changed by hand: SOUL.md");
  } finally {
    await again.stop({ graceMs: 0 });
  }
});

/** The same from a channel, where several may read. Nobody waits for the answer but this. */
async function hear(text: string, audience: readonly string[]): Promise<string> {
  const { inbox } = served.serving.troupe;
  const before = served.model.requests.length;
  const sessionKey = audience.join(" ");
  const message = { ...inboundOf(text, Date.now()), audience, sessionKey, peerId: sessionKey };
  await inbox.accept(message, OPERATOR, { signal: NEVER });
  await vi.waitFor(() => expect(served.model.requests.length).toBeGreaterThan(before), { timeout: 20_000 });
  return JSON.stringify(served.model.requests[before]?.body);
}

test("what is about one person stays with them: neither others nor a group they are in are shown any of it", async () => {
  write("SOUL.md", "Speak plainly.\n");
  write("USER.md", "The operator likes tea.\n");
  write("notes/surprise.md", "The present is a kite.\n");
  write("people/telegram+42/USER.md", "Olha likes coffee.\n");

  const operator = await hear("Hello.", ["operator"]);
  expect(operator).toMatch(/likes tea.*notes\/surprise\.md/);
  expect(operator).not.toContain("coffee");
  const olha = await hear("Hello.", ["telegram/42"]);
  expect(olha).toContain("Olha likes coffee");
  expect(olha).not.toMatch(/likes tea|surprise/);
  const group = await hear("Hello all.", ["operator", "telegram/42"]);
  expect(group).toContain("Speak plainly.");
  expect(group).not.toMatch(/likes tea|coffee|surprise/);
});

test("an agent that may changes its files for whom it talks with, and the next prompt of theirs shows it", async () => {
  const file = join(served.path, "agents/ana.yaml");
  writeFileSync(file, "id: ana\nname: Ana\ninstructions: Be kind.\nworkspace: {}\n");
  expect(await served.serving.troupe.reloader.reload()).toMatchObject({ kind: "applied" });
  write("SOUL.md", "Speak plainly.\n");
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await hear('use tool workspace_write {"file":"USER.md","text":"Likes cocoa."}', ["telegram/42"]);
  const folder = join(served.path, "workspaces/ana/people/telegram+42");
  await vi.waitFor(() => expect(readFileSync(join(folder, "USER.md"), "utf8")).toBe("Likes cocoa.\n"), {
    timeout: 20_000,
  });

  expect(await hear("Hello.", ["telegram/42"])).toContain("file USER.md; for reference");
  expect(await hear("Hello.", ["telegram/43"])).not.toContain("cocoa");
  await vi.waitFor(() => expect(git("log", "-1", "--format=%s")).toMatch(/^Written by ana: people\//), {
    timeout: 20_000,
  });
  expect(await hear("What tools?", ["telegram/42"])).toContain("workspace_write");
});

test("an erased person is in no file, no version and no prompt, and what is about others is as it was", async () => {
  write("SOUL.md", "Speak plainly.\n");
  write("people/telegram+42/USER.md", "Olha likes zorabelle.\n");
  write("people/telegram+43/USER.md", "Max likes tea.\n");
  expect(await hear("Hello.", ["telegram/42"])).toContain("zorabelle");
  await kept("Added by hand: people/telegram+42/USER.md");
  const erase = async (body: object): Promise<object> => {
    const response = await fetch(`${served.serving.addresses?.admin}/admin/memory/erase`, {
      method: "POST",
      headers: { authorization: `Bearer ${served.key}`, "content-type": "application/json" },
      body: JSON.stringify({ peer: "telegram/42", ...body }),
    });
    return (await response.json()) as object;
  };
  expect(await erase({ dryRun: true })).toMatchObject({ ownFiles: 1, sessions: 1 });

  expect(await erase({})).toMatchObject({
    ...{ ownFiles: 1, sessions: 1, historiesRewritten: ["ana"], historiesDropped: [] },
  });

  expect(git("cat-file", "--batch-all-objects", "--batch")).not.toMatch(/zorabelle|telegram\+42/);
  expect(git("log", "--format=%s").trim().split("\n")).toEqual([
    "Added by hand: people/telegram+43/USER.md",
    "Added by hand: SOUL.md",
  ]);
  expect(await hear("Hello?", ["telegram/42"])).not.toContain("zorabelle");
  expect(await hear("Hello?", ["telegram/43"])).toContain("Max likes tea");
});
