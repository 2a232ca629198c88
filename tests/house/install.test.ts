import { existsSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Clone, goOn, lines, makeClone, npmInstalls, until, waitsForUs } from "./clone.ts";

// Many processes, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

let clone: Clone;
beforeEach(() => {
  clone = makeClone();
});
afterEach(() => {
  clone[Symbol.dispose]();
});

const UP = ["sh", "./troupe", "up"];
const ran = (args: string) =>
  `node --expose-gc --heap-growing-percent=50 --max-semi-space-size=8 --max-old-space-size=2000 ${clone.root}/server/src/cli/main.ts ${args}\n`;
const breakBootstrap = () =>
  writeFileSync(join(clone.root, "scripts/bootstrap.mjs"), "throw new Error('started')");

describe("the first ./troupe up", () => {
  test("installs, says so in one line, and becomes the pinned Node", async () => {
    const first = await clone.run(UP);

    expect(first.err).toMatch(/^Installing packages … done \(\d+ s\)\n$/);
    expect(first.out).toBe(ran("up"));
    expect(clone.npmCalls()).toEqual([expect.stringMatching(/^ci --prefer-offline /)]);
    expect(readdirSync(clone.root).filter((name) => name.startsWith(".troupe-setup"))).toEqual([]);
  });

  test("says which Node it installs when the machine's is too old", async () => {
    clone.needsNewerNode();

    const first = await clone.run(UP);

    const has = process.versions.node.split(".")[0];
    expect(first.err).toMatch(
      new RegExp(
        `^Troupe needs Node 99; this machine has ${has}\\. Installing Node 24\\.21 beside the packages … done`,
      ),
    );
    expect(first.out).toBe(ran("up"));
  });

  test("accepts what a person installed by hand", async () => {
    await clone.run(["npm", "ci"]);

    expect((await clone.run(UP)).err).toBe("");
    expect(clone.npmCalls()).toHaveLength(1);
  });

  test("installs once when two start at the same time, and both run", async () => {
    clone.npmDoes(`${waitsForUs}; ${npmInstalls}`);
    const one = clone.start(UP);
    await one.says("Installing");
    const other = clone.start(UP);
    await other.says("Waiting for it");

    goOn(clone);
    const two = await other.ended;

    expect(two.err).toMatch(
      /^Another start is installing packages here \(process \d+\)\. Waiting for it … done/,
    );
    expect([two.out, (await one.ended).out]).toEqual([ran("up"), ran("up")]);
    expect(clone.npmCalls()).toHaveLength(1);
  });

  test("waits for an npm whose bootstrap was killed, and takes over what it left", async () => {
    clone.npmDoes(`${waitsForUs}; rm -rf node_modules`);
    const killed = clone.start(["node", "scripts/bootstrap.mjs"]);
    await until(
      () => lines(join(clone.root, ".troupe-setup.lock/holder"))[0]?.split("pid").length === 3,
      "npm's id",
    );
    killed.child.kill("SIGKILL");
    await until(() => killed.child.signalCode !== null, "the end of the bootstrap");
    clone.npmDoes(npmInstalls);
    const start = clone.start(UP);
    await start.says("Another start is installing");

    goOn(clone);
    const next = await start.ended;

    expect(next.err).toMatch(/^Another start is installing .* done \(\d+ s\)\nInstalling packages … done/);
    expect(next.out).toBe(ran("up"));
  });

  test("never lets the Node of this clone replace the packages of this clone", async () => {
    await clone.run(UP);
    clone.changeLock();
    const ours = join(clone.root, "node_modules/.bin");
    rmSync(join(ours, "node"));
    symlinkSync("/bin/false", join(ours, "node"));

    const next = await clone.run(UP, {
      env: { PATH: `${ours}:${clone.pathWith("node", "npm")}:/usr/bin:/bin` },
    });

    expect(next.out).toBe(ran("up"));
  });
});

describe("the next ./troupe up", () => {
  beforeEach(async () => {
    await clone.run(UP);
  });

  test("prepares nothing: it does not even start the bootstrap", async () => {
    breakBootstrap();

    expect(await clone.run(UP)).toMatchObject({ out: ran("up"), err: "" });
  });

  test("looks again, but installs nothing, when the lock is newer and asks for the same", async () => {
    utimesSync(join(clone.root, "package-lock.json"), new Date(), new Date());

    expect(await clone.run(UP)).toMatchObject({ out: ran("up"), err: "" });
    expect(clone.npmCalls()).toHaveLength(1);
    breakBootstrap();
    expect(await clone.run(UP)).toMatchObject({ out: ran("up"), err: "" });
  });

  test("installs when the lock asks for something else", async () => {
    clone.changeLock();

    expect((await clone.run(UP)).err).toMatch(/^The packages have changed\. Installing them … done/);
  });

  test("installs when an installation was cut short", async () => {
    rmSync(join(clone.root, "node_modules/.package-lock.json"));
    rmSync(join(clone.root, "node_modules/.troupe-ready"));

    expect((await clone.run(UP)).err).toMatch(/^Installing packages … done/);
  });

  test("does not install under a Troupe that runs from here", async (context) => {
    if (process.platform !== "linux") context.skip("only Linux tells which processes run from a folder");
    clone.changeLock();
    using running = new DisposableProcess(clone, `${clone.root}/server/src/cli/main.ts`);

    const refused = await clone.run(UP);

    expect(refused.code).toBe(1);
    expect(refused.err).toContain(`Troupe is running from this folder (process ${running.pid})`);
    expect(clone.npmCalls()).toHaveLength(1);
  });
});

