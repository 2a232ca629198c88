import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { checkWorkspaces } from "./workspaces.ts";

let home: string;
let ana: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-doctor-"));
  ana = join(home, "workspaces/ana");
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const spec = { id: "ana", name: "Ana", model: "default", instructions: "x" };
const check = (path: string | undefined = process.env.PATH) => {
  const environment = { home, runtimeDirectory: home, noColor: true, variables: { PATH: path } };
  return checkWorkspaces(environment, { agents: [spec] });
};

it("says nothing where no agent has files of its own, and that they are in order where they are", async () => {
  expect(await check()).toEqual([]);
  mkdirSync(ana, { recursive: true });
  writeFileSync(join(ana, "SOUL.md"), "Speak plainly.");

  expect(await check()).toMatchObject([
    { name: "Workspaces", verdict: "good", what: "1 agent with files that are in order" },
  ]);
});

it.each([
  [
    "SOUL.md",
    (path: string) => writeFileSync(path, "password: hunter22"),
    /SOUL\.md holds what looks like a secret/,
  ],
  ["SOUL.md", (path: string) => symlinkSync("/etc/hostname", path), /SOUL\.md is not read: link/],
  ["SOUL.md", (path: string) => mkdirSync(path), /SOUL\.md is not read: not a file/],
  ["SOUL.md", (path: string) => writeFileSync(path, Buffer.from([0xff])), /SOUL\.md is no text in UTF-8/],
  ["SOUL.md", (path: string) => writeFileSync(path, "x".repeat(20_000)), /prompts show its beginning/],
  [".git", (path: string) => writeFileSync(path, "gitdir: x"), /\.git is no folder, so no versions are kept/],
  [".git", (path: string) => mkdirSync(path), /\.git cannot be read by git/],
  ["../max", (path: string) => mkdirSync(path), /max is of no agent/],
])("names %s where something is wrong with it, and what to do", async (name, spoil, sentence) => {
  mkdirSync(ana, { recursive: true });
  spoil(join(ana, name));

  const [finding] = await check();

  expect(finding).toMatchObject({ verdict: "warning", what: expect.stringMatching(sentence) });
  expect(finding?.remedy).toMatch(/\w/);
  expect(JSON.stringify(finding)).not.toContain("hunter22");
});

it("names a missing git, a file of no end and a folder that is closed", async () => {
  mkdirSync(ana, { recursive: true });
  expect(await check(home)).toMatchObject([
    { what: expect.stringContaining("the program git is not there") },
  ]);
  writeFileSync(join(ana, "USER.md"), "");
  truncateSync(join(ana, "USER.md"), 5 * 1024 * 1024 * 1024);
  expect(await check()).toMatchObject([{ what: expect.stringContaining("no version of it is kept") }]);
  rmSync(join(ana, "USER.md"));
  chmodSync(ana, 0o500);
  const findings = await check();
  chmodSync(ana, 0o700);
  // The owner of everything may write all the same.
  if (process.getuid?.() !== 0)
    expect(findings).toMatchObject([{ what: expect.stringContaining("cannot be read and written") }]);
});
