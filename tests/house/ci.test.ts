import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { repositoryRoot } from "../repository.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "troupe-ci-"));
  cpSync(join(repositoryRoot, ".ci/run"), join(root, ".ci/run"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

/** What .ci/run makes of an npm whose check and test do as told, in sh. */
function runCi({ check, test: tests }: { check: string; test: string }): {
  code: number | null;
  lines: string[];
} {
  const bin = join(root, "bin");
  mkdirSync(bin);
  const script = `#!/bin/sh\ncase "$*" in "run --silent check") ${check} ;; "test --silent") ${tests} ;; esac\n`;
  writeFileSync(join(bin, "npm"), script, { mode: 0o755 });
  const { status, stdout } = spawnSync("bash", [join(root, ".ci/run")], {
    encoding: "utf8",
    env: { PATH: `${bin}:/usr/bin:/bin` },
  });
  return { code: status, lines: stdout.trimEnd().split("\n") };
}

const PASS = "echo '7 passed, 0 failed, 2 skipped'";

test("check and tests that pass make a run that passes, with the closing line as its last and only one", () => {
  const run = runCi({ check: "echo checked", test: `echo working; ${PASS}; echo 'said afterwards'` });

  expect(run).toEqual({
    code: 0,
    lines: ["checked", "working", "said afterwards", "7 passed, 0 failed, 2 skipped"],
  });
});

test("a failed test fails the run", () => {
  const run = runCi({ check: ":", test: "echo '7 passed, 1 failed, 0 skipped'; exit 1" });

  expect(run).toEqual({ code: 1, lines: ["7 passed, 1 failed, 0 skipped"] });
});

test("a failed check does not keep the tests from running, and counts as one failure", () => {
  const run = runCi({ check: "exit 1", test: PASS });

  expect(run.code).toBe(1);
  expect(run.lines.at(-1)).toBe("7 passed, 1 failed, 2 skipped");
});

test("tests that end without a count, or count none failed but do not end well, fail the run", () => {
  const died = runCi({ check: ":", test: "exit 137" });
  rmSync(join(root, "bin"), { recursive: true });
  const strange = runCi({ check: ":", test: `${PASS}; exit 1` });

  expect(died).toEqual({
    code: 1,
    lines: ["The tests did not run to their end.", "0 passed, 1 failed, 0 skipped"],
  });
  expect(strange).toEqual({ code: 1, lines: ["7 passed, 1 failed, 2 skipped"] });
});
