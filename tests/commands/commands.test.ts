import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openHome } from "../../server/src/app/home.ts";
import { type Serving, serve } from "../../server/src/app/lifecycle.ts";
import { createAdjustableLogger } from "../../server/src/app/logging.ts";
import { commandsOf, examplesOf, pathOf } from "../../server/src/cli/examples.ts";
import { createProgram } from "../../server/src/cli/program.ts";
import { derivedId } from "../../server/src/kit/index.ts";
import { type HomeStore, openHomeStore } from "../lab/home-store.ts";

// Many processes, each a start of its own, on machines that may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

/**
 * Every command there is: its help has an example, and with `--json` it prints one JSON value. A new command fails here
 * until it has an example in `cli/examples.ts` and a call in the table below.
 */

const MAIN = fileURLToPath(new URL("../../server/src/cli/main.ts", import.meta.url));
const program = createProgram();
const paths = commandsOf(program).map(pathOf);

interface Call {
  /** What follows the command; `{session}`, `{other}`, `{turn}` and `{key}` are those of the home below. */
  readonly words?: readonly string[];
  /** What it reads from standard input. */
  readonly input?: string;
  /** What its JSON must hold; of a list, items that must be in it. */
  readonly expects?: unknown;
  /** Commands that must not meet a running Troupe, or need what this home has not, have their own test, named here. */
  readonly testedIn?: string;
}

