// An operator takes an agent's memory as a file, and makes it what it was.
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { FoundMemories, RestoredMemory } from "../../server/src/app/index.ts";
import { createCliHome } from "./cli-home.ts";

vi.setConfig({ testTimeout: 180_000 });

const cli = createCliHome();
const { run, json, write, folder } = cli;
beforeAll(() => {
  write("troupe.yaml", "version: 1\nserver: { port: 0, metricsPort: 0, adminPort: 0 }\n");
  write("agents/ana.yaml", "id: ana\nname: Ana\ndescription: Helps.\ninstructions: Be kind.\n");
});
afterAll(() => cli[Symbol.asyncDispose]());

const chat = async (text: string): Promise<string> => (await run(["chat", text, "--agent", "ana"])).out;

test("a snapshot brings back what was forgotten and takes away what came since, with Troupe running", async () => {
  const up = await cli.up();
  const file = join(folder, "before.jsonl");
  await chat("/remember the lamp is green");
  expect((await run(["memory", "snapshot", file, "--agent", "ana"])).out).toBe(
    `${file} holds 1 record of ana.\n`,
  );
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect((await run(["memory", "snapshot", file, "--agent", "ana"])).err).toContain("is there already");

  await chat("/forget lamp");
  await chat("/remember the boat is called Heron");
  const asked = await run(["memory", "restore", file]);
  expect(asked.err).toMatch(/0 records back, 1 as they were, 1 that came since deleted.*Add --yes/);
  const restored = await json<RestoredMemory & { before: string }>("memory", "restore", file, "--yes");

  expect(restored).toMatchObject({ agentId: "ana", added: 0, changed: 1, removed: 1 });
  const { items } = await json<FoundMemories>("memory", "search");
  expect(items.map(({ text }) => text)).toEqual(["the lamp is green"]);
  expect((await run(["memory", "restore", file])).out).toContain("nothing is otherwise");
  // And back again.
  const back = await json<RestoredMemory & { before: string }>("memory", "restore", restored.before, "--yes");
  expect(back).toMatchObject({ added: 1, changed: 1 });
  // They are written to the folder where the command is typed.
  for (const name of [restored.before, back.before]) rmSync(name);
  expect((await json<FoundMemories>("memory", "search")).items.map(({ text }) => text)).toEqual([
    "the boat is called Heron",
  ]);
  await up.stop();
});
