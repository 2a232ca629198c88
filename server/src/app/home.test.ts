import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig, readEnvironment } from "./config/index.ts";
import { homeExists, openHome } from "./home.ts";
import { holdHome } from "./home-lock.ts";
import { readHolder } from "./lock-holder.ts";
import { adminSocketPath, prepareSocketFolder } from "./runtime-path.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-home-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a first start", () => {
  test("makes a home whose files are valid, with two agents on the offline model", () => {
    const path = join(folder, "a", "home");

    const home = openHome(path);

    const result = loadConfig({ environment: { home: path, variables: {} } });
    expect(home.isNew).toBe(true);
    expect(result.kind === "valid" && result.config.agents.map((agent) => agent.id)).toEqual(["ana", "kate"]);
    expect(result.kind === "valid" && result.config.models).toEqual({ default: ["offline/guide"] });
  });

  test("keeps data and settings from other users", () => {
    const home = openHome(join(folder, "home"));

    expect(statSync(home.data).mode & 0o777).toBe(0o700);
    expect(statSync(join(home.path, "troupe.yaml")).mode & 0o777).toBe(0o600);
  });

  test("touches nothing that is there", () => {
    mkdirSync(join(folder, "agents"));
    writeFileSync(join(folder, "agents", "zoe.yaml"), "id: zoe\nname: Zoe\ninstructions: Sing.\n");

    openHome(folder);
    writeFileSync(join(folder, "troupe.yaml"), "version: 1\n");
    const second = openHome(folder);

    expect(second.isNew).toBe(false);
    expect(readFileSync(join(folder, "troupe.yaml"), "utf8")).toBe("version: 1\n");
    const result = loadConfig({ environment: { home: folder, variables: {} } });
    expect(result.kind === "valid" && result.config.agents.map((agent) => agent.id)).toEqual(["zoe"]);
  });

  test("may happen twice at once, as with ./troupe up in one terminal and ./troupe chat in another", async () => {
    const script = `import { openHome } from ${JSON.stringify(new URL("./home.ts", import.meta.url).href)};
      process.stdin.on("data", (chunk) => {
        for (const path of String(chunk).split("\\n").filter(Boolean)) openHome(path);
        process.exit(0);
      });
      console.log("ready");`;
    const starts = [1, 2].map(() =>
      spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
        stdio: ["pipe", "pipe", "inherit"],
      }),
    );
    await Promise.all(starts.map((start) => once(start.stdout, "data")));
    const homes = Array.from({ length: 100 }, (_, n) => join(folder, String(n)));

    const ends = starts.map((start) => once(start, "exit"));
    for (const start of starts) start.stdin.write(`${homes.join("\n")}\n`);

    expect(await Promise.all(ends)).toEqual([
      [0, null],
      [0, null],
    ]);
    const kinds = homes.map((home) => loadConfig({ environment: { home, variables: {} } }).kind);
    expect(new Set(kinds)).toEqual(new Set(["valid"]));
  });

  test("says in one sentence why a home cannot be made", () => {
    writeFileSync(join(folder, "file"), "");

    expect(() => openHome(join(folder, "file", "home"))).toThrow(
      /cannot use .* as its home: .* Set TROUPE_HOME/,
    );
    expect(homeExists(join(folder, "file", "home"))).toBe(false);
  });
});

describe("the lock of a home", () => {
  const holder = { pid: 4121, command: "up", since: 1 };

  test("is held by one, who is named to the second, and is free again afterwards", () => {
    const first = holdHome(folder, holder);

    expect(() => holdHome(folder, { pid: 2, command: "chat", since: 2 })).toThrow(
      /Troupe runs already with the home .* \(process 4121\)/,
    );
    expect(readHolder(folder)).toEqual(holder);
    first[Symbol.dispose]();
    holdHome(folder, { pid: 2, command: "chat", since: 2 })[Symbol.dispose]();
    expect(readHolder(folder)).toBeUndefined();
  });

  test("is held where nobody can write who holds it, and let go again", () => {
    mkdirSync(join(folder, "holder.json"));

    const lock = holdHome(folder, holder);

    expect(() => holdHome(folder, holder)).toThrow(/Another process uses the home/);
    rmSync(join(folder, "holder.json"), { recursive: true });
    lock[Symbol.dispose]();
    holdHome(folder, holder)[Symbol.dispose]();
  });

  test("ends with its process, even one that is killed", async () => {
    const script = `import { holdHome } from ${JSON.stringify(new URL("./home-lock.ts", import.meta.url).href)};
      globalThis.held = holdHome(${JSON.stringify(folder)}, { pid: process.pid, command: "chat", since: 1 });
      console.log("held"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    using _ = { [Symbol.dispose]: () => void child.kill("SIGKILL") };
    await once(child.stdout, "data");

    expect(() => holdHome(folder, holder)).toThrow(`./troupe chat (process ${child.pid}) uses the home`);
    child.kill("SIGKILL");
    await once(child, "exit");

    expect(() => holdHome(folder, holder)[Symbol.dispose]()).not.toThrow();
  });

  test("tells a home that is held apart from a folder that cannot be locked", () => {
    expect(() => holdHome(join(folder, "missing"), holder)).toThrow(
      expect.objectContaining({ code: "config.missing" }),
    );
    using _lock = holdHome(folder, holder);
    expect(() => holdHome(folder, holder)).toThrow(expect.objectContaining({ code: "home.locked" }));
  });
});

describe("the admin socket", () => {
  test("has a short path of its own for each home", () => {
    const deep = join(folder, "x".repeat(200));

    const one = adminSocketPath(deep, "/run/user/1000");

    expect(one).toMatch(/^\/run\/user\/1000\/troupe-\d+\/[0-9a-f]{16}\.sock$/);
    expect(adminSocketPath(`${deep}y`, "/run/user/1000")).not.toBe(one);
    expect(Buffer.byteLength(adminSocketPath(deep, `/${"y".repeat(100)}`))).toBeLessThan(104);
  });

  test("lies in a folder that nobody else can enter", () => {
    const path = adminSocketPath("/home/a", folder);
    mkdirSync(join(path, ".."), { mode: 0o755 });
    chmodSync(join(path, ".."), 0o755);

    prepareSocketFolder(path);

    expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
  });

  test("is not put into a folder that is a link", () => {
    const path = adminSocketPath("/home/a", folder);
    writeFileSync(join(path, ".."), "");

    expect(() => prepareSocketFolder(path)).toThrow();
  });
});

test("the environment gives the home, or the one under the user's own directory", () => {
  expect(readEnvironment({ TROUPE_HOME: "/srv/troupe" }).home).toBe("/srv/troupe");
  expect(readEnvironment({}).home).toMatch(/\/\.troupe$/);
  expect(readEnvironment({ NO_COLOR: "" }).noColor).toBe(false);
  expect(readEnvironment({ NO_COLOR: "1", XDG_RUNTIME_DIR: "/run/user/5" })).toMatchObject({
    noColor: true,
    runtimeDirectory: "/run/user/5",
  });
});
