import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createPageSource, openPageBuild } from "./index.ts";

let folder: string;
let root: string;
let home: string;
const signal = new AbortController().signal;

/** A build like the real one that takes no time: it copies a page and counts how often it ran. */
const BUILD = `
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
const out = process.argv[2];
appendFileSync("ran", "x");
const page = readFileSync("src/page.html", "utf8");
if (page.includes("broken")) throw new Error("src/page.html is broken");
mkdirSync(out + "/assets", { recursive: true });
writeFileSync(out + "/index.html", page);
writeFileSync(out + "/assets/a-1.js", "let a = 1;");
writeFileSync(out + "/assets/a-1.js.br", "packed");
`;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-page-"));
  root = join(folder, "console");
  home = join(folder, "home");
  mkdirSync(join(root, "scripts"), { recursive: true });
  mkdirSync(join(root, "src"));
  mkdirSync(home);
  writeFileSync(join(root, "scripts", "build.mjs"), BUILD);
  writeFileSync(join(root, "src", "page.html"), "<p>one</p>");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const runs = (): number =>
  existsSync(join(root, "ran")) ? readFileSync(join(root, "ran"), "utf8").length : 0;
const open = () => openPageBuild(home, { root, signal });

test("is built once, and again when a source has changed", async () => {
  const first = open();
  expect(first.isBuilding).toBe(true);
  const built = await first.folder;

  const second = open();
  expect([second.isBuilding, await second.folder, runs()]).toEqual([false, built, 1]);

  writeFileSync(join(root, "src", "page.html"), "<p>two</p>");
  const third = await open().folder;
  expect(readFileSync(join(third, "index.html"), "utf8")).toBe("<p>two</p>");
  expect(third).not.toBe(built);
  // A Troupe that still runs serves the one before.
  expect(existsSync(built)).toBe(true);
});

test("is not rebuilt for a changed test, and keeps two builds", async () => {
  await open().folder;
  writeFileSync(join(root, "src", "page.test.ts"), "");
  expect(open().isBuilding).toBe(false);

  for (const text of ["two", "three", "four"]) {
    writeFileSync(join(root, "src", "page.html"), text);
    await open().folder;
  }
  expect(readdirSync(join(root, "dist"))).toHaveLength(2);
});

test("two starts at once both get the whole page", async () => {
  const folders = await Promise.all([open().folder, open().folder]);
  expect(folders[0]).toBe(folders[1]);
  expect(readdirSync(join(root, "dist"))).toHaveLength(1);
});

test.skipIf(process.getuid?.() === 0)("goes into the home where the install may not be written", async () => {
  mkdirSync(join(root, "dist"));
  chmodSync(join(root, "dist"), 0o555);
  expect(await open().folder).toContain(home);
});

test("a failed build is one sentence on the page, and nothing stays behind", async () => {
  writeFileSync(join(root, "src", "page.html"), "broken");
  const build = open();
  const source = createPageSource(build);
  expect(await source.index()).toEqual({ absent: "building" });

  await expect(build.folder).rejects.toThrow(
    "The chat page could not be built: src/page.html is broken. Starting Troupe again tries again.",
  );
  expect(await source.index()).toMatchObject({ absent: "failed", reason: expect.stringContaining("broken") });
  expect(await source.asset("a-1.js")).toBeUndefined();
  expect(readdirSync(join(root, "dist"))).toEqual([]);
});

test("gives the files of the build and no others", async () => {
  const build = open();
  const source = createPageSource(build);
  await build.folder;

  expect(await source.index()).toMatchObject({ type: "text/html; charset=utf-8", etag: expect.any(String) });
  const asset = await source.asset("a-1.js");
  expect([String(asset?.bytes), String(asset?.brotli), asset?.type]).toEqual([
    ...["let a = 1;", "packed", "text/javascript; charset=utf-8"],
  ]);
  for (const name of ["a-1.js.br", "../index.html", "..%2findex.html", "toString", ""]) {
    expect(await source.asset(name), name).toBeUndefined();
  }
});
