import { describe, expect, test } from "vitest";
import { importBreaches, type Tree } from "./layers.ts";
import { expectedProject, expectedSolution, projectBreaches, projectsOf } from "./projects.ts";
import { readTree } from "./repository.ts";

describe("this repository", () => {
  const tree = readTree();

  test("keeps the one import rule", () => {
    expect(importBreaches(tree)).toEqual([]);
  });

  test("has one TypeScript project a folder, all in the solution, with the references of their layer", () => {
    expect(projectBreaches(tree)).toEqual([]);
  });

  test("is really read: every layer has been seen", () => {
    expect(projectsOf(tree)).toEqual(
      expect.arrayContaining(["contracts", "server/src/app", "server/src/store", "tests"]),
    );
    expect([...tree.keys()].filter((file) => file.endsWith(".ts")).length).toBeGreaterThan(5);
  });
});

describe("an import is refused:", () => {
  test.each([
    [
      "a sibling by path",
      "server/src/bus/a.ts",
      'import { x } from "../store/index.ts";',
      "must not import the folder store",
    ],
    [
      "a sibling's types",
      "server/src/bus/a.ts",
      'import type { X } from "../store/index.ts";',
      "must not import the folder store",
    ],
    [
      "a sibling, deferred",
      "server/src/bus/a.ts",
      'await import("../store/index.ts");',
      "must not import the folder store",
    ],
    [
      "a sibling's worker",
      "server/src/bus/a.ts",
      'new Worker(new URL("../store/w.ts", import.meta.url));',
      "the folder store",
    ],
    [
      "a sibling from a folder within",
      "server/src/agent/steps/1-open.ts",
      'import "../../store/index.ts";',
      "the folder store",
    ],
    [
      "any folder from the command line but app",
      "server/src/cli/a.ts",
      'import "../store/index.ts";',
      "the folder store",
    ],
    [
      "app from a folder",
      "server/src/store/a.ts",
      'import "../app/index.ts";',
      "must not import the folder app",
    ],
    [
      "the command line from app",
      "server/src/app/a.ts",
      'import "../cli/main.ts";',
      "must not import the folder cli",
    ],
    [
      "a folder from kit",
      "server/src/kit/a.ts",
      'import "../store/index.ts";',
      "must not import the folder store",
    ],
    [
      "testing from the product",
      "server/src/store/a.ts",
      'import "@troupe/testing";',
      "must not import @troupe/testing",
    ],
    [
      "the server from testing",
      "testing/src/a.ts",
      'import "@troupe/server";',
      "must not import @troupe/server",
    ],
    [
      "the server from itself, by name",
      "server/src/store/a.ts",
      'import "@troupe/server";',
      "must not import @troupe/server",
    ],
    [
      "contracts by path",
      "server/src/store/a.ts",
      'import "../../../contracts/src/index.ts";',
      "import a package by its name",
    ],
    [
      "past the entry of contracts",
      "server/src/store/a.ts",
      'import "@troupe/contracts/src/turn.ts";',
      "past the entry",
    ],
    [
      "past the index of kit",
      "server/src/store/a.ts",
      'import "../kit/ids.ts";',
      "import the folder's index.ts",
    ],
    [
      "past a folder's index from app",
      "server/src/app/a.ts",
      'import "../store/sqlite.ts";',
      "import the folder's index.ts",
    ],
    [
      "past a folder's index from a benchmark",
      "bench/a.ts",
      'import "../server/src/store/sqlite.ts";',
      "the folder's index.ts",
    ],
    [
      "the server from contracts",
      "contracts/src/a.ts",
      'import "../../server/src/kit/index.ts";',
      "outside contracts",
    ],
    [
      "a library from contracts",
      "contracts/src/a.ts",
      'import { z } from "zod";',
      "contracts depends on nothing",
    ],
    ["a variable", "server/src/tools/a.ts", "await import(name);", "import() of a variable"],
    [
      "a file by its address",
      "server/src/store/a.ts",
      'import "file:///tmp/a.ts";',
      "hides where the module lives",
    ],
  ])("%s", (_what, file, source, message) => {
    expect(importBreaches(new Map([[file, `\n${source}`]]))).toEqual([expect.stringContaining(message)]);
    expect(importBreaches(new Map([[file, `\n${source}`]]))[0]).toMatch(`${file}:2: `);
  });

  test("anything from a file of the server that is in no folder", () => {
    expect(importBreaches(new Map([["server/src/a.ts", ""]]))).toEqual([
      expect.stringContaining("belongs in a folder"),
    ]);
  });
});