const CALLS: Readonly<Record<string, Call>> = {
  up: { testedIn: "tests/e2e/cli.test.ts" },
  setup: { testedIn: "tests/e2e/setup.test.ts" },
  chat: { words: ["what time is it in UTC?"], expects: { state: "replied" } },
  status: { expects: { ready: true } },
  doctor: {
    words: ["--live", "--fix"],
    expects: {
      findings: expect.arrayContaining([
        expect.objectContaining({ name: "Model offline/guide", verdict: "good" }),
      ]),
    },
  },
  reload: { expects: { kind: "applied" } },
  "model list": {},
  usage: {},
  "budget list": {},
  "budget allow": { words: ["all", "1"] },
  migrate: { words: ["--dry-run"], expects: { pending: [] } },
  completion: { words: ["bash"], expects: { shell: "bash" } },
  "config check": { expects: { valid: true } },
  "config show": { expects: { version: 1 } },
  "config schema": { expects: { config: { type: "object" } } },
  "agent list": { expects: [{ id: "ana" }, { id: "kate" }] },
  "agent show": { words: ["ana"], expects: { id: "ana" } },
  "agent validate": { words: ["ana"], expects: { valid: true } },
  "agent templates": {},
  "agent add": { words: ["vera", "--from", "researcher"], expects: { id: "vera", inForce: true } },
  "agent remove": { words: ["kate"], expects: { id: "kate", inForce: true } },
  "agent channels": { expects: { items: [] } },
  "agent messages": { testedIn: "tests/guide/guide.test.ts" },
  "session list": { expects: { items: expect.arrayContaining([expect.objectContaining({ key: "one" })]) } },
  "session show": { words: ["{session}"], expects: { session: { agentId: "ana" } } },
  "session rename": { words: ["{session}", "Plans"], expects: { title: "Plans" } },
  "session branch": {
    words: ["{session}", "--at", "1"],
    expects: { parent: { messageId: expect.any(String) } },
  },
  "session retry": { words: ["{session}"], expects: { state: "replied" } },
  "session compare": { words: ["{session}", "{other}"], expects: { isCut: false } },
  "session export": { words: ["{session}"], expects: { kind: "troupe.session" } },
  "storyline list": {
    expects: { items: expect.arrayContaining([expect.objectContaining({ agentId: "ana" })]) },
  },
  "storyline show": { words: ["{line}"], expects: { turns: expect.arrayContaining([]) } },
  "storyline rename": { words: ["{line}", "Dice"], expects: { title: "Dice" } },
  "storyline split": { words: ["{line}", "{turn}", "--name", "Own"], expects: { title: "Own" } },
  "storyline move": { words: ["{turn}", "{line}"], expects: { title: "Dice" } },
  "storyline merge": { words: ["{otherLine}", "{line}"], expects: { title: "Dice" } },
  "inbox list": { expects: { unread: 1, items: [{ title: "For you" }] } },
  "inbox show": { words: ["{item}"], expects: { text: "Read me." } },
  "inbox read": { words: ["{item}", "--unread"], expects: { title: "For you" } },
  "inbox clear": { words: ["{item}"], expects: { removed: 1 } },
  "memory search": { words: ["cat", "Mia"], expects: { items: [{ text: "My cat is called Mia." }] } },
  "memory show": { words: ["{memory}"], expects: { kind: "fact", proofCount: 1 } },
  "memory why": { words: ["{memory}"], expects: { messages: [{ role: "user" }] } },
  "memory forget": { words: ["{memory}"], expects: { closed: [expect.any(String)] } },
  "memory undo": { words: ["{memory}"], expects: { reopened: [expect.any(String)] } },
  // A fact, and a piece of a document.
  "memory stats": { expects: { open: 2, closed: 0 } },
  "memory audit": { expects: { looked: 1, exact: [] } },
  "memory reindex": {},
  "memory snapshot": { words: ["{snapshot}", "--agent", "ana"] },
  "memory snapshot verify": { words: ["{snapshot}"], expects: { agentId: "ana", isSealed: false } },
  "memory snapshot diff": { words: ["{snapshot}"], expects: { agentId: "ana", documents: { added: [] } } },
  "memory restore": { words: ["{snapshot}", "--dry-run"] },
  "memory erase": { words: ["--peer", "chat/nobody", "--dry-run"] },
  "knowledge add": { words: ["{handbook}", "--agent", "ana"], expects: { kind: "known" } },
  "knowledge list": { expects: { items: [{ title: "Handbook", chunkCount: 1 }] } },
  "knowledge show": {
    words: ["{document}"],
    expects: { pieces: [{ text: expect.stringContaining("Friday") }] },
  },
  "knowledge remove": { words: ["{document}"], expects: { title: "Handbook" } },
  "workspace init": { words: ["ana"], expects: { made: ["AGENTS.md", "USER.md", "MEMORY.md"] } },
  "workspace list": { expects: [{ agentId: "ana", files: 5, troubles: 0 }] },
  "workspace show": {
    words: ["ana"],
    expects: { files: expect.arrayContaining([{ file: "SOUL.md", of: "everyone", sizeBytes: 6 }]) },
  },
  "workspace history": {
    words: ["ana", "SOUL.md"],
    expects: { versions: [{ message: "Changed by hand: SOUL.md" }, { message: "Added by hand: SOUL.md" }] },
  },
  "workspace restore": { words: ["ana", "SOUL.md", "{version}"], expects: { isChanged: true } },
  "person merge": {
    words: ["chat/kate", "page/kate"],
    expects: { names: expect.arrayContaining(["chat/kate", "page/kate"]) },
  },
  "person list": {
    words: ["--linked"],
    expects: { items: [{ names: ["chat/kate", "page/kate"], links: [expect.objectContaining({})] }] },
  },
  "person show": { words: ["chat/kate"], expects: { names: expect.arrayContaining(["page/kate"]) } },
  "person export": { words: ["chat/kate", "{export}"], expects: { lines: 2 } },
  "person split": { words: ["chat/kate", "page/max"], expects: { ended: 0 } },
  "person undo": { words: ["chat/kate"], expects: { ended: 1 } },
  "person erase": { words: ["chat/nobody", "--dry-run"], expects: { sessions: 0 } },
  // The memory above was told in it.
  "session delete": { words: ["{other}", "--yes"], expects: { deleted: true } },
  "job create": {
    words: ["Water the plants", "--agent", "ana", "--every", "1d", "--zone", "Europe/Kyiv"],
    expects: { state: "active", spec: { schedule: { everyMs: 86_400_000 } }, next: { zone: "Europe/Kyiv" } },
  },
  "job list": { expects: { items: expect.arrayContaining([expect.objectContaining({ state: "active" })]) } },
  "job show": { words: ["{job}"], expects: { job: { spec: { title: "Tidy up" } }, runs: [] } },
  "job change": { words: ["{job}", "--title", "Tidy up well"], expects: { spec: { title: "Tidy up well" } } },
  "job pause": { words: ["{job}"], expects: { state: "paused" } },
  "job resume": { words: ["{job}"], expects: { state: "active" } },
  "job run": { words: ["{job}"], expects: { spec: { title: "Tidy up well" } } },
  "job cancel": { words: ["{job}"], expects: { state: "cancelled" } },
  "dlq list": { expects: { items: [] } },
  "dlq show": { testedIn: "tests/e2e/dlq.test.ts" },
  "dlq replay": { words: ["--kind", "turn", "--dry-run"] },
  "dlq purge": { words: ["--until", "1d", "--dry-run"] },
  "flow list": { expects: { items: [] } },
  "flow definitions": {},
  "flow start": { testedIn: "tests/e2e/flows.test.ts" },
  "flow show": { testedIn: "tests/e2e/flows.test.ts" },
  "flow event": { testedIn: "tests/e2e/flows.test.ts" },
  "flow resume": { testedIn: "tests/e2e/flows.test.ts" },
  "flow cancel": { testedIn: "tests/e2e/flows.test.ts" },
  "turn list": {
    words: ["--state", "replied"],
    expects: { items: expect.arrayContaining([expect.objectContaining({ state: "replied" })]) },
  },
  "turn show": { words: ["{turn}"], expects: { turn: { state: "replied" } } },
  "turn cancel": { words: ["{turn}"], expects: { result: "ended" } },
  "turn tape": { words: ["{turn}"], expects: { lines: expect.arrayContaining([]) } },
  "turn replay": { words: ["{turn}"], expects: { isSame: true, differences: [] } },
  backup: { testedIn: "tests/e2e/backup.test.ts" },
  restore: { testedIn: "tests/e2e/backup.test.ts" },
  "outbox hold": { expects: { reason: "The operator holds the outbox." } },
  "outbox list": { expects: { items: [] } },
  "outbox release": { expects: { waiting: 0 } },
  "secret set": { words: ["test"], input: "s3cret" },
  "secret list": {},
  "secret rotate": {},
  "secret remove": { words: ["test"] },
  "key create": { words: ["--name", "test"], expects: { key: expect.stringMatching(/^trp_/) } },
  "key link": {},
  "key list": {},
  "key revoke": { words: ["{key}"] },
};

