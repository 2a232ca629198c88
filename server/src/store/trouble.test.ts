/** The store in trouble: real full disks, locks, damaged files, closing under load, and rows of a newer version. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DEFAULT_SPACE_ID, type SessionTouch, TroupeError } from "@troupe/contracts";
import { createLogRecorder } from "@troupe/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createIdGenerator, createMetrics, systemClock } from "../kit/index.ts";
import { lockHome, type OpenStores, openSqliteStores, type SqliteOptions } from "./index.ts";

const options = { signal: new AbortController().signal };
const MODES = ["threads", "inline"] as const;

let directory: string;
let path: string;
let mounted: string | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "troupe-store-"));
  path = join(directory, "troupe.db");
});
afterEach(() => {
  if (mounted !== undefined) execFileSync("umount", ["--lazy", mounted]);
  mounted = undefined;
  rmSync(directory, { recursive: true });
});

const metrics = createMetrics();
const logger = createLogRecorder();

async function open(mode: "threads" | "inline", change: Partial<SqliteOptions> = {}): Promise<OpenStores> {
  const clock = systemClock();
  return openSqliteStores({ mode, path, clock, ids: createIdGenerator(clock), logger, metrics, ...change });
}

function session(id: string, padding = ""): SessionTouch {
  return {
    id,
    spaceId: DEFAULT_SPACE_ID,
    agentId: "ana",
    channel: "api",
    key: id + padding,
    peerId: "p",
    ownerId: "o",
    audience: ["p"],
    stateless: false,
    at: 1,
    count: 1,
  };
}

async function touch({ stores }: OpenStores, id: string, padding?: string): Promise<string> {
  return stores.unit.commit([stores.sessions.touch(session(id, padding))], options).then(
    () => "kept",
    (error: TroupeError) => error.code,
  );
}

async function errorOf(promise: Promise<unknown>): Promise<TroupeError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!TroupeError.is(error)) throw new Error("A TroupeError was expected.", { cause: error });
  return error;
}

/** A small file system of its own; undefined, with the reason, where this user may not make one. */
function mountSmallDisk(sizeKibibytes: number): string | undefined {
  const target = join(directory, "disk");
  mkdirSync(target);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeKibibytes}k`, "tmpfs", target], {
      stdio: "pipe",
    });
  } catch (error) {
    console.warn(`left out: mounting a small disk needs root (${String(error).split("\n")[0]})`);
    return undefined;
  }
  mounted = target;
  return target;
}

describe.each(MODES)("full disk, %s", (mode) => {
  it("refuses with store.full when the database may not grow, keeps what it confirmed and goes on reading", async () => {
    // Tables and indexes that hold nothing take a page each, some 200.
    const store = await open(mode, { maxPages: 400 });
    const outcomes: string[] = [];
    for (let n = 0; n < 400 && outcomes.at(-1) !== "store.full"; n++)
      outcomes.push(await touch(store, `s-${n}`, "x".repeat(2000)));
    const error = await errorOf(
      store.stores.unit.commit([store.stores.sessions.touch(session("more", "x".repeat(5000)))], options),
    );

    expect(outcomes.at(-1)).toBe("store.full");
    expect(error).toMatchObject({ code: "store.full", retryable: true });
    expect(error.message).toContain(path);
    expect(store.health()).toMatchObject({ ok: false });
    const kept = await Promise.all(outcomes.map((_, n) => store.stores.sessions.get(`s-${n}`, options)));
    expect(kept.map((one) => (one === undefined ? "store.full" : "kept"))).toEqual(outcomes);
    await store.close();
  });

  it("goes on by itself when a full disk has space again", async ({ skip }) => {
    const disk = mountSmallDisk(1536);
    if (disk === undefined) return skip("mounting needs root");
    const store = await open(mode, { path: join(disk, "troupe.db") });
    const filler = join(disk, "filler");
    writeFileSync(filler, Buffer.alloc(400 * 1024));
    const outcomes: string[] = [];
    for (let n = 0; n < 400 && outcomes.at(-1) !== "store.full"; n++)
      outcomes.push(await touch(store, `s-${n}`, "x".repeat(3000)));

    rmSync(filler);
    const after = [await touch(store, "after-1"), await touch(store, "after-2")];

    expect(outcomes.length).toBeGreaterThan(3);
    expect(outcomes.at(-1)).toBe("store.full");
    expect(after).toEqual(["kept", "kept"]);
    expect(store.health()).toMatchObject({ ok: true });
    await store.close();
    const again = await open(mode, { path: join(disk, "troupe.db") });
    const kept = await Promise.all(outcomes.map((_, n) => again.stores.sessions.get(`s-${n}`, options)));
    expect(kept.map((one) => (one === undefined ? "store.full" : "kept"))).toEqual(outcomes);
    await again.close();
  });
});

describe.each(MODES)("files that are not right, %s", (mode) => {
  it("refuses a file that is no database, and leaves it as it is", async () => {
    writeFileSync(path, "once upon a time ".repeat(500));

    const error = await errorOf(open(mode));

    expect(error.code).toBe("store.corrupt");
    expect(error.message).toContain(path);
    expect(readFileSync(path, "utf8")).toBe("once upon a time ".repeat(500));
  });

  it("refuses the database of another program and of a newer Troupe", async () => {
    const other = new DatabaseSync(path);
    other.exec("CREATE TABLE songs (name)");
    other.close();
    const foreign = await errorOf(open(mode));
    rmSync(path);
    await (await open(mode)).close();
    const newer = new DatabaseSync(path);
    newer.exec("PRAGMA user_version = 999");
    newer.close();

    const error = await errorOf(open(mode));

    expect(foreign.code).toBe("store.corrupt");
    expect(error.code).toBe("store.version");
    expect(error.message).toMatch(/999.*newer Troupe/);
  });

  it("says store.readonly where it may not write", async ({ skip }) => {
    await (await open(mode)).close();
    if (process.getuid?.() === 0) {
      const disk = mountSmallDisk(4096);
      if (disk === undefined) return skip("root may write everywhere, and may not mount here");
      const readonlyPath = join(disk, "troupe.db");
      await (await open(mode, { path: readonlyPath })).close();
      execFileSync("mount", ["-o", "remount,ro", disk]);
      expect((await errorOf(open(mode, { path: readonlyPath }))).code).toBe("store.readonly");
      return;
    }
    chmodSync(path, 0o444);
    chmodSync(directory, 0o555);
    const error = await errorOf(open(mode));
    chmodSync(directory, 0o755);
    expect(error.code).toBe("store.readonly");
  });

  it("says store.busy while another program holds the write lock, and goes on when it lets go", async () => {
    const store = await open(mode, { busyTimeoutMs: 50 });
    const intruder = new DatabaseSync(path);
    intruder.exec("BEGIN IMMEDIATE");

    const during = await touch(store, "s-1");
    intruder.exec("COMMIT");
    const after = await touch(store, "s-1");
    intruder.close();

    expect([during, after]).toEqual(["store.busy", "kept"]);
    await store.close();
  });
});

describe.each(MODES)("closing, %s", (mode) => {
  it("keeps exactly what it confirmed when it is closed under load", async () => {
    const store = await open(mode);
    const early = Array.from({ length: 40 }, (_, n) => touch(store, `s-${n}`));
    const closing = store.close();
    const late = Array.from({ length: 5 }, (_, n) => touch(store, `late-${n}`));
    const outcomes = await Promise.all([...early, ...late]);
    await closing;
    await store.close();

    const again = await open(mode);
    const ids = [...early.map((_, n) => `s-${n}`), ...late.map((_, n) => `late-${n}`)];
    const kept = await Promise.all(ids.map((id) => again.stores.sessions.get(id, options)));
    expect(kept.map((one) => (one === undefined ? "store.closed" : "kept"))).toEqual(outcomes);
    expect(outcomes.slice(40)).toEqual(Array(5).fill("store.closed"));
    await again.close();
  });

  it("refuses more transactions than may wait, and keeps the rest", async () => {
    const store = await open(mode, { queueLimit: 10 });

    const outcomes = await Promise.all(Array.from({ length: 15 }, (_, n) => touch(store, `s-${n}`)));

    expect(outcomes).toEqual([...Array(10).fill("kept"), ...Array(5).fill("store.busy")]);
    await store.close();
  });
});

describe("rows of a newer version", () => {
  it("are parked: not listed, not claimed, and nothing beside them is lost", async () => {
    const store = await open("inline");
    const { stores } = store;
    for (const n of [1, 2]) {
      await stores.unit.commit(
        [
          stores.sessions.touch(session(`s-${n}`)),
          stores.sessions.append({
            id: `m-${n}`,
            spaceId: DEFAULT_SPACE_ID,
            sessionId: `s-${n}`,
            turnId: `t-${n}`,
            turnSeq: "same",
            role: "user",
            parts: [],
            audience: ["p"],
            outcome: "ok",
            createdAt: 1,
            fromLast: 0,
          }),
          stores.turns.open({
            id: `t-${n}`,
            spaceId: DEFAULT_SPACE_ID,
            agentId: "ana",
            sessionId: `s-${n}`,
            trigger: "chat",
            lane: "realtime",
            payload: {},
            dueAt: 0,
            deadlineAt: 1,
            reservedMicroUsd: 0,
            createdAt: 1,
            owner: undefined,
          }),
        ],
        options,
      );
    }
    const future = new DatabaseSync(path);
    future.exec(
      "UPDATE turns SET v = 2, payload = 'future' WHERE id = 't-1'; UPDATE messages SET v = 2, parts = 'future' WHERE id = 'm-1'",
    );
    future.close();
    const claim = stores.turns.claim({ owner: "p-1", limit: 10 });

    const claimed = (await stores.unit.commit([claim], options)).read(claim);

    expect(claimed.map(({ turn }) => turn.id)).toEqual(["t-2"]);
    expect(
      (await stores.turns.list({ spaceId: DEFAULT_SPACE_ID }, options)).items.map(({ id }) => id),
    ).toEqual(["t-2"]);
    expect((await stores.sessions.messages({ sessionId: "s-1" }, options)).items).toEqual([]);
    expect(await stores.search.indexNew(10, options)).toBe(2);
    await store.close();
  });
});

describe("group commit", () => {
  it("makes many transactions durable with few groups", async () => {
    const own = createMetrics();
    const store = await open("threads", { metrics: own });
    for (let round = 0; round < 5; round++)
      await Promise.all(Array.from({ length: 64 }, (_, n) => touch(store, `s-${n}`)));

    const numberOf = (name: string): number =>
      Number(new RegExp(`^${name} (\\d+)$`, "m").exec(own.render())?.[1]);
    expect(numberOf("store_transactions_total")).toBe(320);
    expect(numberOf("store_groups_total")).toBe(5);
    await store.close();
  });
});

describe("home lock", () => {
  it("refuses a second holder, names the first, and is free again after a kill", async () => {
    const script = `
      import { lockHome } from ${JSON.stringify(new URL("./lock.ts", import.meta.url).href)};
      // Held by name: a lock that nobody refers to ends with the next garbage collection.
      globalThis.held = lockHome({ directory: ${JSON.stringify(directory)}, pid: process.pid, clock: { now: () => Date.UTC(2026, 10, 20) } });
      console.log("locked");
      setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    // Also when an expectation fails: an orphan would hold the output of the whole run open.
    using _ = { [Symbol.dispose]: () => void holder.kill("SIGKILL") };
    await once(holder.stdout, "data");
    const lock = () => lockHome({ directory, pid: process.pid, clock: systemClock() });

    const refused = await errorOf((async () => lock())());
    holder.kill("SIGKILL");
    await once(holder, "exit");
    using mine = lock();
    const twice = await errorOf((async () => lock())());

    expect(refused.code).toBe("home.locked");
    expect(refused.message).toContain(`process ${holder.pid}, started 2026-11-20T00:00:00.000Z`);
    expect(twice.message).toContain(`process ${process.pid}`);
    expect(mine.path).toContain(directory);
  });

  it("can be taken again after it was let go", () => {
    const first = lockHome({ directory, pid: 1, clock: systemClock() });
    first[Symbol.dispose]();
    first[Symbol.dispose]();

    expect(() => lockHome({ directory, pid: 2, clock: systemClock() })[Symbol.dispose]()).not.toThrow();
  });
});
