import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createLogRecorder, startScriptedModelServer } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createIdGenerator, createMetrics, systemClock } from "../../kit/index.ts";
import { openInlineStores } from "../../store/index.ts";
import { type Environment, loadConfig } from "../config/index.ts";
import { holdHome } from "../home-lock.ts";
import { adminSocketPath } from "../runtime-path.ts";
import { examine } from "./examine.ts";
import { applyFixes, type Finding } from "./finding.ts";
import { modelFindings } from "./live.ts";

let home: string;
let environment: Environment;
let blocker: Server;
let taken: number;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "troupe-doctor-"));
  environment = { home, runtimeDirectory: home, noColor: true, variables: {} };
  mkdirSync(join(home, "agents"));
  mkdirSync(join(home, "data"), { mode: 0o700 });
  writeFileSync(join(home, "agents", "ana.yaml"), "id: ana\nname: Ana\ninstructions: Be kind.\n");
  blocker = createServer();
  await once(blocker.listen(0, "127.0.0.1"), "listening");
  taken = (blocker.address() as { port: number }).port;
});

afterEach(async () => {
  blocker.close();
  rmSync(home, { recursive: true, force: true });
});

async function findingsOf(
  settings: string,
  options: {
    readonly isRunning?: boolean;
    readonly nodeVersion?: string;
    readonly availableBytes?: number;
  } = {},
): Promise<readonly Finding[]> {
  writeFileSync(join(home, "troupe.yaml"), `version: 1\n${settings}`, { mode: 0o600 });
  return examine({ environment, loaded: loadConfig({ environment }), isRunning: false, ...options });
}

/** How fast the disk is just now, and how much room there is, is not for a test to say. */
const OF_THE_MACHINE: ReadonlySet<string> = new Set(["Memory", "Disk", "Fsync", "Clock"]);

const unwell = (findings: readonly Finding[]): readonly string[] =>
  findings
    .filter(({ name, verdict }) => verdict !== "good" && !OF_THE_MACHINE.has(name))
    .map(({ name }) => name);

const named = (findings: readonly Finding[], name: string): readonly Finding[] =>
  findings.filter((finding) => finding.name === name);

test("a taken port is named with the program that has it and the setting", async () => {
  const [found] = named(
    await findingsOf(`server: { port: ${taken}, metricsPort: 0, adminPort: 0 }\n`),
    "Ports",
  );

  expect(found).toMatchObject({ verdict: "bad", what: `port ${taken} cannot be opened` });
  expect(found?.remedy).toContain(`Port ${taken} is taken`);
  expect(found?.remedy).toContain("set server.port in ");
  if (process.platform === "linux") expect(found?.remedy).toContain(`pid ${process.pid}`);
});

test("an address that is not of this machine is told as that, not as a taken port", async () => {
  const found = named(
    await findingsOf(`server: { host: 192.0.2.1, port: ${taken}, metricsPort: 0, adminPort: 0 }\n`),
    "Ports",
  );

  expect(found[0]).toMatchObject({
    verdict: "bad",
    remedy: expect.stringContaining("is not an address of this machine"),
  });
});

test("any free port is nothing to look at, and a running Troupe's ports are its own", async () => {
  const free = await findingsOf("server: { port: 0, metricsPort: 0, adminPort: 0 }\n");
  const running = await findingsOf(`server: { port: ${taken}, metricsPort: 0, adminPort: 0 }\n`, {
    isRunning: true,
  });

  expect(named(free, "Ports")).toMatchObject([{ verdict: "good", what: "any free ones are taken" }]);
  expect(named(running, "Ports")[0]?.verdict).toBe("good");
});

