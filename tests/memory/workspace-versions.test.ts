// Versions of agents' files, with the real program git.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMetrics } from "../../server/src/kit/index.ts";
import {
  createGit,
  createSecretGuard,
  createVersions,
  createWorkspaceKeeper,
  type Versions,
} from "../../server/src/memory/index.ts";

const options = { signal: new AbortController().signal };

let home: string;
let ana: string;
let log: ReturnType<typeof createLogRecorder>;
let clock: ReturnType<typeof createManualClock>;
let versions: Versions;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-versions-"));
  ana = join(home, "ana");
  mkdirSync(ana);
  log = createLogRecorder();
  clock = createManualClock();
  versions = versionsWith(process.env.PATH);
});
afterEach(() => {
  chmodSync(ana, 0o700);
  rmSync(home, { recursive: true, force: true });
});

function versionsWith(searchPath: string | undefined): Versions {
  const looksSecret = createSecretGuard((text) => text);
  const git = createGit(searchPath);
  return createVersions({ folder: home, clock, logger: log, metrics: createMetrics(), looksSecret, git });
}

function write(name: string, text: string): void {
  mkdirSync(join(ana, name, ".."), { recursive: true });
  writeFileSync(join(ana, name), text);
}

function git(...words: readonly string[]): string {
  return execFileSync("git", ["-c", "user.name=Kate", "-c", "user.email=kate@localhost", ...words], {
    cwd: ana,
    env: { PATH: process.env.PATH, HOME: home },
  }).toString();
}
const messages = (): readonly string[] => git("log", "--format=%s").trim().split("\n");

test("each change of a file is a version of its own, whose message says what happened", async () => {
  write("SOUL.md", "one");
  write("notes/tea.md", "green");
  await versions.keep("ana", options);
  write("SOUL.md", "two");
  rmSync(join(ana, "notes/tea.md"));
  await versions.keep("ana", options, { "SOUL.md": "Written by ana: SOUL.md" });
  expect(await versions.keep("ana", options)).toEqual({ files: [], left: [] });

  expect(messages()).toEqual([
    "Removed by hand: notes/tea.md",
    "Written by ana: SOUL.md",
    "Added by hand: notes/tea.md",
    "Added by hand: SOUL.md",
  ]);
  expect(git("log", "--format=%an", "-1").trim()).toBe("Troupe");
  // Whoever works there by hand finds everything in order.
  expect(git("status", "--porcelain")).toBe("");
});

test("only the agent's own files are kept, in the repository right in its folder", async () => {
  execFileSync("git", ["init", "--quiet", home]);
  for (const name of ["SOUL.md", "people/op-1+kate/USER.md", "draft.txt", "notes/deep/er.md", "notes/x.txt"])
    write(name, "text");
  symlinkSync("/etc/hostname", join(ana, "AGENTS.md"));
  write("MEMORY.md", "");
  truncateSync(join(ana, "MEMORY.md"), 2 * 1024 * 1024);

  const kept = await versions.keep("ana", options);

  expect(kept.files).toEqual(["SOUL.md", "people/op-1+kate/USER.md"]);
  expect(kept.left).toEqual([
    { file: "AGENTS.md", why: "link" },
    { file: "MEMORY.md", why: "is longer than 1048576 bytes" },
  ]);
  expect(execFileSync("git", ["-C", home, "status", "--porcelain"]).toString()).toContain("ana/");
});

test("a secret is in no object of the repository, and its file is kept once it is gone from it", async () => {
  write("MEMORY.md", "- password: hunter2222\n");
  write("SOUL.md", "soul");
  const { left } = await versions.keep("ana", options);
  const all = git("cat-file", "--batch-all-objects", "--batch");

  expect(left).toEqual([{ file: "MEMORY.md", why: "holds what looks like a secret" }]);
  expect(all).toContain("soul");
  expect(all).not.toContain("hunter2222");
  expect(log.troubles()).toEqual(["workspace.not_kept"]);
  expect(JSON.stringify(log.lines)).not.toContain("hunter2222");
  write("MEMORY.md", "- the password is in the safe\n");
  expect((await versions.keep("ana", options)).files).toEqual(["MEMORY.md"]);
});