describe("other commands", () => {
  test("install nothing, and say what to do where nothing is installed", async () => {
    const status = await clone.run(["./troupe", "status"]);

    expect(status).toMatchObject({ code: 1, out: "" });
    expect(status.err).toBe(
      "Troupe is not installed here yet. Run ./troupe up (or npm start): it installs what it needs and starts.\n",
    );
    expect(clone.npmCalls()).toEqual([]);
  });

  test("say that an installation is under way", async () => {
    clone.npmDoes(`${waitsForUs}; ${npmInstalls}`);
    const up = clone.start(UP);
    await up.says("Installing");

    expect((await clone.run(["./troupe", "status"])).err).toMatch(/being installed by another start/);
    goOn(clone);
    await up.ended;
  });

  test("run with the packages that are there, even after the lock has changed", async () => {
    await clone.run(UP);
    clone.changeLock();

    expect(await clone.run(["./troupe", "status", "--json"])).toMatchObject({
      out: ran("status --json"),
      err: "",
    });
    expect(clone.npmCalls()).toHaveLength(1);
  });
});

describe("an operator's install without development packages", () => {
  beforeEach(async () => {
    await clone.run(["npm", "ci", "--omit=dev"]);
  });

  test("is whole", async () => {
    expect(await clone.run(UP)).toMatchObject({ out: ran("up"), err: "" });
    expect(clone.npmCalls()).toHaveLength(1);
  });

  test("stays one when the packages change", async () => {
    clone.changeLock();
    await clone.run(UP);

    expect(clone.npmCalls()[1]).toContain("--omit=dev");
  });

  test("gets the tools of tests only when somebody tests", async () => {
    rmSync(join(clone.root, "node_modules/vitest"), { recursive: true });
    const tests = await clone.run(["sh", "scripts/run.sh", "test", "some.test.ts"]);

    expect(tests.err).toMatch(/^Installing the tools for tests and checks … done/);
    expect(clone.npmCalls()[1]).toContain("--include=dev");
    expect(tests.out).toBe("node node_modules/vitest/vitest.mjs run --configLoader native some.test.ts\n");
  });
});

describe("the launcher", () => {
  test("finds its clone through links, from any folder, and keeps arguments as they are", async () => {
    await clone.run(UP);
    const link = join(clone.root, "..", "link to troupe");
    symlinkSync("a clone/troupe", join(clone.root, "..", "first link"));
    symlinkSync("first link", link);

    const { out } = await clone.run(["sh", "-c", 'cd / && exec "$0" chat "two  words"', link], {
      env: { CDPATH: "/tmp" },
    });

    expect(out).toBe(ran("chat two  words"));
  });

  test("keeps compiled code in the clone, or where it is told to", async () => {
    writeFileSync(
      join(clone.root, ".fake-node"),
      '#!/bin/sh\n[ "$1" = --version ] || echo "$NODE_COMPILE_CACHE"\n',
    );

    expect((await clone.run(UP)).out).toBe(`${clone.root}/.cache/compile\n`);
    expect((await clone.run(UP, { env: { NODE_COMPILE_CACHE: "/elsewhere" } })).out).toBe("/elsewhere\n");
    expect(existsSync(join(clone.root, ".cache/compile"))).toBe(true);
  });

  test("names what to install where there is no Node at all", async () => {
    const up = await clone.run(["/bin/sh", "./troupe", "up"], { env: { PATH: clone.pathWith() } });

    expect(up.code).toBe(1);
    expect(up.err).toContain("there is no Node on the PATH");
  });
});

class DisposableProcess {
  readonly pid: number;
  readonly #kill: () => void;
  constructor(home: Clone, argument: string) {
    const { child } = home.start(["/bin/sh", "-c", "sleep 20; :", argument]);
    this.pid = child.pid ?? 0;
    this.#kill = () => child.kill("SIGKILL");
  }
  [Symbol.dispose](): void {
    this.#kill();
  }
}
