import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ReplayVerdict, TapeLine, TurnEvent } from "@troupe/contracts";
import { type ScriptedModelServer, startScriptedModelServer } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { TapeReport } from "../../server/src/app/index.ts";
import { type Serving, serve } from "../../server/src/app/lifecycle.ts";
import { createAdjustableLogger } from "../../server/src/app/logging.ts";
import { createCliHome } from "../e2e/cli-home.ts";

/** Turns that are recorded over the wire, and replayed without it. */

const KEY = "provider-key-0123456789";

let home: string;
let first: ScriptedModelServer;
let second: ScriptedModelServer;
let serving: Serving;
let operatorKey: string;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "troupe-tape-"));
  mkdirSync(join(home, "agents"));
  [first, second] = await Promise.all([startScriptedModelServer(), startScriptedModelServer()]);
  writeSettings("tape: { record: true }");
  writeAgent("Be kind.");
  await start();
});

afterEach(async () => {
  await serving.stop({ graceMs: 0 });
  await Promise.all([first.close(), second.close()]);
  rmSync(home, { recursive: true, force: true });
});

function writeSettings(tape: string): void {
  const provider = (name: string, { baseUrl }: ScriptedModelServer) =>
    `  ${name}: { kind: openai-compatible, baseUrl: "${baseUrl}", apiKey: "\${TEST_KEY}" }\n`;
  writeFileSync(
    join(home, "troupe.yaml"),
    `version: 1
server: { port: 0, metricsPort: 0, adminPort: 0 }
providers:
${provider("one", first)}${provider("two", second)}models: { default: [one/scripted, two/scripted] }
${tape}
`,
  );
}

function writeAgent(instructions: string, more = ""): void {
  writeFileSync(
    join(home, "agents", "ana.yaml"),
    `id: ana\nname: Ana\ninstructions: ${instructions}\n${more}`,
  );
}

async function start(): Promise<void> {
  const environment = { home, runtimeDirectory: home, noColor: true, variables: { TEST_KEY: KEY } };
  const logger = createAdjustableLogger({ level: "silent", isTerminal: false });
  serving = await serve(environment, { logger });
  operatorKey = serving.firstKey?.key ?? operatorKey;
}

async function restart(): Promise<void> {
  await serving.stop({ graceMs: 0 });
  await start();
}

const headers = () => ({ authorization: `Bearer ${operatorKey}`, "content-type": "application/json" });

function eventsIn(body: string): readonly (TurnEvent & ReplayVerdict)[] {
  return body
    .split("\n")
    .filter((line) => line.startsWith("data: "))
    .map((line) => JSON.parse(line.slice("data: ".length)));
}

/** Sends one message; resolves with the end of its turn. */
async function say(text: string, session = "s"): Promise<Extract<TurnEvent, { type: "end" }>> {
  const response = await fetch(`${serving.addresses?.gateway}/api/agents/ana/messages`, {
    method: "POST",
    headers: { ...headers(), accept: "text/event-stream" },
    body: JSON.stringify({ text, session }),
  });
  const last = eventsIn(await response.text()).at(-1);
  if (last?.type !== "end") throw new Error("The turn has not ended.");
  return last;
}

async function admin(path: string, body?: unknown): Promise<Response> {
  const post = { method: "POST", body: JSON.stringify(body) };
  return fetch(`${serving.addresses?.admin}${path}`, {
    headers: headers(),
    ...(body === undefined ? {} : post),
  });
}

/** It is written after the turn has ended. */
async function tapeOf(
  turnId: string,
): Promise<Omit<TapeReport, "lines"> & { readonly lines: readonly TapeLine[] }> {
  await expect
    .poll(async () => (await admin(`/admin/turns/${turnId}/tape`)).status, { timeout: 20_000 })
    .toBe(200);
  return (await (await admin(`/admin/turns/${turnId}/tape`)).json()) as never;
}

async function replay(
  turnId: string,
  body: object = {},
): Promise<{ readonly verdict: ReplayVerdict; readonly streamed: string }> {
  await tapeOf(turnId);
  const response = await admin(`/admin/turns/${turnId}/replay`, body);
  const events = eventsIn(await response.text());
  const verdict = events.at(-1);
  if (verdict?.isSame === undefined) throw new Error(JSON.stringify(verdict));
  const streamed = events.reduce(
    (text, event) =>
      event.type === "attempt-start" ? "" : event.type === "text-delta" ? text + event.text : text,
    "",
  );
  return { verdict, streamed };
}

