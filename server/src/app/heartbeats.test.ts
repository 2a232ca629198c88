import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Troupe } from "./compose.ts";
import { composeQuiet } from "./compose-quiet.ts";
import { type Environment, loadConfig, requireConfig } from "./config/index.ts";
import { type Serving, serve } from "./lifecycle.ts";
import { createAdjustableLogger } from "./logging.ts";

/** Heartbeats and quiet hours as their files ask for them. */

const options = { signal: new AbortController().signal };
const logger = createAdjustableLogger({ level: "silent", isTerminal: false });
const HEAD = "version: 1\nserver: { port: 0, metricsPort: 0, adminPort: 0 }\ntimeZone: Europe/Kyiv\n";

let home: string;
let environment: Environment;
let serving: Serving | undefined;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-heartbeats-"));
  environment = { home, runtimeDirectory: home, noColor: true, variables: {} };
  mkdirSync(join(home, "agents"));
  settings("");
});

afterEach(async () => {
  await serving?.stop({ graceMs: 0 });
  serving = undefined;
  rmSync(home, { recursive: true, force: true });
});

const settings = (more: string): void => writeFileSync(join(home, "troupe.yaml"), HEAD + more);
const agent = (id: string, more: string): void =>
  writeFileSync(join(home, "agents", `${id}.yaml`), `id: ${id}\nname: Ana\ninstructions: Be kind.\n${more}`);

const jobsOf = async ({ stores }: Troupe) =>
  (await stores.jobs.list({ spaceId: DEFAULT_SPACE_ID }, options)).items;

test("a heartbeat is there from the start on, once, and follows its file at a reload", async () => {
  agent("ana", "heartbeat: { everyMinutes: 30, activeHours: { from: 9:00, to: 18:00 } }\n");
  agent("ben", "");
  serving = await serve(environment, { logger });
  const { troupe } = serving;
  expect(await jobsOf(troupe)).toMatchObject([
    {
      ...{ agentId: "ana", state: "active", peerId: "operator" },
      spec: {
        schedule: { everyMs: 1_800_000, zone: "Europe/Kyiv", within: { from: "9:00", to: "18:00" } },
        deliverTo: { channel: "inbox", target: "operator" },
      },
    },
  ]);

  agent("ana", "");
  agent("ben", "heartbeat: { everyMinutes: 60, text: What is new? }\n");
  await troupe.reloader.reload();

  expect((await jobsOf(troupe)).map(({ agentId, state }) => [agentId, state])).toEqual([
    ["ben", "active"],
    ["ana", "paused"],
  ]);
});

test("quiet hours are the peer's, else the agent's, else the home's, by the peer's clock", () => {
  settings(`quietHours: { from: "22:00", to: "06:00" }
peers:
  p-1: { timeZone: America/New_York }
  p-2: { quietHours: { enabled: false } }
  p-3: { quietHours: { from: "13:00", to: "14:00" }, timeZone: UTC }
`);
  agent("ana", "");
  agent("ben", "quietHours: { enabled: true }\n");
  const config = requireConfig({ environment });
  const agents = {
    get: (_space: string, id: string) => {
      const spec = config.agents.find((one) => one.id === id);
      return spec && { spaceId: DEFAULT_SPACE_ID, revision: 1, spec };
    },
  };
  const quiet = composeQuiet(() => config, agents);
  const until = (agentId: string, peerId: string, at: string): string | undefined => {
    const end = quiet.until({ spaceId: DEFAULT_SPACE_ID, agentId, peerId }, Date.parse(at));
    return end === undefined ? undefined : new Date(end).toISOString();
  };

  // 22:30 in Kyiv.
  expect(until("ana", "somebody", "2026-11-21T20:30:00Z")).toBe("2026-11-22T04:00:00.000Z");
  expect(until("ben", "somebody", "2026-11-21T20:30:00Z")).toBeUndefined();
  expect(until("ben", "somebody", "2026-11-21T21:30:00Z")).toBe("2026-11-22T05:00:00.000Z");
  expect(until("ana", "p-1", "2026-11-21T20:30:00Z")).toBeUndefined();
  expect(until("ana", "p-1", "2026-11-22T04:30:00Z")).toBe("2026-11-22T11:00:00.000Z");
  expect(until("ana", "p-2", "2026-11-21T20:30:00Z")).toBeUndefined();
  expect(until("ana", "p-3", "2026-11-21T13:30:00Z")).toBe("2026-11-21T14:00:00.000Z");
  expect(until("ana", "constructor", "2026-11-21T20:30:00Z")).toBeDefined();
});

test("what cannot be is refused with its line, and said how to write it", () => {
  settings(`quietHours: { from: "25:00", to: "07:00" }
peers:
  p-1: { timeZone: Mars/Base }
`);
  agent("ana", "quietHours: { from: 8:00, to: 08:00 }\nheartbeat: { everyMinutes: 0 }\n");
  const loaded = loadConfig({ environment });
  const told =
    loaded.kind === "invalid" ? loaded.problems.map(({ line, message }) => `${line} ${message}`) : [];

  expect(told).toEqual([
    expect.stringMatching(
      /^4 quietHours\.from is "25:00"; what belongs here is a time of day such as "23:00"/,
    ),
    expect.stringMatching(/^6 peers\.p-1\.timeZone is no time zone; write an IANA name such as Europe\/Kyiv/),
    expect.stringMatching(/^4 quietHours\.to is the same as from; quiet hours must end/),
    expect.stringMatching(/^5 heartbeat\.everyMinutes /),
  ]);
});
