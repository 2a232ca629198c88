import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { renameAll } from "./rename-all.ts";

let folder: string;
const at = (name: string): string => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-rename-"));
  for (const name of ["a", "b"]) writeFileSync(at(name), name);
});

afterEach(() => rmSync(folder, { recursive: true }));

test("what was renamed before one that fails is taken back", async () => {
  const moves = [
    { from: at("a"), to: at("a2") },
    { from: at("missing"), to: at("missing2") },
    { from: at("b"), to: at("b2") },
  ];

  await expect(renameAll(moves)).rejects.toMatchObject({ code: "ENOENT", path: at("missing") });

  expect(readdirSync(folder).toSorted()).toEqual(["a", "b"]);
});

test("renames that make room for one another are taken back in reverse", async () => {
  mkdirSync(at("full/x"), { recursive: true });
  const moves = [
    { from: at("a"), to: at("a2") },
    { from: at("full"), to: at("a") },
    { from: at("a"), to: at("b/none") },
  ];

  await expect(renameAll(moves)).rejects.toMatchObject({ code: "ENOTDIR" });
  expect(readdirSync(folder).toSorted()).toEqual(["a", "b", "full"]);
});