const sum = (a: number) => `use tool calculator {"expression":"${a}+${a}"}`;
const asked = () => first.requests.length + second.requests.length;

test("text, a tool, parallel tools and the turns after them are replayed to the same, without a model", async () => {
  const ends = [
    await say("hello"),
    await say(sum(2)),
    await say(`${sum(3)} and ${sum(4)}`),
    await say("and then?"),
  ];
  const before = asked();

  for (const end of ends) {
    const { verdict, streamed } = await replay(end.turnId);
    expect(verdict).toMatchObject({ isSame: true, differences: [], state: "replied", reply: end.text });
    expect(streamed).toBe(end.text);
  }

  const parallel = await replay(ends[2]?.turnId ?? "");
  expect(parallel.verdict).toMatchObject({ modelCalls: 2, toolCalls: 2 });
  expect(parallel.verdict.reply).toContain("6");
  expect(asked()).toBe(before);
});

test("a tape survives a restart, with the conversation before it", async () => {
  await say("my cat is called Murko");
  const { turnId, text } = await say("hello again");
  await tapeOf(turnId);

  await restart();

  expect((await replay(turnId)).verdict).toMatchObject({ isSame: true, reply: text });
});

test("a turn that was shown the agent's own files is replayed with what they said then", async () => {
  mkdirSync(join(home, "workspaces/ana"), { recursive: true });
  writeFileSync(join(home, "workspaces/ana/SOUL.md"), "Speak plainly.");
  const { turnId, text } = await say("hello");
  expect(JSON.stringify(first.requests)).toContain("Speak plainly.");
  writeFileSync(join(home, "workspaces/ana/SOUL.md"), "Speak in verse.");

  expect((await replay(turnId)).verdict).toMatchObject({ isSame: true, reply: text });
});

test("a model that breaks off and the one that takes over are both on the tape", async () => {
  first.enqueue({ tokens: ["Half ", "of ", "it"], cut: "connection" });
  second.enqueue({ text: "A whole answer." });
  const { turnId, text } = await say("hello");
  expect(text).toBe("A whole answer.");

  const { lines } = await tapeOf(turnId);
  const { verdict, streamed } = await replay(turnId);

  const calls = lines.filter((line) => line.kind === "tape.call");
  expect(calls.map(({ step, model }) => [step, model])).toEqual([
    [0, "one/scripted"],
    [0, "two/scripted"],
  ]);
  expect(verdict).toMatchObject({ isSame: true, modelCalls: 2, reply: text });
  expect(streamed).toBe(text);
});

test("calls that failed before the answer, and turns that failed altogether, are replayed as they went", async () => {
  first.enqueue({ status: 401, body: '{"error":{"message":"no such key"}}' });
  const answered = await say("hello");
  first.enqueue({ status: 401, body: '{"error":{"message":"no such key"}}' });
  second.enqueue({ status: 400, body: '{"error":{"message":"what is this"}}' });
  const failed = await say("hello once more");
  expect(failed.state).toBe("failed");

  const { lines } = await tapeOf(answered.turnId);
  const [call] = lines.filter((line) => line.kind === "tape.call");

  expect(call?.failed).toMatchObject([{ model: "one/scripted", error: { code: "model.auth" } }]);
  expect((await replay(answered.turnId)).verdict).toMatchObject({ isSame: true, reply: answered.text });
  expect((await replay(failed.turnId)).verdict).toMatchObject({ isSame: true, state: "failed" });
});

test("a replay with other instructions names the call and the message that differ", async () => {
  const { turnId, text } = await say("hello");
  await tapeOf(turnId);
  writeAgent("Be terse.", "tools: [calculator]\n");
  expect((await admin("/admin/reload", {})).status).toBe(200);

  const { verdict } = await replay(turnId);

  expect(verdict).toMatchObject({ isSame: false, reply: text });
  expect(verdict.differences[0]).toMatchObject({ what: "prompt", call: 1, message: 1 });
  expect(verdict.differences[0]?.detail).toMatch(/Be kind.*Be terse/);
  expect(verdict.differences[1]).toMatchObject({ what: "tools", call: 1 });
});

test("a replay keeps nothing and sends nothing", async () => {
  const { turnId } = await say(sum(5));
  await tapeOf(turnId);
  const recordOf = async () =>
    (await fetch(`${serving.addresses?.gateway}/api/turns/${turnId}`, { headers: headers() })).json();
  const sessions = async () =>
    (await fetch(`${serving.addresses?.gateway}/api/sessions`, { headers: headers() })).json();
  const before = [await recordOf(), await sessions()];

  await replay(turnId);

  expect([await recordOf(), await sessions()]).toEqual(before);
});

