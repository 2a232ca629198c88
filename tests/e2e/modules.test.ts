import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AnyHook, Module, Turn } from "@troupe/contracts";
import { type ScriptedModelServer, startScriptedModelServer } from "@troupe/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Serving, serve } from "../../server/src/app/lifecycle.ts";
import { createAdjustableLogger } from "../../server/src/app/logging.ts";
import { type HomeStore, openHomeStore } from "../lab/home-store.ts";
import { checklist } from "../modules/checklist.ts";

/** Modules in a whole Troupe, with a model on the real wire. */

const options = { signal: new AbortController().signal };

let home: string;
let store: HomeStore;
let model: ScriptedModelServer;
let serving: Serving | undefined;
let key: string;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "troupe-modules-"));
  store = await openHomeStore();
  model = await startScriptedModelServer();
  mkdirSync(join(home, "agents"));
  writeSettings("");
  writeAgent("");
  key = "";
});

afterEach(async () => {
  await serving?.stop({ graceMs: 0 });
  serving = undefined;
  await model.close();
  await store[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

function writeSettings(more: string): void {
  writeFileSync(
    join(home, "troupe.yaml"),
    `version: 1
server: { port: 0, metricsPort: 0, adminPort: 0 }
providers: { local: { kind: openai-compatible, baseUrl: "${model.baseUrl}" } }
models: { default: [local/scripted], small: [local/scripted-small] }
${store.yaml}${more}`,
  );
}

function writeAgent(more: string): void {
  writeFileSync(join(home, "agents", "ana.yaml"), `id: ana\nname: Ana\ninstructions: Be kind.\n${more}`);
}

async function start(modules: NonNullable<Parameters<typeof serve>[1]>["modules"] = []): Promise<Serving> {
  const environment = { home, runtimeDirectory: home, noColor: true, variables: {} };
  const logger = createAdjustableLogger({ level: "silent", isTerminal: false });
  serving = await serve(environment, { logger, modules });
  key = serving.firstKey?.key ?? key;
  return serving;
}

async function say(text: string, session = "s") {
  const response = await fetch(`${serving?.addresses?.gateway}/api/agents/ana/messages`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ text, session }),
  });
  const body = (await response.json()) as {
    readonly turnId: string;
    readonly text: string;
    readonly code?: string;
    readonly detail?: string;
  };
  return { status: response.status, ...body };
}

async function turnOf(turnId: string): Promise<Turn> {
  const turn = await serving?.troupe.stores.turns.get(turnId, options);
  if (turn === undefined) throw new Error(`There is no turn ${turnId}.`);
  return turn;
}

const traceOf = async (turnId: string, what: string) =>
  (await turnOf(turnId)).trace.filter((entry) => entry.what === what).map(({ detail }) => detail);

async function standing(): Promise<Readonly<Record<string, string>>> {
  const query = { spaceId: "default", states: ["active", "blocked", "archived"] as const };
  const found = await serving?.troupe.stores.moduleInstances.list(query, options);
  return Object.fromEntries(
    (found?.items ?? []).toReversed().map(({ title, state, outcome }) => [title, outcome ?? state] as const),
  );
}

async function memories(): Promise<readonly string[]> {
  const query = { spaceId: "default", agentId: "ana", readers: undefined };
  const found = await serving?.troupe.stores.memories.list(query, options);
  return (found?.items ?? []).map(({ text }) => text).toSorted();
}

test("a checklist is planned, goes on by itself, survives a restart, and is ended by word and by tool", async () => {
  await start([checklist]);
  const planned = await say("plan: pack > call the mover > hand over the keys");
  expect(await standing()).toEqual({
    ...{ pack: "active", "call the mover": "blocked", "hand over the keys": "blocked" },
  });
  expect((await traceOf(planned.turnId, "equip"))[0]).toMatch(
    /modules memory people jobs workspace checklist; checklist: 3 added$/,
  );
  expect(model.requests[0]?.body.tools?.map((tool) => tool.function.name)).toContain("finish_task");

  await say("done: pack");
  await vi.waitFor(
    async () => expect(await standing()).toMatchObject({ "call the mover": "active" }),
    15_000,
  );
  await serving?.stop();
  await start([checklist]);
  await say('use tool finish_task {"title":"call the mover"}');
  await vi.waitFor(
    async () => expect(await standing()).toMatchObject({ "hand over the keys": "active" }),
    15_000,
  );

  expect(await standing()).toEqual({
    ...{ pack: "done", "call the mover": "done", "hand over the keys": "active" },
  });
  await vi.waitFor(
    async () =>
      expect(await memories()).toEqual([
        ...["call the mover: can begin", "call the mover: done", "hand over the keys: can begin"],
        ...["pack: can begin", "pack: done"],
      ]),
    15_000,
  );
});

test("the model small settles what the checklist is unsure of, once a setting allows it", async () => {
  await start([checklist]);
  await say("plan: pack > call the mover");
  const unsure = await say("the boxes are finished");
  expect((await traceOf(unsure.turnId, "equip"))[0]).toMatch(/; checklist: unsure$/);

  await serving?.stop();
  writeSettings("modules: { checklist: { whenUnsure: model } }\n");
  await start([checklist]);
  model.setRule(({ model: name }) => ({ text: name === "scripted-small" ? "checklist: pack" : "Good." }));
  const settled = await say("the boxes are finished");

  expect((await traceOf(settled.turnId, "equip"))[0]).toMatch(/; checklist: chose "pack", 1 ended$/);
  expect(await standing()).toMatchObject({ pack: "done" });
});

