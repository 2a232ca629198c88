import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { allReferenceFiles } from "./reference.ts";

const files = Object.entries(await allReferenceFiles());

test.each(files)("%s is what npm run reference writes", (path, text) => {
  expect(readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8")).toBe(text);
});

test("no setting, option or metric stands there without a word on it", () => {
  const pages = new Map(files);
  const rows = (name: string): readonly string[] =>
    (pages.get(`docs/reference/${name}.md`) ?? "").split("\n").filter((line) => line.startsWith("| `"));
  const wordless = (name: string): readonly string[] =>
    rows(name).filter((line) => /\|\s*\|$/.test(line.replaceAll("\\|", "")));

  expect(rows("metrics").length).toBeGreaterThan(20);
  expect(rows("config").length).toBeGreaterThan(40);
  expect(wordless("metrics")).toEqual([]);
  expect(wordless("api")).toEqual([]);
});
