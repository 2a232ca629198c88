import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { LLMock } from "@copilotkit/aimock";
import { type ScriptedModelServer, startScriptedModelServer } from "@troupe/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { type CliHome, createCliHome } from "./cli-home.ts";

// Many processes, each a start of its own, on machines that may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

/** The wizard in a real terminal, against a model on the real wire. */

const MAIN = fileURLToPath(new URL("../../server/src/cli/main.ts", import.meta.url));
const KEYS = { enter: "\r", down: "\x1b[B", up: "\x1b[A", leave: "\x03" } as const;
/** Of util-linux: a terminal for a program that has none. */
const hasTerminal = spawnSync("script", ["--version"]).status === 0;
const KEY = "key-that-the-server-knows";

let cli: CliHome;
let model: ScriptedModelServer;
let wizard: ChildProcess | undefined;

beforeEach(async () => {
  // Keys of whoever runs this are none of its business.
  const none = Object.keys(process.env).filter((name) => name.endsWith("_API_KEY"));
  cli = createCliHome(Object.fromEntries(none.map((name) => [name, ""])));
  model = await startScriptedModelServer({ models: ["small", "large"] });
});

afterEach(async () => {
  wizard?.kill("SIGKILL");
  wizard = undefined;
  await cli[Symbol.asyncDispose]();
  await model.close();
});

/** Starts the wizard; `see` waits for a text that was not seen before, `type` presses keys. */
function start() {
  const env = {
    ...process.env,
    ...cli.variables,
    TROUPE_HOME: cli.home,
    XDG_RUNTIME_DIR: cli.folder,
    TERM: "xterm",
    NO_COLOR: "1",
  };
  // exec: a shell that stays between may end by a Ctrl-C that we outlive.
  const command = `stty cols 200 rows 50; exec '${process.execPath}' '${MAIN}' setup`;
  const child = spawn("script", ["-qefc", command, "/dev/null"], { env, stdio: "pipe" });
  wizard = child;
  // Listened for from the start: the wizard may be gone before a test has read its last words.
  const closed = once(child, "close") as Promise<[number]>;
  let screen = "";
  let seen = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    screen += stripVTControlCharacters(text);
  });
  return {
    type(...keys: readonly string[]) {
      for (const key of keys) child.stdin.write(key);
    },
    async see(text: string) {
      await expect
        .poll(() => screen.indexOf(text, seen), { timeout: 40_000, interval: 50 })
        .toBeGreaterThan(-1);
      seen = screen.indexOf(text, seen) + text.length;
    },
    async ended() {
      const [code] = await closed;
      return { code, screen };
    },
  };
}

const settings = (): string => readFileSync(join(cli.home, "troupe.yaml"), "utf8");

