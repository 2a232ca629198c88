import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { repositoryRoot } from "./repository.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "troupe-closing-line-"));
  mkdirSync(join(root, "a"));
  mkdirSync(join(root, "b"));
  symlinkSync(join(repositoryRoot, "node_modules"), join(root, "node_modules"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function runVitest(...more: readonly string[]): { code: number; lines: string[] } {
  const vitest = join(repositoryRoot, "node_modules/vitest/vitest.mjs");
  const reporter = join(repositoryRoot, "tests/closing-line.ts");
  const args = [vitest, "run", "--root", root, "--reporter=default", `--reporter=${reporter}`, ...more];
  // Without the variables by which Vitest tells its own workers apart.
  const env = { PATH: process.env.PATH };
  try {
    const out = execFileSync(process.execPath, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      cwd: root,
      env,
    });
    return { code: 0, lines: out.split("\n") };
  } catch (error) {
    const { status, stdout } = error as { status: number; stdout: string };
    return { code: status, lines: stdout.split("\n") };
  }
}

test("a run ends with one plain line that counts over all folders, files that do not load included", () => {
  const good =
    'import { test } from "vitest"; test("a", () => {}); test.skip("b", () => {}); test.todo("c");';
  writeFileSync(join(root, "a/good.test.ts"), good);
  writeFileSync(join(root, "b/good.test.ts"), good);
  writeFileSync(
    join(root, "b/bad.test.ts"),
    'import { test } from "vitest"; test("x", () => { throw new Error("x"); });',
  );
  writeFileSync(join(root, "b/broken.test.ts"), 'import "./nowhere.ts";');
  const hook = 'beforeAll(() => { throw new Error("x"); }); test("never run", () => {});';
  writeFileSync(
    join(root, "b/hook.test.ts"),
    `import { beforeAll, describe, test } from "vitest"; describe("s", () => { ${hook} });`,
  );

  const { code, lines } = runVitest();

  expect(code).toBe(1);
  expect(lines.slice(-2)).toEqual(["2 passed, 3 failed, 5 skipped", ""]);
});

test("a run in which all pass says so and ends well", () => {
  writeFileSync(join(root, "a/good.test.ts"), 'import { test } from "vitest"; test("a", () => {});');

  expect(runVitest()).toMatchObject({
    code: 0,
    lines: expect.arrayContaining(["1 passed, 0 failed, 0 skipped"]),
  });
});

test("a test that passes only when run again counts as passed and is named", () => {
  const unsteady =
    'import { expect, test } from "vitest"; let runs = 0; test("x", () => { expect(runs++).toBe(1); });';
  writeFileSync(join(root, "a/unsteady.test.ts"), unsteady);

  const { code, lines } = runVitest("--retry=1");

  expect(code).toBe(0);
  expect(lines.slice(-3)).toEqual([
    "Passed only when run again: a/unsteady.test.ts > x",
    "1 passed, 0 failed, 0 skipped",
    "",
  ]);
});
