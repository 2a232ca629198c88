import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "@troupe/contracts";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type HomeStore, openHomeStore } from "../lab/home-store.ts";

// Many processes, each a start of its own, on machines that may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

/** The command line as a person uses it: real processes, a real home, the offline model. */

const MAIN = fileURLToPath(new URL("../../server/src/cli/main.ts", import.meta.url));

let folder: string;
let store: HomeStore;
let home: string;
let ports: readonly number[];
let serving: ChildProcess | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "troupe-cli-"));
  home = join(folder, "home");
  ports = await freePorts(3);
  store = await openHomeStore();
});

afterAll(async () => {
  if (serving !== undefined && serving.exitCode === null) {
    serving.kill("SIGKILL");
    await once(serving, "exit");
  }
  await store[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, TROUPE_HOME: home, XDG_RUNTIME_DIR: folder, NO_COLOR: "1" };
}

async function troupe(words: readonly string[], input = ""): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...words], { env: environment(), stdio: "pipe" });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  child.stdin.end(input);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

async function json<Value>(...words: readonly string[]): Promise<Value> {
  const { code, out, err } = await troupe([...words, "--json"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out) as Value;
}

async function up(): Promise<{ readonly out: string; readonly err: () => string }> {
  const child = spawn(process.execPath, [MAIN, "up"], { env: environment(), stdio: "pipe" });
  serving = child;
  let out = "";
  let err = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
      if (out.includes("Ctrl-C stops it")) resolve();
    });
    child.once("exit", (code) => reject(new Error(`troupe up ended with ${code}: ${err}`)));
  });
  return { out, err: () => err };
}

async function end(signal: NodeJS.Signals): Promise<number | null> {
  const child = serving;
  if (child === undefined) throw new Error("Troupe does not run.");
  const exit = once(child, "exit") as Promise<[number | null]>;
  child.kill(signal);
  const [code] = await exit;
  serving = undefined;
  return code;
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => once(server.listen(0, "127.0.0.1"), "listening")));
  const found = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return found;
}

function writeConfig(more = ""): void {
  const [port, metricsPort, adminPort] = ports;
  mkdirSync(home, { recursive: true });
  writeFileSync(
    join(home, "troupe.yaml"),
    `version: 1\nserver: { port: ${port}, metricsPort: ${metricsPort}, adminPort: ${adminPort}, grpcPort: 50051 }\n${more}${store.yaml}`,
  );
}

function writeAgent(id: string): void {
  mkdirSync(join(home, "agents"), { recursive: true });
  writeFileSync(
    join(home, "agents", `${id}.yaml`),
    `id: ${id}\nname: ${id}\ninstructions: You are a helper.\n`,
  );
}

