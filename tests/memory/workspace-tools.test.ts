// Agents read and change their own files, for the one person they talk with.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createManualClock } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stageWorkspace, type WorkspaceStage } from "./workspace-stage.ts";

let home: string;
let stage: WorkspaceStage;
const clock = createManualClock();
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-workspace-tools-"));
  mkdirSync(join(home, "ana"));
  stage = stageWorkspace(home, clock, { names: { "telegram/42": ["telegram/42", "matrix/olha"] } });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const path = (name: string): string => join(home, "ana", name);
const read = (name: string): string => readFileSync(path(name), "utf8");
function put(name: string, text: string | Buffer): void {
  mkdirSync(join(path(name), ".."), { recursive: true });
  writeFileSync(path(name), text);
}
const write = (input: object, audience?: readonly string[]) => stage.call("workspace_write", input, audience);
const messages = (): readonly string[] =>
  execFileSync("git", ["log", "--format=%s"], { cwd: path("."), encoding: "utf8" })
    .trim()
    .split("\n");

test("what an agent writes stands in the file behind the reply, beside what was changed by hand, each a version", async () => {
  put("MEMORY.md", "# Memory\n");
  const { text, isError } = await write({ file: "MEMORY.md", text: "- Likes tea." });
  expect([text, isError]).toEqual(["MEMORY.md is changed as soon as you have answered.", undefined]);
  expect(read("MEMORY.md")).toBe("# Memory\n");
  put("SOUL.md", "By hand.\n");
  await stage.runEffects();
  await write({ file: "MEMORY.md", text: "- Likes coffee.", replaces: "- Likes tea." });
  await write({ file: "notes/garden.md", text: "Beans." });
  await stage.runEffects();

  expect(read("MEMORY.md")).toBe("# Memory\n- Likes coffee.\n");
  expect(messages()).toEqual([
    "Written by ana: notes/garden.md (turn turn-1)",
    "Written by ana: MEMORY.md (turn turn-1)",
    "Written by ana: MEMORY.md (turn turn-1)",
    "Added by hand: SOUL.md",
    "Added by hand: MEMORY.md",
  ]);
  expect((await stage.call("workspace_read", { file: "notes/garden.md" })).text).toBe("Beans.\n");
});

test("a repetition changes nothing, and a passage that changed meanwhile is lost no more than what replaces it", async () => {
  put("MEMORY.md", "one\ntwo");
  await write({ file: "MEMORY.md", text: "three" });
  await write({ file: "MEMORY.md", text: "TWO", replaces: "two" });
  await stage.runEffects("again");
  expect(read("MEMORY.md")).toBe("one\nTWO\nthree\n");
  await write({ file: "MEMORY.md", text: "ONE", replaces: "one" });
  put("MEMORY.md", "uno\n");
  await stage.runEffects();

  expect(read("MEMORY.md")).toBe("uno\nONE\n");
});

test("each person has files of their own, and nobody's are written or read where several read", async () => {
  await write({ file: "USER.md", text: "Of the operator." });
  await write({ file: "USER.md", text: "Of 42." }, ["telegram/42"]);
  await write({ file: "USER.md", text: "Of Olha." }, ["matrix/olha"]);
  await stage.runEffects();

  expect(read("USER.md")).toBe("Of the operator.\n");
  expect(read("people/telegram+42/USER.md")).toBe("Of 42.\n");
  expect(statSync(path("people/telegram+42")).mode & 0o777).toBe(0o700);
  expect((await stage.call("workspace_read", { file: "USER.md" }, ["matrix/olha"])).text).toBe("Of Olha.\n");
  for (const audience of [["operator", "telegram/42"], []]) {
    const answers = [
      await write({ file: "USER.md", text: "For all." }, audience),
      await stage.call("workspace_read", { file: "USER.md" }, audience),
    ];
    for (const { text, isError, writes } of answers)
      expect([text, isError, writes]).toEqual([expect.stringContaining("theirs alone"), true, undefined]);
  }
});

test("what is written for a name that is linked with the owner's is that name's own, so that an undone link takes it back", async () => {
  put("USER.md", "Of the operator.\n");
  stage = stageWorkspace(home, clock, { names: { "chat/oles": ["chat/oles", "operator"] } });
  const linked = ["chat/oles"];
  expect((await stage.call("workspace_read", { file: "USER.md" }, linked)).text).toBe("Of the operator.\n");

  await stage.call("workspace_write", { file: "USER.md", text: "Said on the chat." }, linked);
  const shared = await stage.call("workspace_write", { file: "SOUL.md", text: "Speak in verse." }, linked);
  await stage.runEffects();

  expect(read("USER.md")).toBe("Of the operator.\n");
  expect(read("people/chat+oles/USER.md")).toBe("Said on the chat.\n");
  expect(shared.isError).toBe(true);
});

test("what everybody meets is changed for the operator alone", async () => {
  await write({ file: "SOUL.md", text: "Speak plainly." });
  await stage.runEffects();
  expect(read("SOUL.md")).toBe("Speak plainly.\n");

  const { text, isError } = await write({ file: "SOUL.md", text: "Kate is sad." }, ["key-1/kate"]);
  expect([text, isError]).toEqual([expect.stringContaining("only your operator"), true]);
  expect((await stage.call("workspace_read", { file: "SOUL.md" }, ["key-1/kate"])).isError).toBe(true);
});

test.each([
  [{ file: "../ben/SOUL.md", text: "x" }, "is none of your files"],
  [{ file: "notes/../SOUL.md", text: "x" }, "is none of your files"],
  [{ file: "people/telegram+42/USER.md", text: "x" }, "is none of your files"],
  [{ file: ".git/config", text: "x" }, "is none of your files"],
  [{ file: "notes/.hidden.md", text: "x" }, "is none of your files"],
  [{ file: "MEMORY.md", text: " " }, "must not be empty"],
  [{ file: "MEMORY.md", text: "the token: abc123def" }, "looks like a password, key or token"],
  [{ file: "MEMORY.md", text: "x", replaces: "not there" }, "That passage is not in MEMORY.md"],
  [{ file: "MEMORY.md", text: "word ".repeat(3_000) }, "would be longer than 12000 characters"],
  [{ file: "USER.md", text: "x" }, "USER.md is no plain file"],
  [{ file: "notes/a.md", text: "x" }, "notes is a link or no folder"],
  [{ file: "AGENTS.md", text: "x" }, "too long, or no text in UTF-8"],
])("%j is refused with what to do", async (input, sentence) => {
  put("MEMORY.md", "memory\n");
  put("AGENTS.md", Buffer.from([0xff, 0xfe]));
  symlinkSync("/etc/hostname", path("USER.md"));
  symlinkSync("/tmp", path("notes"));

  const { text, isError, writes } = await write(input);

  expect([text, isError, writes]).toEqual([expect.stringContaining(sentence), true, undefined]);
});

test("without git what an agent writes is written all the same, and without a folder it is told to ask for one", async () => {
  const without = stageWorkspace(home, clock, { searchPath: home });
  await without.call("workspace_write", { file: "MEMORY.md", text: "x" });
  await without.runEffects();
  expect(read("MEMORY.md")).toBe("x\n");
  expect(without.log.troubles()).toContain("workspace.no_versions");
  rmSync(path("."), { recursive: true });

  expect((await write({ file: "MEMORY.md", text: "x" })).text).toContain("./troupe workspace init");
});