describe.skipIf(!hasTerminal)("at a terminal", () => {
  test("a stranger gets from nothing to a first answer, and the file reads as if a person wrote it", async () => {
    const at = start();
    await at.see("Where is the model?");
    at.type(KEYS.up, KEYS.enter);
    await at.see("Its address");
    at.type(model.baseUrl, KEYS.enter);
    await at.see("Which model?");
    at.type(KEYS.down, KEYS.enter);
    await at.see("Write this?");
    expect(existsSync(join(cli.home, "troupe.yaml"))).toBe(false);
    at.type(KEYS.enter);
    await at.see("Your first answer:");
    await at.see("You said: Hello! Who are you");
    const { code } = await at.ended();

    expect(code).toBe(0);
    expect(parse(settings())).toMatchObject({
      providers: { local: { kind: "openai-compatible", baseUrl: model.baseUrl } },
      models: { default: ["local/large", "offline/guide"] },
    });
    expect(settings()).toContain("# The models of a list are tried in this order.");
  });

  test("a key is asked for when the server wants one, tried before anything is written, and kept sealed", async () => {
    // What a server does that knows one key alone.
    model.setRule(() => ({ status: 401, body: '{"error":{"message":"Incorrect API key provided."}}' }));
    const at = start();
    await at.see("Where is the model?");
    at.type(KEYS.up, KEYS.enter);
    await at.see("Its address");
    at.type(model.baseUrl, KEYS.enter);
    await at.see("Which model?");
    at.type(KEYS.enter);
    await at.see("refused our key");
    await at.see("What now?");
    model.setRule(() => ({ text: "Hello." }));
    at.type(KEYS.enter);
    await at.see("Its key");
    at.type(KEY, KEYS.enter);
    await at.see("Which model?");
    at.type(KEYS.enter);
    await at.see("Write this?");
    at.type(KEYS.enter);
    const { code, screen } = await at.ended();

    expect(code).toBe(0);
    expect(model.requests.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(screen).not.toContain(KEY);
    expect(settings()).toContain("apiKey: ${secret:local}");
  });

  test("leaving at any question, or while a server hangs, leaves everything as it was", async () => {
    const before = readdirSync(cli.home);
    const steps: readonly (readonly [string, ...string[]])[] = [
      ["Where is the model?", KEYS.up, KEYS.enter],
      ["Its address", model.baseUrl, KEYS.enter],
      ["Which model?", KEYS.enter],
      ["Sending one message"],
      ["Write this?"],
    ];
    for (const [left] of steps) {
      model.setRule(() => (left === "Sending one message" ? { hang: "headers" } : { text: "Hello." }));
      const at = start();
      for (const [text, ...keys] of steps) {
        if (text === "Sending one message" && left !== text) continue;
        await at.see(text);
        if (text === left) break;
        at.type(...keys);
      }
      at.type(KEYS.leave);
      const { code, screen } = await at.ended();

      expect({ left, code }).toEqual({ left, code: 1 });
      expect(screen).toContain("Nothing was changed.");
      expect(readdirSync(cli.home)).toEqual(before);
    }
  });

  test("a second run changes one thing: the model, while Troupe runs", async () => {
    const written = `version: 1 # mine
server: { port: 0, metricsPort: 0, adminPort: 0 }
providers:
  mine: { kind: openai-compatible, baseUrl: "${model.baseUrl}" } # at home
models:
  default:
    - mine/small # the first one
    - offline/guide
`;
    cli.write("troupe.yaml", written);
    cli.write("agents/ana.yaml", "id: ana\nname: Ana\ninstructions: Be kind.\n");
    const running = await cli.up();
    const at = start();
    await at.see("What would you like to change?");
    at.type(KEYS.enter);
    await at.see("Which model?");
    at.type(KEYS.down, KEYS.enter);
    await at.see("Write this?");
    at.type(KEYS.enter);
    const { code } = await at.ended();
    await running.stop();

    expect(code).toBe(0);
    expect(settings()).toBe(written.replace("    - mine/small # the first one\n", "    - mine/large\n"));
    expect(model.requests.at(-1)?.body.model).toBe("large");
  });
});

describe("without a terminal", () => {
  const flags = (): readonly string[] => [
    "setup",
    "--provider",
    "openai-compatible",
    "--base-url",
    model.baseUrl,
    "--name",
    "mine",
  ];

  test("flags say it all, and a program reads what happened", async () => {
    const done = await cli.run([...flags(), "--model", "large", "--key-from-stdin", "--yes", "--json"], {
      input: `${KEY}\n`,
    });

    expect(done).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse(done.out)).toMatchObject({
      model: "mine/large",
      secret: "mine",
      trial: { text: "You said: Say hello in one short sentence." },
      answer: expect.stringContaining("You said: Hello!"),
    });
    expect(done.out).not.toContain(KEY);
    expect(parse(settings())).toMatchObject({
      providers: { mine: { apiKey: "${secret:mine}" } },
      models: { default: ["mine/large", "offline/guide"] },
    });
  });

  test("a provider of another dialect is connected by its name alone", async () => {
    const claude = new LLMock({ port: 0, host: "127.0.0.1", logLevel: "silent", auth: { apiKeys: [KEY] } });
    await claude.start();
    claude.on({}, { content: "Hello from another wire." });
    const model = ["--model", "claude-sonnet-4-5", "--base-url", `${claude.url}/v1`];

    const done = await cli.run(
      ["setup", "--provider", "anthropic", ...model, "--key-from-stdin", "--yes", "--json"],
      { input: `${KEY}\n` },
    );
    await claude.stop();

    expect(done).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse(done.out)).toMatchObject({
      model: "anthropic/claude-sonnet-4-5",
      trial: { text: "Hello from another wire." },
      answer: expect.stringContaining("Hello from another wire."),
    });
    expect(parse(settings()).providers.anthropic).toMatchObject({
      kind: "anthropic",
      apiKey: "${secret:anthropic}",
    });
  });

  test("what is missing is misuse, and a model that does not answer changes nothing", async () => {
    const before = readdirSync(cli.home);
    model.setRule(() => ({ status: 404, body: '{"error":{"message":"No such model."}}' }));

    const vague = await cli.run(["setup"]);
    const unasked = await cli.run([...flags(), "--model", "large"]);
    const unknown = await cli.run([...flags(), "--model", "none", "--yes"]);

    expect([vague.code, unasked.code, unknown.code]).toEqual([2, 2, 1]);
    expect(unknown.err).toContain("does not exist at its provider");
    expect(readdirSync(cli.home)).toEqual(before);
  });
});