describe("before Troupe runs", () => {
  test("commands that only look say that there is no home, and make none", async () => {
    const { code, err } = await troupe(["turn", "list"]);

    expect(code).toBe(1);
    expect(err).toMatch(/^There is no Troupe home at .* \.\/troupe up makes one/);
  });

  test("a misspelt command is misuse, and one of a later version is told as that", async () => {
    expect(await troupe(["statsu"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("Did you mean status?"),
    });
    expect(await troupe(["mcp", "list"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("./troupe mcp is not in this version."),
    });
    expect(await troupe(["key", "create"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("--name"),
    });
  });

  test("misuse is one JSON value where JSON was asked for", async () => {
    const { code, out, err } = await troupe(["turn", "list", "--limt", "3", "--json"]);

    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(JSON.parse(err)).toEqual({
      error: { code: "request.invalid", message: "Unknown option '--limt'. (Did you mean --limit?)" },
    });
  });

  test("a broken file ends the start with place and remedy, and nothing else", async () => {
    writeAgent("ana");
    writeConfig("modles: {}\n");

    const { code, out, err } = await troupe(["up"]);

    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err.split("\n")[0]).toBe("troupe.yaml:3  modles is not a setting.");
    expect(err).toContain('Did you mean "models"?');
  });
});

describe("one home, with and without a running Troupe", () => {
  const answered = { sessionId: "", turnId: "", key: "" };

  test("a question is answered without any server, and the next one knows of it", async () => {
    writeConfig();

    const first = await troupe(["chat", "--agent", "ana"], "remember that my cat is called Mia\n");
    const second = await troupe(["chat", "what is my cat called?"]);

    expect(first).toMatchObject({ code: 0, err: "" });
    expect(second).toMatchObject({ code: 0, err: "" });
    expect(second.out).toContain("Mia");
  });

  test("a conversation is exported to a file, and one that is not there makes none", async () => {
    const [session] = (await json<Page<{ id: string }>>("session", "list")).items;
    const file = join(folder, "talk.md");

    const missing = await troupe(["session", "export", "nosuch", "--output", file]);
    expect(missing).toMatchObject({ code: 1, err: expect.stringContaining("nosuch") });
    expect(existsSync(file)).toBe(false);
    const written = await troupe(["session", "export", session?.id ?? "", "--output", file]);
    const again = await troupe(["session", "export", session?.id ?? "", "--output", file]);

    expect(written).toMatchObject({ code: 0, err: "" });
    expect(written.out).toBe(`Written to ${file}, ${statSync(file).size.toLocaleString("en-US")} bytes.\n`);
    expect(readFileSync(file, "utf8")).toContain("my cat is called Mia");
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining("it is there already") });
  });

  test("a start tells all that one needs, gRPC that is not served included", async () => {
    const { out } = await up();

    expect(out).toMatch(/^Troupe is ready in \d+\.\d s\.\n/);
    expect(out).toContain(`http://127.0.0.1:${ports[0]}`);
    expect(out).toContain("./troupe chat");
    expect(out).toContain("gRPC      not served in this version");
    const ready = await fetch(`http://127.0.0.1:${ports[0]}/ready`);
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, reasons: [] }]);
  });

  test("a second start with the same home is refused by name", async () => {
    const { code, err } = await troupe(["up"]);

    expect(code).toBe(1);
    expect(err).toContain(`Troupe runs already with the home ${home} (process ${serving?.pid}).`);
  });

  test("the conversation goes on through the running Troupe", async () => {
    const { out } = await troupe(["chat", "what is my cat called?"]);
    const { items: sessions } = await json<Page<{ id: string; turns: number }>>("session", "list");
    const page = await json<Page<{ id: string; state: string }>>("turn", "list", "--limit", "1");
    const [turn] = page.items;
    const next = await json<Page<{ id: string }>>(
      "turn",
      "list",
      "--limit",
      "1",
      "--cursor",
      page.next ?? "",
    );
    const printed = await troupe(["turn", "list", "--limit", "1"]);

    expect(out).toContain("Mia");
    expect(sessions).toEqual([expect.objectContaining({ turns: 3 })]);
    expect(turn?.state).toBe("replied");
    expect(printed.out).toContain(`There are more: --cursor ${page.next}\n`);
    expect(next.items).toHaveLength(1);
    expect(next.items[0]?.id).not.toBe(turn?.id);
    answered.sessionId = sessions[0]?.id ?? "";
    answered.turnId = turn?.id ?? "";
  });

  test("a turn's whole life is shown in the order of time", async () => {
    const { code, out } = await troupe(["turn", "show", answered.turnId]);

    expect(code).toBe(0);
    const steps = out
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/)[1]);
    expect(steps).toEqual(
      expect.arrayContaining(["received", "accepted", "open", "place", "equip", "commit"]),
    );
    expect(out).toMatch(/^turn \S+ {2}session terminal\/\S+ {2}storyline ".*" {2}agent ana@1$/m);
    expect(out).toMatch(/^ {2}\d\d:\d\d:\d\d\.\d{3} {2}received {3}terminal "what is my cat called\?"$/m);
  });

  test("a key is made while Troupe runs, works at once, and is refused once revoked", async () => {
    const made = await json<{ id: string; key: string }>("key", "create", "--name", "test");
    const ask = (): Promise<Response> =>
      fetch(`http://127.0.0.1:${ports[0]}/v1/models`, { headers: { authorization: `Bearer ${made.key}` } });

    expect(made.key).toMatch(/^trp_[\w-]{43}$/);
    expect((await ask()).status).toBe(200);
    expect((await troupe(["key", "revoke", made.id])).code).toBe(0);
    expect((await ask()).status).toBe(401);
    answered.key = (await json<{ key: string }>("key", "create", "--name", "kept")).key;
  });

  test("a link signs a browser in, which the list of keys shows until it is revoked", async () => {
    const { url } = await json<{ url: string }>("key", "link");
    const { origin, searchParams } = new URL(url);
    expect(origin).toBe(`http://127.0.0.1:${ports[0]}`);
    const signedIn = await fetch(`${origin}/api/sign-in`, {
      method: "POST",
      headers: { "content-type": "application/json", origin },
      body: JSON.stringify({ code: searchParams.get("start") }),
    });
    const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
    const look = async (): Promise<number> =>
      (await fetch(`${origin}/api/me`, { headers: { cookie } })).status;
    expect(await look()).toBe(200);

    const keys = await json<{ id: string; kind: string }[]>("key", "list");
    const browser = keys.find(({ kind }) => kind === "browser");
    expect((await troupe(["key", "list"])).out).toMatch(/a browser +browser +operator +signed in .* until /);
    expect((await troupe(["key", "revoke", browser?.id ?? ""])).code).toBe(0);
    expect(await look()).toBe(401);
  });

  test("a changed file is taken over while Troupe runs, a broken one is told of and changes nothing", async () => {
    writeAgent("zoe");
    expect((await troupe(["reload"])).code).toBe(0);
    const agents = await json<{ id: string }[]>("agent", "list");
    writeConfig("budgte: {}\n");
    const broken = await troupe(["reload"]);
    const status = await troupe(["status"]);
    writeConfig();

    expect(agents.map((agent) => agent.id)).toEqual(["ana", "zoe"]);
    expect(broken).toMatchObject({ code: 1, out: expect.stringContaining("budgte is not a setting.") });
    expect(status.out).toMatch(/Settings {2}broken since .*troupe\.yaml:3 budgte is not a setting\./);
    expect((await troupe(["reload"])).code).toBe(0);
  });

  test("a process that is killed leaves everything to the next one", async () => {
    await end("SIGKILL");
    await up();

    const { items: sessions } = await json<Page<{ id: string }>>("session", "list");
    const models = await fetch(`http://127.0.0.1:${ports[0]}/v1/models`, {
      headers: { authorization: `Bearer ${answered.key}` },
    });

    expect(sessions.map((session) => session.id)).toContain(answered.sessionId);
    expect(models.status).toBe(200);
  });

  test("a signal stops it in order, and the home is free afterwards", async () => {
    const code = await end("SIGTERM");
    const status = await troupe(["status"]);

    expect(code).toBe(0);
    expect(status).toMatchObject({ code: 0, out: expect.stringContaining("does not run") });
  });

  test("the doctor finds the home sound and says how it knows", async () => {
    const { code, out } = await troupe(["doctor"]);

    expect(out).toMatch(/^good +Fsync +\d+\.\d\d ms, median \(/m);
    expect(out).toMatch(/^good +Ports .* are free \(tried to listen\)$/m);
    expect(out).toContain("Nothing is wrong.");
    expect(code).toBe(0);
  });
});

test("a port that another program has is named with the setting", async () => {
  const blocker = createServer();
  await once(blocker.listen(ports[0], "127.0.0.1"), "listening");

  const { code, err } = await troupe(["up"]);
  await once(blocker.close(), "close");

  expect(code).toBe(1);
  expect(err).toMatch(
    new RegExp(
      `^Port ${ports[0]} is taken \\(by .*, pid ${process.pid}\\)\\. Stop that program, or set server\\.port in `,
    ),
  );
});
