import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../kit/index.ts";
import { type Config, loadConfig, requireConfig } from "./config/index.ts";
import { openHome } from "./home.ts";
import { createAdjustableLogger } from "./logging.ts";
import { createReloader, type Reloader } from "./reload.ts";

let home: string;
let applied: Config[];
let lines: string[];
let reloader: Reloader;

const BASE = "version: 1\nserver: { port: 8080 }\nmodels: { default: [offline/guide] }\n";

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-reload-"));
  openHome(home);
  write("troupe.yaml", BASE);
  applied = [];
  lines = [];
  const environment = { home, variables: {} };
  reloader = createReloader({
    initial: requireConfig({ environment }),
    load: () => loadConfig({ environment }),
    apply: async (config) => {
      applied.push(config);
      return [];
    },
    clock: systemClock(),
    logger: createAdjustableLogger({
      level: "info",
      isTerminal: false,
      write: (line) => void lines.push(line),
    }),
  });
});

afterEach(() => {
  reloader[Symbol.dispose]();
  rmSync(home, { recursive: true, force: true });
});

function write(name: string, text: string): void {
  writeFileSync(join(home, name), text);
}

describe("a reload", () => {
  test("applies what changed of settings and agents, and names it", async () => {
    write("troupe.yaml", `${BASE}budget: { dailyUsd: 2 }\nlog: { level: debug }\n`);
    write("agents/zoe.yaml", "id: zoe\nname: Zoe\ninstructions: Sing.\n");
    rmSync(join(home, "agents/kate.yaml"));

    const report = await reloader.reload();

    expect(report).toMatchObject({
      kind: "applied",
      changed: ["budget.dailyUsd", "log.level", "agents.zoe", "agents.kate"],
      needsRestart: [],
    });
    expect(applied.map((config) => config.agents.map((agent) => agent.id))).toEqual([["ana", "zoe"]]);
    expect(reloader.config).toBe(applied[0]);
  });

  test("keeps what is in force when the new files are broken, says why, and recovers", async () => {
    const before = reloader.config;
    write("troupe.yaml", `${BASE}budgte: {}\n`);

    const report = await reloader.reload();

    expect(report.kind === "rejected" && report.problems.map((problem) => problem.message)).toEqual([
      "budgte is not a setting.",
    ]);
    expect(reloader.config).toBe(before);
    expect(applied).toEqual([]);
    expect(lines.join("")).toContain("config.rejected");
    write("troupe.yaml", `${BASE}budget: { dailyUsd: 1 }\n`);
    expect(await reloader.reload()).toMatchObject({ kind: "applied", changed: ["budget.dailyUsd"] });
  });

  test("names settings that take a restart, and does so until they are taken back", async () => {
    write("troupe.yaml", BASE.replace("8080", "8081"));

    expect(await reloader.reload()).toMatchObject({ changed: [], needsRestart: ["server.port"] });
    expect(await reloader.reload()).toMatchObject({ changed: [], needsRestart: ["server.port"] });
    write("troupe.yaml", BASE);
    expect(await reloader.reload()).toMatchObject({ changed: [], needsRestart: [] });
  });

  test("names each provider and model, limits in force at once, and every setting that takes a restart", async () => {
    write(
      "troupe.yaml",
      `version: 1
server: { port: 8080, allowedHosts: [home.example] }
models: { default: [local/llama, offline/guide], small: [offline/guide] }
providers: { local: { kind: openai-compatible, baseUrl: "http://127.0.0.1:11434/v1" } }
limits: { maxQueuedTurns: 5, maxConcurrentTurns: { realtime: 7 }, bodyBytes: 2048 }
`,
    );

    const report = await reloader.reload();

    expect(report.kind === "applied" && report.changed.toSorted()).toEqual([
      "limits.maxConcurrentTurns",
      "limits.maxQueuedTurns",
      "models.default",
      "models.small",
      "providers.local",
    ]);
    expect(report.kind === "applied" && report.needsRestart.toSorted()).toEqual([
      "limits.bodyBytes",
      "server.allowedHosts",
    ]);
  });

  test("applies at once whatever is read anew each time", async () => {
    write(
      "troupe.yaml",
      `${BASE}quietHours: { from: "22:00" }
peers: { kate: { timeZone: Europe/Kyiv } }
agents: { maxHops: 5 }
recall: { vectors: search }
storylines: { whenUnsure: model }
memory: { dreams: false }
knowledge: { privateHosts: [wiki.home.example] }
modules: { memory: { whenUnsure: model } }
`,
    );

    const report = await reloader.reload();

    expect(report).toMatchObject({ kind: "applied", needsRestart: [] });
    expect(report.kind === "applied" && report.changed).toContain("agents.maxHops");
    expect(applied).toHaveLength(1);
  });

  test("of an unchanged configuration changes nothing", async () => {
    await reloader.reload();

    expect(applied).toEqual([]);
  });

  test("takes out a setting that was taken out of the file", async () => {
    write("troupe.yaml", `${BASE}limits: { ratePerMinute: 5 }\n`);
    await reloader.reload();
    write("troupe.yaml", BASE);

    expect(await reloader.reload()).toMatchObject({ changed: ["limits.ratePerMinute"] });
    expect(reloader.config.limits.ratePerMinute).toBeUndefined();
  });

  test("happens by itself when a file of the home changes", async () => {
    reloader.watch();

    write("agents/zoe.yaml", "id: zoe\nname: Zoe\ninstructions: Sing.\n");

    await vi.waitFor(() => expect(applied.at(-1)?.agents.map((agent) => agent.id)).toContain("zoe"), {
      timeout: 5000,
    });
  });
});

describe("the log", () => {
  test("changes its level while it is in use, for children too", () => {
    const out: string[] = [];
    const logger = createAdjustableLogger({
      level: "warn",
      isTerminal: false,
      write: (line) => void out.push(line),
    });
    const child = logger.child({ part: "x" });

    child.info("one.quiet");
    logger.setLevel("info");
    child.info("two.heard", { n: 1 });

    expect(out.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: "info", event: "two.heard", part: "x", n: 1 }),
    ]);
  });

  test("writes lines for people on a terminal, secrets redacted as everywhere", () => {
    const out: string[] = [];
    const logger = createAdjustableLogger({
      level: "info",
      isTerminal: true,
      write: (line) => void out.push(line),
    });

    logger.warn("model.failed", { provider: "local", apiKey: "sk-secret", error: new Error("It broke.") });

    expect(out[0]).toMatch(
      /^\d\d:\d\d:\d\d warn {2}model\.failed provider=local apiKey="\[redacted\]" error="It broke\."\n$/,
    );
  });
});