test("a recorded turn in which a module decided is replayed to the same", async () => {
  writeSettings("tape: { record: true }\n");
  await start([checklist]);
  await say("plan: pack > call the mover");
  const { turnId } = await say("done: pack");
  const admin = `${serving?.addresses?.admin}/admin/turns/${turnId}`;
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  await vi.waitFor(async () => expect((await fetch(`${admin}/tape`, { headers })).status).toBe(200), 15_000);

  const response = await fetch(`${admin}/replay`, { method: "POST", headers, body: "{}" });
  const last = (await response.text()).split("\n").findLast((line) => line.startsWith("data: "));

  expect(JSON.parse(last?.slice("data: ".length) ?? "{}")).toMatchObject({
    ...{ isSame: true, differences: [], reply: "You said: done: pack" },
  });
  expect(JSON.stringify(model.requests.at(-1)?.body)).toContain("pack: done");
});

test.each([
  ["modules: { cheklist: {} }\n", "", 'modules names the module "cheklist", which does not exist.'],
  ["", "without: [cheklist]\n", 'without names the module "cheklist", which does not exist.'],
  [
    "",
    "tools: [finish_task]\nwithout: [checklist]\n",
    'tools names the tool "finish_task" of the module "checklist", which the agent goes without.',
  ],
])("a name that nobody brings is refused at the start: %s%s", async (settings, agent, sentence) => {
  writeSettings(settings);
  writeAgent(agent);

  await expect(start([checklist])).rejects.toThrow(sentence);
});

test("an agent may name a module's tool, and one without the module has none of them", async () => {
  writeAgent("tools: [finish_task]\n");
  await start([checklist]);
  await say("hello");
  await serving?.stop();
  writeAgent("without: [checklist]\n");
  await start([checklist]);
  await say("hello");

  const offered = model.requests.map(({ body }) => body.tools?.map((tool) => tool.function.name));
  expect(offered[0]).toEqual(["finish_task"]);
  expect(offered[1]).not.toContain("finish_task");
});

// ── hooks ───────────────────────────────────────────────────────────────────────────────────────────────────────

const watching = (...hooks: readonly AnyHook[]): Module => ({ id: "watch", budgetTokens: 0, hooks });

test("the process and its agents tell their hooks when they come, change and go", async () => {
  const heard: string[] = [];
  const hear = (line: string) => void heard.push(line) as undefined;
  const module = watching(
    { point: "gateway_start", run: ({ processId }) => hear(`start ${processId !== ""}`) },
    { point: "gateway_stop", run: () => hear("stop") },
    { point: "agent_loaded", run: ({ agent }) => hear(`${agent.spec.id}@${agent.revision}`) },
  );
  const { troupe } = await start([module]);
  await troupe.reloader.reload();
  writeAgent("description: Another.\n");
  await troupe.reloader.reload();
  await serving?.stop();

  expect(heard).toEqual(["ana@1", "start true", "ana@2", "stop"]);
});

test("a message that a hook denies is refused over HTTP with its reason, and nothing of it is kept", async () => {
  await start([
    watching({
      point: "before_message",
      run({ message }) {
        const text = message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
        if (text.includes("break")) throw new Error("broken");
        return text.includes("secret") ? { kind: "deny", reason: "Secrets are not taken here." } : undefined;
      },
    }),
  ]);

  expect(await say("a secret")).toMatchObject({
    ...{ status: 403, code: "auth.forbidden", detail: "Secrets are not taken here." },
  });
  expect(await say("break it")).toMatchObject({
    ...{ status: 500, code: "internal" },
    detail: "Your message could not be checked, so it was not taken. Try again later.",
  });
  expect(await say("hello")).toMatchObject({ status: 200, text: "You said: hello" });
  expect(model.requests).toHaveLength(1);
});

test("a call of a tool that a hook denies is not run, and the model reads why", async () => {
  await start([
    checklist,
    watching({
      point: "before_tool_call",
      run: ({ tool }) => (tool === "finish_task" ? { kind: "deny", reason: "Ask first." } : undefined),
    }),
  ]);
  await say("plan: pack");
  const answer = await say('use tool finish_task {"title":"pack"}');

  expect(answer.text).toBe("Results: finish_task was not run: Ask first.");
  expect(await standing()).toEqual({ pack: "active" });
  const line = "finish_task (transactional) denied by watch/before_tool_call: Ask first.";
  expect(await traceOf(answer.turnId, "tool")).toEqual([line]);
});

test("the guide shows the checklist as it is tested here", () => {
  const root = join(import.meta.dirname, "..", "..");
  const guide = readFileSync(join(root, "docs", "guide", "modules.md"), "utf8");
  const source = readFileSync(join(root, "tests", "modules", "checklist.ts"), "utf8");
  expect(guide).toContain(`\`\`\`ts\n${source.trimEnd()}\n\`\`\``);
});
