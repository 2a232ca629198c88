import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type ScriptedModelServer, startScriptedModelServer } from "@troupe/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig } from "../../server/src/app/config/index.ts";
import { UNREAD_SECRETS } from "../../server/src/app/config/secret-lookup.ts";
import { openHome } from "../../server/src/app/home.ts";
import { type Block, blocksOf, GUIDE, guidePages, patternOf, readPage, stepsOf } from "./pages.ts";
import { root } from "./root.ts";
import { freePorts, openShell, type Shell } from "./shell.ts";

/**
 * The guide as its reader would walk it: every `console` block of a page is typed in order into one bash, on a home of its
 * own, and what is printed is compared; `js` blocks that import something are run; `ts` blocks that name a file of the home are
 * saved there, where `./troupe up` comes next; YAML is checked; links lead somewhere. Ports in the pages stand for free ones.
 */

/** Those of Troupe, and of a model server on the reader's machine. */
const PORTS = [8080, 9090, 9091, 11434] as const;
const MODEL_PORT = 3;
const READY = "Ctrl-C stops it";

let folder: string;
let ports: readonly number[];
let shell: Shell;
let model: ScriptedModelServer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "troupe-guide-"));
  model = await startScriptedModelServer({ models: ["llama3.2"] });
  ports = [...(await freePorts(MODEL_PORT)), Number(new URL(model.baseUrl).port)];
  const home = join(folder, ".troupe");
  openHome(home);
  const file = join(home, "troupe.yaml");
  writeFileSync(file, toReal(readFileSync(file, "utf8")));
  shell = openShell({
    ...process.env,
    ...{ HOME: folder, XDG_RUNTIME_DIR: folder, TROUPE_HOME: "", NO_COLOR: "1", LC_ALL: "C.UTF-8" },
    PATH: `${join(root, "node_modules", ".bin")}:${process.env.PATH ?? ""}`,
  });
});

afterEach(async () => {
  await shell.close();
  await model.close();
  rmSync(folder, { recursive: true, force: true });
});

function toReal(text: string): string {
  return PORTS.reduce((now, port, at) => now.replaceAll(String(port), String(ports[at])), text);
}

function asWritten(text: string): string {
  return PORTS.reduce((now, port, at) => now.replaceAll(String(ports[at]), String(port)), text);
}

const pages = guidePages();
const walked = pages.filter((name) =>
  blocksOf(readPage(name)).some(({ kind }) => kind === "console" || kind === "js"),
);

describe("the guide, typed as it is written", () => {
  test.each(walked)(
    "%s",
    async (name) => {
      for (const block of blocksOf(readPage(name))) {
        if (block.kind === "console") await walk(name, block);
        if (block.kind === "js" && /^import /m.test(block.text)) await runScript(name, block);
        if (block.kind === "ts") save(block);
      }
    },
    300_000,
  );
});

/** A file of the home, which its first line names. */
function save({ text }: Block): void {
  const [, file] = /^\/\/ (flows\/\S+)\n/.exec(text) ?? [];
  if (file === undefined) return;
  mkdirSync(dirname(join(folder, ".troupe", file)), { recursive: true });
  writeFileSync(join(folder, ".troupe", file), text);
}

async function walk(name: string, block: Block): Promise<void> {
  for (const { command, expected, line } of stepsOf(block)) {
    const where = `${name}:${line} $ ${command}`;
    const isServing = command === "./troupe up" || command === "npm start";
    const { code, out } = isServing
      ? { code: 0, out: await shell.serve("./troupe up", READY) }
      : await shell.run(toReal(command.replace(/ +# fails$/, "")));
    const printed = asWritten(out).trimEnd();
    expect(code !== 0, `${where}\n${printed}`).toBe(command.endsWith("# fails"));
    if (expected.length > 0) expect(`${printed}\n`, where).toMatch(patternOf(expected));
  }
}

async function runScript(name: string, block: Block): Promise<void> {
  // In the repository, so that the packages of its node_modules are found.
  const file = join(root, ".cache", `guide-${process.pid}-${block.line}.mjs`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, toReal(block.text));
  try {
    const { code, out } = await shell.run(`node ${file}`);
    expect({ code, out }, `${name}:${block.line}`).toEqual({ code: 0, out: expect.stringMatching(/\S/) });
  } finally {
    rmSync(file, { force: true });
  }
}

describe("what stands in the pages", () => {
  const yaml = pages.flatMap((name) =>
    blocksOf(readPage(name))
      .filter(({ kind, text }) => kind === "yaml" && /^# (troupe|agents\/\w+)\.yaml\n/.test(text))
      .map((block) => [`${name}:${block.line}`, block] as const),
  );

  test.each(yaml)("the settings at %s are valid, and those of a fragment are known", (_where, { text }) => {
    const home = join(folder, "yaml");
    openHome(home);
    const file = /^# (\S+)/.exec(text)?.[1] ?? "";
    for (const [, name = ""] of text.matchAll(/\$\{file:([^}]+)\}/g)) writeFileSync(join(home, name), "x");
    const isWhole = file !== "troupe.yaml" || /^version: 1$/m.test(text);
    writeFileSync(join(home, file), isWhole ? text : `version: 1\n${text}`);
    const variables = Object.fromEntries([...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => [name, "x"]));

    const loaded = loadConfig({ environment: { home, variables }, secrets: UNREAD_SECRETS });

    const problems = loaded.kind === "invalid" ? loaded.problems.map(({ message }) => message) : [];
    // A fragment may name models and providers that stand elsewhere.
    expect(
      problems.filter((message) => isWhole || /is not a setting|not in this version/.test(message)),
    ).toEqual([]);
  });

  test.each(pages)("every link of %s leads to a page that is there", (name) => {
    const links = [...readPage(name).matchAll(/\]\(([^)#:]+\.md)(?:#[^)]*)?\)/g)].map(
      ([, link]) => link ?? "",
    );
    for (const link of links) expect(() => readFileSync(join(GUIDE, link)), link).not.toThrow();
  });
});