test("no tape holds a provider's key, a kept secret, or what looks like one, in whatever pieces it came", async () => {
  const secret = "opensesame-77";
  const put = await fetch(`${serving.addresses?.admin}/admin/secrets/cave`, {
    method: "PUT",
    headers: headers(),
    body: JSON.stringify({ value: secret }),
  });
  expect(put.status).toBe(200);
  first.enqueue({ tokens: ["The word is open", "sesame", "-77, and the key ", KEY, "."] });
  const { turnId } = await say(`remember ${secret} and sk-abcdefghijklmnop`);

  const { lines } = await tapeOf(turnId);
  const text = JSON.stringify(lines);

  for (const hidden of [secret, KEY, "sk-abcdefghijklmnop"]) expect(text).not.toContain(hidden);
  expect(text).toContain("[redacted]");
  expect((await replay(turnId)).verdict).toMatchObject({ isSame: true });
});

test("a tape that is longer than it may be says so, and is not replayed", async () => {
  writeSettings("tape: { record: true, maxBytes: 4096 }");
  expect((await admin("/admin/reload", {})).status).toBe(200);
  const { turnId } = await say("x".repeat(5_000));

  const tape = await tapeOf(turnId);
  const refused = await admin(`/admin/turns/${turnId}/replay`, {});

  expect(tape.bytes).toBeLessThanOrEqual(4096);
  expect(tape.cut).toMatch(/4096 bytes/);
  expect(tape.lines.at(-1)).toMatchObject({ kind: "tape.end", cut: tape.cut });
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({ detail: expect.stringMatching(/not whole.*4096 bytes/) });
});

test("without being asked nothing is recorded, and an agent may say otherwise for itself", async () => {
  writeSettings("");
  expect((await admin("/admin/reload", {})).status).toBe(200);
  const unrecorded = await say("hello");
  writeAgent("Be kind.", "tape: true\n");
  expect((await admin("/admin/reload", {})).status).toBe(200);
  const recorded = await say("hello again");

  await tapeOf(recorded.turnId);
  const missing = await admin(`/admin/turns/${unrecorded.turnId}/tape`);

  expect(missing.status).toBe(404);
  expect(await missing.json()).toMatchObject({ detail: expect.stringMatching(/tape\.record/) });
  const { stores } = serving.troupe;
  const totals = await stores.tapes.totals("default", { signal: new AbortController().signal });
  expect(totals.count).toBe(1);
});

test("a deleted conversation takes its tapes along", async () => {
  const { turnId } = await say("hello");
  await tapeOf(turnId);
  const turn = (await (
    await fetch(`${serving.addresses?.gateway}/api/turns/${turnId}`, { headers: headers() })
  ).json()) as { readonly turn: { readonly sessionId: string } };

  await fetch(`${serving.addresses?.gateway}/api/sessions/${turn.turn.sessionId}`, {
    method: "DELETE",
    headers: headers(),
  });

  expect((await admin(`/admin/turns/${turnId}/tape`)).status).toBe(404);
});

test("the command line writes a tape, replays it from its file, and ends with 1 where it differs", async () => {
  await using cli = createCliHome();
  cli.write(
    "troupe.yaml",
    "version: 1\nserver: { port: 0, metricsPort: 0, adminPort: 0 }\ntape: { record: true }\n",
  );
  cli.write("agents/ana.yaml", "id: ana\nname: Ana\ninstructions: Be kind.\n");
  const { turnId, text } = await cli.json<{ readonly turnId: string; readonly text: string }>(
    "chat",
    "roll 2d6",
  );
  const file = join(cli.folder, "turn.jsonl");

  const written = await cli.run(["turn", "tape", turnId, "--out", file]);
  const same = await cli.run(["turn", "replay", turnId, "--file", file, "--timing"]);
  cli.write("agents/ana.yaml", "id: ana\nname: Ana\ninstructions: Be terse.\n");
  const other = await cli.run(["turn", "replay", turnId]);

  expect(written).toMatchObject({ code: 0, out: expect.stringContaining(file) });
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as TapeLine).v)).toEqual(lines.map(() => 1));
  expect(same).toMatchObject({ code: 0, out: expect.stringMatching(/Same: .*1 tool call/) });
  expect(same.out).toContain(text.split("\n")[0]);
  expect(other).toMatchObject({ code: 1, out: expect.stringMatching(/Differs.*Be kind.*Be terse/s) });
}, 120_000);