const PATIENCE = { timeout: 30_000 };

let folder: string;
let store: HomeStore;
let serving: Serving;
const known: Record<string, string> = {};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "troupe-commands-"));
  const home = join(folder, "home");
  openHome(home);
  store = await openHomeStore();
  writeFileSync(
    join(home, "troupe.yaml"),
    `version: 1\nserver: { port: 0, metricsPort: 0, adminPort: 0 }\nbudgets: { all: { per: space, dailyUsd: 5 } }\ntape: { record: true }\n${store.yaml}`,
  );
  const logger = createAdjustableLogger({ level: "silent", isTerminal: false });
  serving = await serve({ home, runtimeDirectory: folder, noColor: true, variables: {} }, { logger });
  known.turn = (await json("chat", "--session", "one", "roll 2d6")).turnId;
  await json("chat", "--session", "two", "roll 3d6");
  await json("chat", "--session", "two", "/remember My cat is called Mia.");
  known.memory = (await json("memory", "search", "cat")).items[0]?.id;
  for (const one of (await json("session", "list")).items)
    known[one.key === "one" ? "session" : "other"] = one.id;
  known.line = derivedId("storyline", known.session ?? "");
  known.otherLine = derivedId("storyline", known.other ?? "");
  serving.troupe.notices.post({ ownerId: "operator", title: "For you", text: "Read me.", key: "one" });
  await vi.waitFor(async () => {
    known.item = (await json("inbox", "list")).items[0]?.id;
    expect(known.item).toBeDefined();
  }, PATIENCE);
  known.job = (
    await json("job", "create", "Tidy up", "--agent", "ana", "--cron", "0 8 * * *", "--to", "inbox")
  ).id;
  known.snapshot = join(folder, "ana.jsonl");
  known.export = join(folder, "kate.jsonl");
  known.handbook = join(folder, "handbook.md");
  writeFileSync(known.handbook, "# Handbook\n\nThe office closes at noon on Friday.\n");
  known.document = (await json("knowledge", "add", known.handbook, "--agent", "ana")).document.id;
  await makeVersions(join(home, "workspaces", "ana"));
  known.key = (await json("key", "create", "--name", "doomed")).id;
}, 60_000);

