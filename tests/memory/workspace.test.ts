// What prompts show of an agent's own files, on a real folder.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Module, Standing, TurnView } from "@troupe/contracts";
import { createManualClock } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stageWorkspace, type WorkspaceStage } from "./workspace-stage.ts";

const options = { signal: new AbortController().signal };
const NAMES = { "telegram/42": ["telegram/42", "matrix/olha"] } as Readonly<
  Record<string, readonly string[]>
>;

let home: string;
let log: WorkspaceStage["log"];
let clock: ReturnType<typeof createManualClock>;
let module: Module;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-workspace-"));
  clock = createManualClock(Date.now() + 60_000);
  ({ module, log } = stageWorkspace(join(home, "workspaces"), clock, { names: NAMES }));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function write(name: string, text: string | Buffer): void {
  const path = join(home, "workspaces/ana", name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
}

const view = (audience: readonly string[], workspace?: { readers: readonly string[] }): TurnView => ({
  ...{ turnId: "t", spaceId: "default", sessionId: "s", turnSeq: 1, trigger: "chat", peerId: "p" },
  agent: {
    spaceId: "default",
    revision: 1,
    spec: { id: "ana", name: "Ana", model: "default", instructions: "", ...(workspace && { workspace }) },
  },
  ...{ audience, inbound: [], language: "en", shownFromTurnSeq: 1 },
});

async function shown(audience: readonly string[] = ["operator"], workspace?: { readers: readonly string[] }) {
  return await module.standing?.(view(audience, workspace), options);
}
const names = (standing: Standing | undefined) => standing?.blocks.map(({ block }) => block) ?? [];
const text = (standing: Standing | undefined) =>
  standing?.blocks.map((block) => block.text).join("\n\n") ?? "";

test("an agent without a folder has nothing to read, and is found to have one within a second", async () => {
  expect(await shown()).toBeUndefined();
  // No promise is made, so no file is touched.
  expect(module.standing?.(view(["operator"]), options)).toBeUndefined();
  write("SOUL.md", "Speak plainly.");
  await clock.advance(1_000);

  expect(text(await shown())).toBe("How you think and speak (your file SOUL.md):\nSpeak plainly.");
});

test("the order is always the same, and what did not change is the same object", async () => {
  for (const name of ["MEMORY.md", "USER.md", "AGENTS.md", "SOUL.md", "IDENTITY.md", "notes/tea.md"])
    write(name, `Of ${name}.`);
  const first = await shown();

  expect(names(first)).toEqual([
    "workspace IDENTITY.md",
    "workspace SOUL.md",
    "workspace AGENTS.md",
    "workspace USER.md",
    "workspace MEMORY.md",
    "workspace notes",
  ]);
  expect(text(first)).toContain("notes/tea.md");
  expect(text(first)).not.toContain("Of notes");
  expect(await shown()).toBe(first);
  write("SOUL.md", "Of SOUL.md.");
  expect(await shown()).toBe(first);
  write("SOUL.md", "Of another.");
  expect(text(await shown())).toContain("Of another.");
});

test("files of a person are shown to that person alone, and never where others read too", async () => {
  write("SOUL.md", "soul");
  write("USER.md", "operators-own");
  write("people/telegram+42/MEMORY.md", "of-42");
  write("people/matrix+olha/USER.md", "of-olha");

  const operator = text(await shown(["operator"]));
  expect(operator).toContain("operators-own");
  expect(operator).not.toMatch(/of-42|of-olha/);
  // Two names of one person, in private.
  expect(text(await shown(["telegram/42"]))).toMatch(/of-42.*of-olha/s);
  expect(text(await shown(["matrix/olha"]))).not.toContain("of-42");
  for (const audience of [[], ["operator", "telegram/42"], ["matrix/olha", "telegram/42"], ["key-1/max"]])
    expect([audience, names(await shown(audience))]).toEqual([audience, ["workspace SOUL.md"]]);
  const readers = { readers: ["matrix/olha"] };
  expect(text(await shown(["telegram/42"], readers))).toContain("operators-own");
  expect(text(await shown(["operator"], readers))).not.toContain("operators-own");
});

test("names that only look alike share no folder", async () => {
  write("people/op/USER.md", "of-op");
  write("people/op/notes/USER.md", "note-of-op");
  write("people/%4bate/USER.md", "of-Kate");

  expect(text(await shown(["Kate"]))).toContain("of-Kate");
  for (const name of ["kate", "op/notes", "op/../op", "../people/op", ".", "..", "", "OP", "%4bate"])
    expect([name, names(await shown([name]))]).toEqual([name, []]);
});

test("a long file is cut with one note, in letters and in tokens, at the end of a line", async () => {
  write("SOUL.md", "word ".repeat(100_000));
  write("AGENTS.md", `${"Рядок тексту.\n".repeat(5_000)}`);
  const [soul, agents] = (await shown())?.blocks ?? [];

  expect(soul?.text.length).toBeLessThan(12_300);
  expect(soul?.text).toMatch(/\[cut: the first \d+ of 499999 characters are shown; [^\n]*\]$/);
  expect(agents?.why).toBe("for everyone it talks with, cut");
  expect(agents?.text.split("\n").at(-2)).toBe("Рядок тексту.");
  expect(Buffer.byteLength(agents?.text ?? "") / 3.5).toBeLessThan(4_100);
});

test("a form that nobody filled in is not shown, and its filled lines are", async () => {
  write("IDENTITY.md", "# Who\n\n- **Name:** (what people call you)\n- **Vibe:**\n- Emoji: (one)\n");
  expect(names(await shown())).toEqual([]);
  write("IDENTITY.md", "# Who\n\n- **Name:** (what people call you)\n- **Vibe:** warm (and dry)\n");

  expect(text(await shown())).toMatch(/^Who you are.*:\n# Who\n\n- \*\*Vibe:\*\* warm \(and dry\)$/);
});

test.each([
  ["a key of a provider", "the key is sk-abcdefghijklmnop"],
  ["what Troupe is configured with", "it is configured-value"],
  ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb"],
  ["a password", "- password: hunter22"],
  ["a password in Ukrainian", "Пароль: кіт2024"],
])("a file with %s is not shown, and the log says which", async (_what, secret) => {
  write("MEMORY.md", `# Memory\n${secret}\n`);
  write("USER.md", "The password is written on paper. Tokens are counted.");

  expect(names(await shown())).toEqual(["workspace USER.md"]);
  expect(log.lines.filter(({ event }) => event === "workspace.withheld")).toMatchObject([
    { fields: { agent: "ana", file: "MEMORY.md", why: "holds what looks like a secret" } },
  ]);
  expect(JSON.stringify(log.lines)).not.toContain("hunter22");
});

test("links lead nowhere: neither files nor folders", async () => {
  writeFileSync(join(home, "outside.md"), "outside-text");
  mkdirSync(join(home, "elsewhere/notes"), { recursive: true });
  writeFileSync(join(home, "elsewhere/USER.md"), "outside-text");
  write("SOUL.md", "soul");
  symlinkSync(join(home, "outside.md"), join(home, "workspaces/ana/AGENTS.md"));
  symlinkSync(join(home, "elsewhere"), join(home, "workspaces/ana/people"));
  mkdirSync(join(home, "workspaces/ben"));

  expect(names(await shown(["operator"]))).toEqual(["workspace SOUL.md"]);
  unlinkSync(join(home, "workspaces/ana/people"));
  mkdirSync(join(home, "workspaces/ana/people"));
  symlinkSync(join(home, "elsewhere"), join(home, "workspaces/ana/people/telegram+42"));
  expect(names(await shown(["telegram/42"]))).toEqual(["workspace SOUL.md"]);
  expect(log.lines.map(({ fields }) => fields?.why)).toContain("link");
});

test("broken letters, folders in the place of files, huge and unreadable files end no turn", async () => {
  write("SOUL.md", Buffer.from([0x47, 0x6f, 0x6f, 0x64, 0xff, 0xfe, 0x00, 0x2e]));
  write("AGENTS.md/inner", "x");
  write("USER.md", "beginning");
  truncateSync(join(home, "workspaces/ana/USER.md"), 3 * 1024 * 1024 * 1024);
  write("MEMORY.md", "secretive");
  chmodSync(join(home, "workspaces/ana/MEMORY.md"), 0);

  const standing = await shown();

  expect(text(standing)).toContain("Good\ufffd\ufffd\ufffd.");
  expect(text(standing)).toContain("beginning");
  expect(names(standing).slice(0, 2)).toEqual(["workspace SOUL.md", "workspace USER.md"]);
});

test("a folder that goes away or becomes a file is none, and comes back", async () => {
  write("SOUL.md", "soul");
  expect(names(await shown())).toEqual(["workspace SOUL.md"]);
  renameSync(join(home, "workspaces/ana"), join(home, "workspaces/away"));
  writeFileSync(join(home, "workspaces/ana"), "a file");
  expect(await shown()).toBeUndefined();
  rmSync(join(home, "workspaces/ana"));
  renameSync(join(home, "workspaces/away"), join(home, "workspaces/ana"));
  await clock.advance(1_000);

  expect(names(await shown())).toEqual(["workspace SOUL.md"]);
});
