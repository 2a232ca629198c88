import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { formatProblem, loadConfig } from "./index.ts";

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-blueprints-"));
  mkdirSync(join(home, "agents"));
  mkdirSync(join(home, "data"));
  write("troupe.yaml", "version: 1\n");
  write("agents/ana.yaml", ana("You help."));
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

const kept = (): string => join(home, "data", "blueprints.jsonl");

function write(name: string, text: string): void {
  writeFileSync(join(home, name), text);
}

function ana(instructions: string): string {
  return `id: ana\nname: Ana\nmodel: default\ninstructions: ${instructions}\n`;
}

/** Instructions of all agents, or the problems as people read them. */
function load(keepsBlueprints = true): readonly string[] {
  const result = loadConfig({ environment: { home, variables: {} }, keepsBlueprints });
  return result.kind === "valid"
    ? result.config.agents.map((agent) => agent.instructions)
    : result.problems.map(formatProblem);
}

/** Loads until the file is old enough to be known again by its times. */
async function loadUntilKept(fileName = "ana.yaml"): Promise<void> {
  const textOfKept = (): string => {
    load();
    return existsSync(kept()) ? readFileSync(kept(), "utf8") : "";
  };
  await expect.poll(textOfKept, { timeout: 5000 }).toContain(fileName);
}

/** Makes what is kept say something else than the file, so that it shows which of them was read. */
function changeKept(from: string, to: string): void {
  writeFileSync(kept(), readFileSync(kept(), "utf8").replace(from, to));
}

test("a file that did not change is not parsed again", async () => {
  await loadUntilKept();
  changeKept("You help.", "You were kept.");

  expect(load()).toEqual(["You were kept."]);
});

test("a file that changed is read, and others are still not parsed", async () => {
  write("agents/boris.yaml", "id: boris\nname: Boris\ninstructions: You joke.\n");
  await loadUntilKept("ana.yaml");
  await loadUntilKept("boris.yaml");
  changeKept("You joke.", "You were kept.");
  write("agents/ana.yaml", ana("You kelp."));

  expect(load()).toEqual(["You kelp.", "You were kept."]);
});

test("a file that is gone is forgotten", async () => {
  write("agents/boris.yaml", "id: boris\nname: Boris\ninstructions: You joke.\n");
  await loadUntilKept("boris.yaml");
  rmSync(join(home, "agents", "boris.yaml"));

  expect(load()).toEqual(["You help."]);
  expect(readFileSync(kept(), "utf8")).not.toContain("boris");
});

test("what is kept is checked anew: a model that is gone is told with its line", async () => {
  write("troupe.yaml", "version: 1\nmodels: { default: [offline/guide], fast: [offline/guide] }\n");
  write("agents/ana.yaml", ana("You help.").replace("model: default", "model: fast"));
  await loadUntilKept();
  write("troupe.yaml", "version: 1\n");

  const [problem] = load();
  expect(problem).toContain("agents/ana.yaml:3");
  expect(problem).toContain('model is "fast", which troupe.yaml does not list under models.');
});

test.each([
  ["half a line", (text: string) => text.slice(0, -30)],
  ["nothing", () => ""],
  ["another version", (text: string) => text.replace("1\n", "2\n").replace("You help.", "You are old.")],
  ["nonsense", () => '1\n["ana.yaml",null]\n'],
])("a kept file that holds %s costs a slow start and nothing else", async (_what, damage) => {
  await loadUntilKept();
  writeFileSync(kept(), damage(readFileSync(kept(), "utf8")));

  expect(load()).toEqual(["You help."]);
});

test("a folder that cannot be written to costs a slow start and nothing else", () => {
  rmSync(join(home, "data"), { recursive: true });

  expect(load()).toEqual(["You help."]);
});

test("a check of the files writes none", () => {
  load(false);

  expect(existsSync(kept())).toBe(false);
});