async function makeVersions(workspace: string): Promise<void> {
  mkdirSync(workspace, { recursive: true });
  for (const text of ["Plain.", "Verse."]) {
    writeFileSync(join(workspace, "SOUL.md"), text);
    known.version = (await json("workspace", "history", "ana", "SOUL.md")).versions.at(-1).version;
  }
  writeFileSync(join(workspace, "IDENTITY.md"), "A fox.");
}

afterAll(async () => {
  await serving.stop({ graceMs: 0 });
  await store[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function run(
  words: readonly string[],
  input = "",
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const child = spawn(process.execPath, [MAIN, ...words], {
    env: { ...process.env, TROUPE_HOME: join(folder, "home"), XDG_RUNTIME_DIR: folder, NO_COLOR: "1" },
    stdio: "pipe",
  });
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

// biome-ignore lint/suspicious/noExplicitAny: each call says itself what it expects.
async function json(...words: readonly string[]): Promise<any> {
  return jsonOf(words);
}

// biome-ignore lint/suspicious/noExplicitAny: as above.
async function jsonOf(words: readonly string[], input = ""): Promise<any> {
  const { code, out, err } = await run([...words, "--json"], input);
  expect({ code, out, err }).toMatchObject({ code: 0, out: expect.stringMatching(/\S/) });
  return JSON.parse(out);
}

describe("help", () => {
  test("every command has an example that begins with itself", () => {
    for (const command of commandsOf(program)) {
      const examples = examplesOf(command);
      expect(examples.length, `${pathOf(command)}: write an example in cli/examples.ts`).toBeGreaterThan(0);
      expect(examples.join("\n"), pathOf(command)).toContain(`./troupe ${pathOf(command)}`);
    }
  });

  test("the example stands at the end of the help", async () => {
    const { code, out } = await run(["session", "branch", "--help"]);

    expect(code).toBe(0);
    expect(out).toMatch(/For example:\n {2}\.\/troupe session branch 01JD8Q2V… --at 4\n/);
  });

  test("every command has a call in the table here, and the table no other", () => {
    expect(Object.keys(CALLS).toSorted()).toEqual([...paths].toSorted());
  });
});

describe("with --json, on a home where Troupe runs", () => {
  const tested = Object.entries(CALLS).filter(([, call]) => call.testedIn === undefined);

  test.each(tested)("troupe %s", async (path, { words = [], input = "", expects }) => {
    const filled = words.map((word) => word.replace(/^\{(\w+)\}$/, (_, name) => known[name] ?? ""));

    const value = await jsonOf([...path.split(" "), ...filled], input);

    if (Array.isArray(expects))
      expect(value).toEqual(expect.arrayContaining(expects.map((one) => expect.objectContaining(one))));
    else if (expects !== undefined) expect(value).toMatchObject(expects as object);
    else expect(value).toBeTypeOf("object");
  });
});

describe("with --json, on the same home where none runs", () => {
  test("commands answer in their own process, under the home's lock", async () => {
    await serving.stop({ graceMs: 0 });

    const agents = await json("agent", "list");
    const sessions = await json("session", "list");
    const named = await json("session", "rename", known.session ?? "", "Later");
    const status = await json("status");

    expect(agents.map(({ id }: { id: string }) => id)).toContain("ana");
    expect(sessions.items.length).toBeGreaterThan(0);
    expect(named.title).toBe("Later");
    expect(status.phase).toBe("not_running");
  });
});
