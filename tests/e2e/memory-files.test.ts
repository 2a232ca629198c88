// An operator takes an agent's memory as a file, and makes it what it was.
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { FoundMemories, RestoredMemory, SnapshotDifference } from "../../server/src/app/index.ts";
import { createCliHome } from "./cli-home.ts";

vi.setConfig({ testTimeout: 300_000 });

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

test("the agent's own files go along, and what changed since is told in words and as JSON", async () => {
  // Commands are quicker where one runs.
  const up = await cli.up();
  const soul = join(cli.home, "workspaces", "ana", "SOUL.md");
  write("workspaces/ana/SOUL.md", "Kind.\n");
  await chat("/remember the harbour opens at six");
  const file = join(folder, "with-files.jsonl");
  expect((await run(["memory", "snapshot", file, "--agent", "ana"])).out).toMatch(
    /holds \d+ records and 1 file of ana\.\n$/,
  );
  expect((await run(["memory", "snapshot", "verify", file])).out).toMatch(
    /is whole: the memory of ana at 20\d\d-.* \d+ records, \d+ of them closed, 0 documents, 1 file\.\n$/,
  );

  writeFileSync(soul, "Rude.\nLoud.\n");
  await chat("/forget harbour");
  await chat("/remember the ferry is late");

  const told = (await run(["memory", "snapshot", "diff", file])).out;
  expect(told).toMatch(
    /^ana, from .* to now:\ncame to mind \(1\):\n {2}\+ the ferry is late \(fact, told to /,
  );
  expect(told).toMatch(/counts no longer \(1\):\n {2}- the harbour opens at six .*: forgotten\n/);
  expect(told).toContain("~ SOUL.md: 2 lines came, 1 line went");
  const later = join(folder, "later.jsonl");
  await run(["memory", "snapshot", later, "--agent", "ana"]);
  const difference = await json<SnapshotDifference>("memory", "snapshot", "diff", file, later);
  expect(difference.memories.added.map(({ text }) => text)).toEqual(["the ferry is late"]);

  const { before } = await json<{ before: string }>("memory", "restore", file, "--yes");
  rmSync(before);
  expect(readFileSync(soul, "utf8")).toBe("Kind.\n");
  const history = (await run(["workspace", "history", "ana", "SOUL.md"])).out;
  expect(history).toMatch(/Brought back from a snapshot of .*: SOUL\.md[\s\S]*by hand: SOUL\.md/);
  await up.stop();
});

test("a sealed snapshot is opened with its passphrase alone, and so is what was there before a restore", async () => {
  // Commands are quicker where one runs.
  const up = await cli.up();
  await chat("/remember the safe is behind the mirror");
  const passphrase = join(folder, "passphrase");
  writeFileSync(passphrase, "correct horse battery\n");
  const file = join(folder, "ana.sealed");
  const given = ["--passphrase-file", passphrase];
  expect((await run(["memory", "snapshot", file, "--agent", "ana", "--encrypt", ...given])).out).toContain(
    "sealed with the passphrase; without it nobody can read them",
  );
  expect(readFileSync(file).includes("mirror")).toBe(false);
  expect(statSync(file).mode & 0o777).toBe(0o600);

  // Whatever stands on standard input is the passphrase, where no file is named.
  const wrong = await run(["memory", "snapshot", "verify", file], { input: "wrong horse battery\n" });
  expect(wrong).toMatchObject({
    code: 2,
    err: `The passphrase is not the one that ${file} was sealed with.\n`,
  });
  expect((await run(["memory", "snapshot", "verify", file, ...given])).out).toContain("It is sealed");

  await chat("/forget mirror");
  const { before } = await json<{ before: string }>("memory", "restore", file, "--yes", ...given);
  expect(before).toMatch(/\.sealed$/);
  expect(readFileSync(before, "latin1")).toContain("troupe-sealed");
  expect((await run(["memory", "snapshot", "verify", before, ...given])).code).toBe(0);
  rmSync(before);
  expect((await run(["memory", "search", "mirror"])).out).toContain("the safe is behind the mirror");
  await up.stop();
});
