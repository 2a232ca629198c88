import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

// Many processes, each a start of its own, on machines that may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

/** Completion in the shells themselves. zsh and fish are asked where the machine has them. */

const MAIN = fileURLToPath(new URL("../../server/src/cli/main.ts", import.meta.url));

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-completion-"));
  mkdirSync(join(folder, "agents"));
  for (const id of ["ana", "kate"]) writeFileSync(join(folder, "agents", `${id}.yaml`), "");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function script(shell: string): string {
  const file = join(folder, `troupe.${shell}`);
  if (existsSync(file)) return file;
  const environment = { ...process.env, TROUPE_HOME: folder };
  writeFileSync(file, execFileSync(process.execPath, [MAIN, "completion", shell], { env: environment }));
  return file;
}

function run(shell: string, args: readonly string[]): string {
  const environment = { ...process.env, TROUPE_HOME: folder };
  const { stdout, stderr, status } = spawnSync(shell, args, { env: environment, encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

const isThere = (shell: string): boolean => spawnSync(shell, ["--version"]).status === 0;

/** What is typed, and what must be among or alone in the suggestions. */
const CASES: readonly (readonly [typed: string, suggested: readonly string[]])[] = [
  ["troupe sess", ["session"]],
  ["troupe session re", ["rename", "retry"]],
  ["troupe session list --li", ["--limit"]],
  ["troupe agent show ", ["ana", "kate"]],
  ["troupe chat --agent k", ["kate"]],
  ["troupe completion z", ["zsh"]],
  ["troupe session list --limit 5 --qu", ["--query"]],
];

describe("bash", () => {
  test.each(CASES)("%s<TAB>", (typed, suggested) => {
    const words = typed.split(" ");
    const list = words.map((word) => `'${word}'`).join(" ");
    const lines = run("bash", [
      "--norc",
      "-c",
      `source ${script("bash")}; COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _troupe; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ]);

    expect(lines.trim().split("\n").toSorted()).toEqual(suggested);
  });
});

describe.skipIf(!isThere("zsh"))("zsh", () => {
  test.each(CASES)("%s<TAB>", (typed, suggested) => {
    const words = typed.split(" ");
    const list = words.map((word) => `'${word}'`).join(" ");
    // The completion system needs a terminal; what our function hands to it does not.
    const lines = run("zsh", [
      "-f",
      "-c",
      `source ${script("zsh")}
       compadd() { print -l -- \${(P)2} }
       _describe() { print -l -- \${(P)2%%:*} }
       _files() { : }
       words=(${list}) CURRENT=${words.length}
       _troupe`,
    ]);
    const current = words.at(-1) ?? "";

    expect(
      lines
        .split("\n")
        .filter((line) => line !== "" && line.startsWith(current))
        .toSorted(),
    ).toEqual(suggested);
  });
});

describe.skipIf(!isThere("fish"))("fish", () => {
  test.each(CASES)("%s<TAB>", (typed, suggested) => {
    const environment = [
      "--no-config",
      "-c",
      `source ${script("fish")}; complete -C ${JSON.stringify(typed)}`,
    ];
    const lines = run("fish", environment);

    expect(
      lines
        .trim()
        .split("\n")
        .map((line) => line.split("\t")[0])
        .toSorted(),
    ).toEqual(suggested);
  });
});

test("an unknown shell is refused by name", () => {
  const { status, stderr } = spawnSync(process.execPath, [MAIN, "completion", "tcsh"], { encoding: "utf8" });

  expect(status).toBe(2);
  expect(stderr).toBe('Troupe completes for bash, zsh, fish, not for "tcsh".\n');
});