test("files that others can read, an old Node and an open host are told with the remedy", async () => {
  const findings = await findingsOf("server: { host: 0.0.0.0, port: 0, metricsPort: 0, adminPort: 0 }\n", {
    nodeVersion: "22.1.0",
  });
  rmSync(join(home, "data"), { recursive: true });
  mkdirSync(join(home, "data"), { mode: 0o755 });
  const open = await findingsOf("server: { port: 0, metricsPort: 0, adminPort: 0 }\n");

  expect(named(findings, "Node")[0]).toMatchObject({
    verdict: "bad",
    remedy: expect.stringContaining("./troupe"),
  });
  expect(named(findings, "Exposure")[0]).toMatchObject({ verdict: "warning" });
  expect(named(open, "Privacy")[0]).toMatchObject({
    verdict: "warning",
    remedy: expect.stringContaining("chmod go-rwx"),
  });
});

test("a provider is asked for its models, and one that is not there is told with what to check", async () => {
  await using model = await startScriptedModelServer({ models: ["llama"] });
  const providers = `providers:
  here: { kind: openai-compatible, baseUrl: "${model.baseUrl}" }
  away: { kind: openai-compatible, baseUrl: "http://127.0.0.1:9/v1" }
models: { default: [here/llama, here/qwen] }
server: { port: 0, metricsPort: 0, adminPort: 0 }
`;
  const findings = await findingsOf(providers);

  expect(named(findings, "Provider here")[0]).toMatchObject({
    verdict: "warning",
    what: "answers, but does not list qwen",
    remedy: "It has: llama.",
  });
  expect(named(findings, "Provider away")[0]).toMatchObject({
    verdict: "bad",
    what: expect.stringContaining("cannot be reached"),
  });
});

test("settings that are not valid end the look at what they decide", async () => {
  const findings = await findingsOf("modles: {}\n");

  expect(named(findings, "Settings")[0]).toMatchObject({
    verdict: "bad",
    remedy: expect.stringContaining("modles is not a setting"),
  });
  expect(named(findings, "Ports")).toEqual([]);
});

test("before the first start there is nothing to complain about", async () => {
  const fresh = join(home, "nowhere", "yet");
  const findings = await examine({
    environment: { ...environment, home: fresh },
    loaded: undefined,
    isRunning: true,
  });

  expect(unwell(findings)).toEqual([]);
  expect(named(findings, "Home")[0]?.what).toContain("./troupe up makes it");
  expect(named(findings, "Disk")).toHaveLength(1);
  expect(existsSync(fresh)).toBe(false);
});

test("open files, a missing folder and what a dead process left are mended, and then are well", async () => {
  const quiet = "server: { port: 0, metricsPort: 0, adminPort: 0 }\n";
  await findingsOf(quiet);
  chmodSync(join(home, "troupe.yaml"), 0o644);
  chmodSync(join(home, "data"), 0o755);
  writeFileSync(join(home, "data", "holder.json"), JSON.stringify({ pid: 999_999, command: "up", since: 1 }));
  const socketPath = adminSocketPath(home, home);
  mkdirSync(dirname(socketPath), { recursive: true });
  writeFileSync(socketPath, "");
  const loaded = loadConfig({ environment });
  rmSync(join(home, "agents"), { recursive: true });
  const look = () => examine({ environment, loaded, isRunning: false });

  const before = await look();
  const fixed = await applyFixes(before);
  const after = await look();

  expect(unwell(before)).toEqual(["Folders", "Privacy", "Process"]);
  expect(named(before, "Process")[0]?.what).toMatch(/^Process 999999 .* ended without tidying up/);
  expect(fixed.map(({ name, isDone }) => [name, isDone])).toEqual([
    ["Folders", true],
    ["Privacy", true],
    ["Process", true],
  ]);
  expect(unwell(after)).toEqual([]);
  expect(statSync(join(home, "troupe.yaml")).mode & 0o777).toBe(0o600);
  expect(existsSync(socketPath)).toBe(false);
  expect(readdirSync(join(home, "data")).filter((name) => name.endsWith(".json"))).toEqual([]);
});