test("what a person has staged stays theirs, and no hook or setting of theirs has a say", async () => {
  write("SOUL.md", "one");
  await versions.keep("ana", options);
  write("draft.txt", "not yet");
  git("add", "draft.txt");
  git("config", "commit.gpgSign", "true");
  write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n");
  chmodSync(join(ana, ".git/hooks/pre-commit"), 0o755);
  write("SOUL.md", "two");

  expect((await versions.keep("ana", options)).files).toEqual(["SOUL.md"]);
  expect(git("status", "--porcelain").trim()).toBe("A  draft.txt");
  expect(git("show", "--name-only", "--format=").trim()).toBe("SOUL.md");
});

test("two processes on one folder lose no version of either, and nothing is left of how they work", async () => {
  const other = versionsWith(process.env.PATH);
  for (let n = 0; n < 5; n++) {
    write("SOUL.md", `soul ${n}`);
    write("AGENTS.md", `agents ${n}`);
    await Promise.allSettled([versions.keep("ana", options), other.keep("ana", options)]);
  }
  await versions.keep("ana", options);

  expect(git("show", "HEAD:SOUL.md")).toBe("soul 4");
  expect(git("show", "HEAD:AGENTS.md")).toBe("agents 4");
  expect(await versions.keep("ana", options)).toEqual({ files: [], left: [] });
  expect(readdirSync(join(ana, ".git")).filter((name) => name.startsWith("troupe-"))).toEqual([]);
});

test("without git, and with something else in its place, a sentence says so and nothing is touched", async () => {
  write("SOUL.md", "one");
  const without = versionsWith(home);
  await expect(without.keep("ana", options)).rejects.toMatchObject({ code: "config.missing" });
  await expect(without.keep("ana", options)).rejects.toMatchObject({ code: "config.missing" });
  expect(existsSync(join(ana, ".git"))).toBe(false);
  writeFileSync(join(ana, ".git"), "gitdir: ../elsewhere");

  await expect(versions.keep("ana", options)).rejects.toThrow(/\.git is no folder.*Move it away/);
});

test("what a process left half done when it was stopped is done by the next", async () => {
  write("SOUL.md", "one");
  await versions.keep("ana", options);
  // Told of in the index of the folder, and not kept; and the other way round.
  write("SOUL.md", "two");
  git("add", "SOUL.md");
  write("AGENTS.md", "new");
  await versions.keep("ana", options);
  git("rm", "--quiet", "--cached", "AGENTS.md");

  expect(await versions.keep("ana", options)).toEqual({ files: [], left: [] });
  expect(messages()).toEqual([
    "Added by hand: AGENTS.md",
    "Changed by hand: SOUL.md",
    "Added by hand: SOUL.md",
  ]);
});

test("a broken repository and an abort are errors, a lock that somebody left is none, and the next change is kept", async () => {
  write("SOUL.md", "one");
  await versions.keep("ana", options);
  writeFileSync(join(ana, ".git/index.lock"), "");
  write("SOUL.md", "two");
  expect((await versions.keep("ana", options)).files).toEqual(["SOUL.md"]);
  rmSync(join(ana, ".git/index.lock"));
  write("SOUL.md", "three");
  await expect(versions.keep("ana", { signal: AbortSignal.abort(new Error("stop")) })).rejects.toThrow();
  writeFileSync(join(ana, ".git/HEAD"), "nonsense");
  await expect(versions.keep("ana", options)).rejects.toThrow(/git rev-parse in .* failed/);
  writeFileSync(join(ana, ".git/HEAD"), "ref: refs/heads/main\n");

  expect((await versions.keep("ana", options)).files).toEqual(["SOUL.md"]);
});

test("changes by hand are kept behind, in company, and trouble with one agent keeps none from another", async () => {
  mkdirSync(join(home, "ben"));
  writeFileSync(join(home, "ben/.git"), "no folder");
  const keeper = createWorkspaceKeeper({ clock, logger: log }, versions);
  const life = new AbortController();
  keeper.start(life.signal);
  write("SOUL.md", "one");
  keeper.nudge("ben");
  keeper.nudge("ana");
  write("SOUL.md", "two");
  await clock.advance(1_000);
  await expect.poll(() => log.lines.map(({ event }) => event)).toContain("workspace.kept");

  expect(messages()).toEqual(["Added by hand: SOUL.md"]);
  expect(git("show", "HEAD:SOUL.md")).toBe("two");
  expect(log.troubles()).toEqual(["workspace.no_versions"]);
  await keeper.stop(1_000);
  life.abort();
});
