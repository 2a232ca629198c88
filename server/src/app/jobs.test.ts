import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_SPACE_ID, type JobInput, textOf } from "@troupe/contracts";
import { type ScriptedModelServer, startScriptedModelServer } from "@troupe/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "../kit/index.ts";
import { compose, type Troupe } from "./compose.ts";
import { type Environment, requireConfig } from "./config/index.ts";
import { openHome } from "./home.ts";
import { type Serving, serve } from "./lifecycle.ts";
import { createAdjustableLogger } from "./logging.ts";
import { masterKeysOf } from "./secrets.ts";

/** Jobs in a Troupe as people run it. */

const options = { signal: new AbortController().signal };
const logger = createAdjustableLogger({ level: "silent", isTerminal: false });
const MINUTE = 60_000;
const WITHIN = { timeout: 15_000 };
const OWNER = { spaceId: DEFAULT_SPACE_ID, agentId: "ana", ownerId: "operator", peerId: "operator" };

let home: string;
let model: ScriptedModelServer;
let environment: Environment;
let serving: Serving | undefined;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "troupe-jobs-"));
  model = await startScriptedModelServer();
  environment = { home, runtimeDirectory: home, noColor: true, variables: {} };
  mkdirSync(join(home, "agents"));
  writeFileSync(
    join(home, "troupe.yaml"),
    `version: 1
server: { port: 0, metricsPort: 0, adminPort: 0 }
timeZone: Europe/Kyiv
providers: { local: { kind: openai-compatible, baseUrl: "${model.baseUrl}" } }
models: { default: [local/scripted] }
`,
  );
  writeFileSync(join(home, "agents", "ana.yaml"), "id: ana\nname: Ana\ninstructions: Be kind.\n");
});

afterEach(async () => {
  await serving?.stop({ graceMs: 0 });
  serving = undefined;
  await model.close();
  rmSync(home, { recursive: true, force: true });
});

async function start(): Promise<Troupe> {
  serving = await serve(environment, { logger });
  return serving.troupe;
}

const jobsOf = async ({ stores }: Troupe) =>
  (await stores.jobs.list({ spaceId: DEFAULT_SPACE_ID }, options)).items;
const runsOf = async ({ stores }: Troupe, jobId: string) =>
  (await stores.jobs.runs({ jobId }, options)).items.toReversed();

test("a reminder that an agent's tool made arrives in the conversation where it was asked for", async () => {
  const troupe = await start();
  const said = await fetch(`${serving?.addresses?.gateway}/api/agents/ana/messages`, {
    method: "POST",
    headers: { authorization: `Bearer ${serving?.firstKey?.key}`, "content-type": "application/json" },
    body: JSON.stringify({
      text: 'use tool remind_me {"text":"stretch","inSeconds":1}',
      session: "with ana",
    }),
  });
  expect(said.status).toBe(200);
  const { sessionId } = (await said.json()) as { readonly sessionId: string };
  const [job] = await jobsOf(troupe);
  expect(job).toMatchObject({ spec: { kind: "one_off" }, next: { zone: "Europe/Kyiv" } });

  await vi.waitFor(async () => {
    const { items } = await troupe.stores.sessions.messages({ sessionId }, options);
    expect(items.map(({ parts }) => textOf(parts)).at(-1)).toBe("Reminder: stretch");
  }, WITHIN);
  await vi.waitFor(async () => expect((await jobsOf(troupe))[0]?.state).toBe("completed"), WITHIN);
  const [run] = await runsOf(troupe, job?.id ?? "");
  expect(run).toMatchObject({ state: "succeeded" });
  expect(await troupe.stores.turns.get(run?.turnId ?? "", options)).toMatchObject({ trigger: "job" });
  // Only the asking needed a model.
  expect(model.requests).toHaveLength(2);
});

/** Jobs that were made three hours ago, by a Troupe that nobody has started since. */
async function makeEarlier(inputs: Readonly<Record<string, JobInput>>): Promise<void> {
  openHome(home);
  const config = requireConfig({ environment });
  const ago = systemClock();
  const clock = { ...ago, now: () => ago.now() - 180 * MINUTE };
  await using troupe = await compose(config, {
    ...{ clock, logger, mode: "command", masterKeys: masterKeysOf(environment) },
  });
  for (const [id, input] of Object.entries(inputs)) {
    const asker = { ...OWNER, origin: {} };
    await troupe.jobs.create(id, { title: id, ...input }, asker, options);
  }
}

test("what was due while nobody served runs once, not at all, or each time, as it says", async () => {
  const every = { text: "Look.", everyMinutes: 55 };
  await makeEarlier({
    reminder: { text: "call the dentist", inSeconds: 3_600, isReminder: true },
    plants: every,
    greeting: { ...every, missed: "skip" },
    visitors: { ...every, missed: "all" },
  });
  const troupe = await start();

  await vi.waitFor(async () => {
    const { open, due, running } = (await troupe.status(options)).jobs;
    expect({ open, due: due.count, running }).toEqual({ open: 3, due: 0, running: 0 });
  }, WITHIN);
  const states = async (id: string) => (await runsOf(troupe, id)).map(({ state }) => state);
  expect(await states("reminder")).toEqual(["succeeded"]);
  expect(await states("plants")).toEqual(["succeeded"]);
  expect(await states("greeting")).toEqual(["skipped"]);
  expect(await states("visitors")).toEqual(["succeeded", "succeeded", "succeeded"]);
  for (const job of (await jobsOf(troupe)).filter(({ state }) => state === "active"))
    expect(job.next.at - Date.now()).toBeGreaterThan(30 * MINUTE);
});

test("a held home runs no job until the operator lets it go", async () => {
  await makeEarlier({ reminder: { text: "call the dentist", inSeconds: 3_600, isReminder: true } });
  {
    const held = await compose(requireConfig({ environment }), {
      ...{ logger, mode: "command", masterKeys: masterKeysOf(environment) },
    });
    const { unit, holds } = held.stores;
    const hold = { spaceId: DEFAULT_SPACE_ID, reason: "It was restored.", since: Date.now() };
    await unit.commit([holds.place(hold)], options);
    await held[Symbol.asyncDispose]();
  }
  const troupe = await start();
  troupe.scheduler.nudge();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await runsOf(troupe, "reminder")).toEqual([]);
  expect((await troupe.status(options)).jobs.due.count).toBe(1);

  const released = await fetch(`${serving?.addresses?.admin}/admin/outbox/release`, {
    method: "POST",
    headers: { authorization: `Bearer ${serving?.firstKey?.key}` },
  });
  expect(released.status).toBe(200);
  await vi.waitFor(
    async () => expect((await runsOf(troupe, "reminder"))[0]?.state).toBe("succeeded"),
    WITHIN,
  );
});

test("an agent that goes without the module of jobs has none of its tools", async () => {
  writeFileSync(
    join(home, "agents", "ben.yaml"),
    "id: ben\nname: Ben\ninstructions: Be kind.\nwithout: [jobs]\n",
  );
  const { agents, toolbox } = await start();
  const toolsOf = (id: string): readonly string[] => {
    const agent = agents.get(DEFAULT_SPACE_ID, id);
    return agent === undefined ? [] : toolbox.select(agent, "chat").specs.map(({ name }) => name);
  };

  expect(toolsOf("ana")).toContain("remind_me");
  expect(toolsOf("ben").filter((name) => name === "remind_me" || name.startsWith("job_"))).toEqual([]);
  expect(toolsOf("ben")).toContain("time");
});