test("what a dead process left is not taken from one that has started since", async () => {
  const holderFile = join(home, "data", "holder.json");
  writeFileSync(holderFile, JSON.stringify({ pid: 999_999, command: "up", since: 1 }));
  const before = await findingsOf("server: { port: 0, metricsPort: 0, adminPort: 0 }\n");
  using _ = holdHome(join(home, "data"), { pid: process.pid, command: "up", since: 2 });

  const fixed = await applyFixes(before);

  expect(fixed).toMatchObject([{ name: "Process", isDone: false }]);
  expect(existsSync(holderFile)).toBe(true);
});

test("a fix that fails is told with its reason and does not end the others", async () => {
  const fixed = await applyFixes([
    {
      ...{ name: "One", verdict: "bad", what: "", how: "" },
      fix: {
        done: "mended",
        apply: () => {
          throw new Error("the disk is read-only");
        },
      },
    },
    { ...{ name: "Two", verdict: "bad", what: "", how: "" }, fix: { done: "mended", apply: () => {} } },
  ]);

  expect(fixed).toEqual([
    { name: "One", what: "the disk is read-only", isDone: false },
    { name: "Two", what: "mended", isDone: true },
  ]);
});

test("a whole store is told of, one that is damaged is named, and so is an index that lags", async () => {
  const path = join(home, "data", "troupe.db");
  const quiet = "server: { port: 0, metricsPort: 0, adminPort: 0 }\n";
  const none = named(await findingsOf(quiet), "Store");
  await keepMessages(path, 600);
  const lagging = await findingsOf(quiet);
  writeFileSync(path, Buffer.alloc(8192, 7));
  const damaged = named(await findingsOf(quiet), "Store");

  expect(none).toMatchObject([{ verdict: "good", what: expect.stringContaining("not there yet") }]);
  expect(named(lagging, "Store")).toMatchObject([
    { verdict: "good", what: expect.stringMatching(/^whole, /) },
  ]);
  expect(named(lagging, "Search index")).toMatchObject([
    { verdict: "warning", what: expect.stringMatching(/^600 messages behind/) },
  ]);
  expect(damaged).toMatchObject([{ verdict: "bad", remedy: expect.stringContaining("backup") }]);
});

test("little memory is told with how much Troupe needs", async () => {
  const findings = await findingsOf("server: { port: 0, metricsPort: 0, adminPort: 0 }\n", {
    availableBytes: 100_000_000,
  });

  expect(named(findings, "Memory")).toMatchObject([
    { verdict: "warning", what: "100 MB available", remedy: expect.stringContaining("330 MB") },
  ]);
});

test("what models said to a question becomes findings, each failure with its own remedy", () => {
  const findings = modelFindings([
    { model: "a/good", tookMs: 812, answer: "ready" },
    { model: "a/mute", tookMs: 100, answer: "" },
    { model: "b/locked", tookMs: 50, error: { code: "model.auth", message: "The key was refused (401)." } },
  ]);

  expect(findings.map(({ verdict, what }) => [verdict, what])).toEqual([
    ["good", "answered in 0.8 s"],
    ["warning", "answered nothing, in 0.1 s"],
    ["bad", "The key was refused (401)"],
  ]);
  expect(findings[2]?.remedy).toContain("./troupe secret set b");
});

async function keepMessages(path: string, count: number): Promise<void> {
  const clock = systemClock();
  const store = openInlineStores({
    ...{ path, clock, ids: createIdGenerator(clock), logger: createLogRecorder(), metrics: createMetrics() },
  });
  const { sessions, unit } = store.stores;
  const common = { spaceId: "default", audience: ["p"] };
  const touch = sessions.touch({
    ...{ ...common, id: "s", agentId: "ana", channel: "api", key: "k", peerId: "p", ownerId: "p" },
    ...{ stateless: false, at: 1, count },
  });
  const messages = Array.from({ length: count }, (_, n) =>
    sessions.append({
      ...{ ...common, id: `m-${n}`, sessionId: "s", turnId: "t", turnSeq: "same", role: "user" },
      ...{ parts: [{ type: "text", text: `hello ${n}` }], outcome: "ok", createdAt: 1, fromLast: n },
    }),
  );
  await unit.commit([touch, ...messages], { signal: new AbortController().signal });
  await store.close();
}
