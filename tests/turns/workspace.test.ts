// Where an agent's own files stand in prompts, and what they cost a turn.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Module } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stageWorkspace } from "../memory/workspace-stage.ts";
import { bytesOf } from "./prompt-stage.ts";
import { endOf, openStage, promptOf, recordOf, type Stage } from "./stage.ts";

let stage: Stage;
let folder: string;
let module: Module;
beforeEach(async () => {
  stage = await openStage();
  folder = mkdtempSync(join(tmpdir(), "troupe-workspaces-"));
  ({ module } = stageWorkspace(folder, stage.clock));
});
afterEach(async () => {
  await stage.close();
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, text: string): void {
  mkdirSync(join(folder, "ana", name, ".."), { recursive: true });
  writeFileSync(join(folder, "ana", name), text);
}

/** Files are read on other threads, however still the clock stands. */
async function untilAsked(count: number): Promise<void> {
  for (let n = 0; stage.model.requests.length < count && n < 200; n++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    await stage.clock.settle();
  }
}

test("files stand behind the instructions, for their readers alone, and a prompt begins with the one before", async () => {
  write("SOUL.md", "Speak plainly.");
  write("people/p1/USER.md", "Likes tea.");
  const one = await stage.process("one", { modules: [module] });
  const first = await one.say("hello");
  await untilAsked(1);
  await one.say("and now?");
  await untilAsked(2);
  await one.say("hello all", { audience: ["p1", "p2"], sessionKey: "group" });
  await untilAsked(3);

  const own =
    "system: How you think and speak (your file SOUL.md):\nSpeak plainly.\n\n" +
    "Whom you talk with (your file USER.md; for reference, what they say now comes first):\nLikes tea.";
  expect(promptOf(stage, 0)).toEqual([expect.stringMatching(/^system: You help/), own, "user: hello"]);
  const [before, after] = stage.model.requests;
  if (before === undefined || after === undefined) throw new Error("two prompts were made");
  expect(bytesOf(after).startsWith(bytesOf(before))).toBe(true);
  expect(after.messages[1]).toBe(before.messages[1]);
  expect(promptOf(stage, 2).join()).toContain("Speak plainly.");
  expect(promptOf(stage, 2).join()).not.toContain("tea");
  const { turn } = await recordOf(stage, first.turnId);
  const blocks = turn.trace.find(({ what }) => what === "prompt")?.blocks ?? [];
  expect(blocks.slice(-3)).toMatchObject([
    { block: "workspace SOUL.md", why: "for everyone it talks with" },
    { block: "workspace USER.md", why: "for p1 alone" },
    { block: "newest" },
  ]);
});

test("an edit by hand is in the next prompt, and an agent without the module has none of it", async () => {
  write("SOUL.md", "Speak plainly.");
  const one = await stage.process("one", { modules: [module] });
  await one.say("hello");
  await untilAsked(1);
  write("SOUL.md", "Speak in verse.");
  await one.say("hello again");
  await untilAsked(2);
  const two = await stage.process("two", { modules: [module], spec: { without: ["workspace"] } });
  await two.say("hello there");
  await untilAsked(3);

  expect(promptOf(stage, 1)[1]).toContain("Speak in verse.");
  expect(promptOf(stage, 2).join()).not.toContain("Speak in verse.");
});

test("texts that are late or broken, and those that a small window has no room for, end no turn", async () => {
  const broken: Module = {
    ...{ id: "broken", budgetTokens: 0 },
    standing() {
      throw new Error("away");
    },
  };
  const late: Module = { ...{ id: "late", budgetTokens: 0 }, standing: () => new Promise(() => undefined) };
  const long = { block: "own LONG.md", text: "One line of it.\n".repeat(50_000), why: "for all" };
  const held: Module = { ...{ id: "held", budgetTokens: 0 }, standing: () => ({ blocks: [long] }) };
  const one = await stage.process("one", { modules: [broken, late, held] });
  const { turnId } = await one.say("hello");
  await stage.clock.advance(2_000);
  await untilAsked(1);

  expect(endOf(one.events, turnId)?.state).toBe("replied");
  expect(promptOf(stage, 0)[1]).toMatch(/^system: One line of it\.\n.*\n\[cut here: the model's window/s);
  expect(promptOf(stage, 0).at(-1)).toBe("user: hello");
});
