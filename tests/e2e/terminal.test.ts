import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Page } from "@troupe/contracts";
import { startScriptedModelServer } from "@troupe/testing";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type CliHome, createCliHome } from "./cli-home.ts";

// Many processes, each a start of its own, on machines that may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

/** Questions that commands ask at a real terminal. */

const MAIN = fileURLToPath(new URL("../../server/src/cli/main.ts", import.meta.url));
/** Of util-linux: a terminal for a program that has none. */
const hasTerminal = spawnSync("script", ["--version"]).status === 0;

let cli: CliHome;
let session: string;

beforeAll(async () => {
  cli = createCliHome();
  cli.write("agents/ana.yaml", "id: ana\nname: Ana\ninstructions: Be kind.\n");
  cli.write("troupe.yaml", "version: 1\nserver: { port: 0, metricsPort: 0, adminPort: 0 }\n");
  await cli.run(["chat", "hello"]);
  session = (await cli.json<Page<{ id: string }>>("session", "list")).items[0]?.id ?? "";
});

afterAll(() => cli[Symbol.asyncDispose]());

/** Runs a command, presses `keys` once it has asked `question`, and gives what stood on the screen. */
async function answer(words: string, question: string, keys: string): Promise<[number | null, string]> {
  const env = { ...process.env, TROUPE_HOME: cli.home, XDG_RUNTIME_DIR: cli.folder, NO_COLOR: "1" };
  // exec: a shell that stays between may end by a Ctrl-C that we outlive.
  const command = `exec '${process.execPath}' '${MAIN}' ${words}`;
  const child = spawn("script", ["-qefc", command, "/dev/null"], { env, stdio: "pipe" });
  let screen = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (!screen.includes(question) && (screen + text).includes(question)) child.stdin.write(keys);
    screen += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return [code, screen.replaceAll("\r", "")];
}

describe.skipIf(!hasTerminal)("a question at the terminal", () => {
  test.each([
    ["Ctrl-C", "\x03"],
    ["Ctrl-D", "\x04"],
    ["another word", "no\r"],
  ])("is left by %s, and everything is as it was", async (_name, keys) => {
    const [code, screen] = await answer(`session delete ${session}`, "Type yes: ", keys);

    expect(code).toBe(1);
    expect(screen).toMatch(/Type yes: .*\nNothing was deleted\.\n$/s);
    expect(screen).not.toContain("Something went wrong");
    expect((await cli.json<Page<unknown>>("session", "list")).items).toHaveLength(1);
  });

  test("shows nothing of a secret, and an arrow is no part of it", async () => {
    const [code, screen] = await answer("secret set arrows", "(not shown): ", "ab\x1b[Dc\x7fd\r");
    await using model = await startScriptedModelServer();
    cli.write(
      "troupe.yaml",
      `version: 1
providers: { local: { kind: openai-compatible, baseUrl: "${model.baseUrl}", apiKey: "\${secret:arrows}" } }
models: { default: [local/scripted] }
`,
    );
    await cli.run(["chat", "--new", "hello"]);

    expect([code, screen]).toEqual([0, expect.not.stringMatching(/ab|\bd\b/)]);
    expect(model.requests.at(-1)?.headers.authorization).toBe("Bearer abd");
  });

  test("is answered by yes", async () => {
    const [code, screen] = await answer(`session delete ${session}`, "Type yes: ", "yes\r");

    expect([code, screen]).toEqual([0, expect.stringContaining("Deleted: 2 messages of 1 turn.")]);
  });
});