describe("an import is allowed:", () => {
  test.each([
    [
      "contracts and kit from a folder",
      "server/src/store/a.ts",
      'import "@troupe/contracts"; import "../kit/index.ts";',
    ],
    [
      "a folder's own files",
      "server/src/agent/steps/1-open.ts",
      'import "../loop.ts"; import "./2-place.ts";',
    ],
    [
      "every folder from app",
      "server/src/app/compose.ts",
      'import "../store/index.ts"; import "../gateway/index.ts";',
    ],
    [
      "app and kit from the command line",
      "server/src/cli/main.ts",
      'import "../app/index.ts"; import "../kit/index.ts";',
    ],
    ["libraries and Node from a folder", "server/src/store/a.ts", 'import "kysely"; import "node:sqlite";'],
    [
      "a layer alone from a benchmark",
      "bench/store.ts",
      'import "../server/src/store/index.ts"; import "@troupe/testing";',
    ],
    [
      "anything from a test beside its source",
      "server/src/store/a.test.ts",
      'import "../bus/local.ts"; import "@troupe/testing";',
    ],
    ["a plug-in by its loader", "server/src/tools/loader.ts", "await import(name);"],
  ])("%s", (_what, file, source) => {
    expect(importBreaches(new Map([[file, source]]))).toEqual([]);
  });
});

describe("projects are refused:", () => {
  test("none of a healthy tree", () => {
    expect(projectBreaches(healthyTree())).toEqual([]);
  });

  test("a folder without one", () => {
    const tree = healthyTree();
    tree.set("server/src/world/index.ts", "");

    expect(projectBreaches(tree)).toContainEqual(
      expect.stringContaining("server/src/world: no tsconfig.json"),
    );
  });

  test("one that the solution does not list", () => {
    const tree = healthyTree();
    tree.set(
      "tsconfig.json",
      JSON.stringify(expectedSolution(PROJECTS.filter((name) => !name.endsWith("/bus")))),
    );

    expect(projectBreaches(tree)).toEqual([
      'tsconfig.json: references should hold {"path":"./server/src/bus"}',
    ]);
  });

  test("one below a folder, which would split a layer", () => {
    const tree = healthyTree();
    tree.set("server/src/store/sqlite/tsconfig.json", "{}");

    expect(projectBreaches(tree)).toEqual([expect.stringContaining("a project where none belongs")]);
  });

  test.each([
    [
      "a reference too many",
      { references: [{ path: "../../../contracts" }, { path: "../kit" }, { path: "../store" }] },
    ],
    ["a reference too few", { references: [{ path: "../kit" }] }],
    ["sources left out", { exclude: ["**/*.test.ts", "old/**"] }],
    ["a strict rule switched off", { compilerOptions: { strict: false } }],
    ["another base", { extends: "../../../tsconfig.loose.json" }],
  ])("one with %s", (_what, change) => {
    const tree = healthyTree();
    tree.set(
      "server/src/bus/tsconfig.json",
      JSON.stringify({ ...expectedProject("server/src/bus", PROJECTS), ...change }),
    );

    expect(projectBreaches(tree)).toEqual([expect.stringMatching(/^server\/src\/bus\/tsconfig\.json: /)]);
  });
});

describe("a manifest is refused:", () => {
  test.each([
    [
      "peers, which npm installs for production",
      "testing/package.json",
      { peerDependencies: { vitest: "*" } },
    ],
    [
      "the test kit as a part of the product",
      "server/package.json",
      { dependencies: { "@troupe/testing": "*" } },
    ],
    ["a library under contracts", "contracts/package.json", { dependencies: { zod: "*" } }],
  ])("%s", (_what, file, manifest) => {
    const tree = healthyTree();
    tree.set(file, JSON.stringify(manifest));

    expect(projectBreaches(tree)).toEqual([expect.stringContaining(`${file}: `)]);
  });
});

const PROJECTS = [
  "bench",
  "contracts",
  "scripts",
  ...["app", "bus", "cli", "kit", "store"].map((folder) => `server/src/${folder}`),
  "testing",
  "tests",
];

function healthyTree(): Map<string, string> & Tree {
  const tree = new Map([
    ["package.json", JSON.stringify({ workspaces: ["contracts", "testing", "server", "bench"] })],
    ["tsconfig.json", JSON.stringify(expectedSolution(PROJECTS))],
  ]);
  for (const project of PROJECTS) {
    tree.set(`${project}/tsconfig.json`, JSON.stringify(expectedProject(project, PROJECTS)));
  }
  return tree;
}
