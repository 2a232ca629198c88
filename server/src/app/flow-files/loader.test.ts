import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogRecorder } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readFlowFiles, readFlowFilesOrTell } from "./loader.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-flow-files-"));
  mkdirSync(join(home, "flows"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const write = (name: string, text: string): void => writeFileSync(join(home, "flows", name), text);
const flow = (name: string): string =>
  `{ name: "${name}", version: 1, first: "a", steps: { a: { run: async () => ({ next: { done: true } }) } } }`;

test("definitions are read from TypeScript and JavaScript, one or several a file, in the order of names", async () => {
  write(
    "b.ts",
    `import type { FlowDefinition } from "@troupe/contracts";\nconst b: FlowDefinition = ${flow("b")};\nexport default b;`,
  );
  write("a.mjs", `export default [${flow("a1")}, ${flow("a2")}];`);
  write("a.test.ts", "throw new Error('no definition');");
  write("README.md", "Flows.");
  write("_parts.ts", "throw new Error('no definition');");

  expect((await readFlowFiles(home)).map(({ name }) => name)).toEqual(["a1", "a2", "b"]);
});

test("a home without the folder has none", async () => {
  rmSync(join(home, "flows"), { recursive: true });

  expect(await readFlowFiles(home)).toEqual([]);
});

test.each([
  ["no-default.mjs", "export const order = 1;", "flows/no-default.mjs gives no flow. Write `export default`"],
  ["broken.mjs", "export default {", "flows/broken.mjs cannot be loaded: "],
  ["throws.mjs", "throw new Error('No shop.');", "flows/throws.mjs cannot be loaded: No shop."],
  ["unnamed.mjs", "export default { steps: {} };", "flows/unnamed.mjs gives a flow without a name."],
  [
    "step.mjs",
    'export default { name: "order", version: 1, first: "a", steps: { a: 1 } };',
    'flows/step.mjs gives the flow "order", whose step "a" has no function run.',
  ],
])("%s is refused by name, with what is wrong", async (name, text, message) => {
  write(name, text);
  const log = createLogRecorder();

  await expect(readFlowFiles(home)).rejects.toMatchObject({
    ...{ code: "config.invalid", message: expect.stringContaining(message) },
  });
  expect(await readFlowFilesOrTell(home, log)).toEqual([]);
  expect(log.troubles()).toEqual(["flow.definitions_unreadable"]);
});
