import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { currentClaim, type Lock, takeLock } from "../../scripts/setup/lock.mjs";

let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), "troupe-lock-")), ".troupe-setup.lock");
});
afterEach(() => {
  rmSync(dirname(path), { recursive: true, force: true });
});

const DEAD = { pid: 2 ** 22 + 1, started: "1" };
const take = (onWait?: (pid: number) => void) => takeLock(path, { pollMs: 5, ...(onWait ? { onWait } : {}) });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function leave(claim: unknown): void {
  mkdirSync(path);
  writeFileSync(join(path, "holder"), typeof claim === "string" ? claim : JSON.stringify(claim));
}

async function isTakenWithin(ms: number): Promise<boolean> {
  const taken = take().then((lock) => lock.release());
  const result = await Promise.race([taken.then(() => true), pause(ms).then(() => false)]);
  rmSync(path, { recursive: true, force: true });
  await taken;
  return result;
}

test("a free lock is taken, and given back without a trace", async () => {
  const lock = await take();
  expect(currentClaim(path)?.holders.map(({ pid }) => pid)).toEqual([process.pid]);

  lock.release();

  expect(currentClaim(path)).toBeUndefined();
  expect(readdirSync(dirname(path))).toEqual([]);
});

test("who comes second waits, is told once for whom, and gets the lock afterwards", async () => {
  const told: number[] = [];
  const first = await take();
  const second = take((pid) => told.push(pid));
  await pause(60);
  expect(told).toEqual([process.pid]);

  first.release();

  (await second).release();
  expect(existsSync(path)).toBe(false);
});

test("the lock of processes that have all ended is taken over", async () => {
  leave({ host: hostname(), holders: [DEAD, { ...DEAD, pid: DEAD.pid + 1 }] });

  expect(await isTakenWithin(15_000)).toBe(true);
});

test("an unreadable lock is taken over", async () => {
  leave("{");

  expect(await isTakenWithin(15_000)).toBe(true);
});

test("the lock is held while npm lives, though the bootstrap has ended", async () => {
  using npm = new Sleeper();
  const lock = await take();
  lock.add(npm.pid);
  const claim = currentClaim(path);
  expect(claim?.holders.map(({ pid }) => pid)).toEqual([process.pid, npm.pid]);
  lock.release();
  leave({ ...claim, holders: [DEAD, claim?.holders[1]] });

  expect(await isTakenWithin(60)).toBe(false);
});

test("a process that merely got the number of one that ended holds nothing", async (context) => {
  if (process.platform !== "linux") context.skip("only Linux tells when a process started");
  leave({ host: hostname(), holders: [{ pid: process.pid, started: "1" }] });

  expect(await isTakenWithin(15_000)).toBe(true);
});

test("another machine's lock is held while its heartbeat is fresh, and taken over when it is silent", async () => {
  leave({ host: "elsewhere", holders: [DEAD] });
  expect(await isTakenWithin(60)).toBe(false);

  leave({ host: "elsewhere", holders: [DEAD] });
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(path, longAgo, longAgo);
  expect(await isTakenWithin(15_000)).toBe(true);
});

test("of many that find an abandoned lock, one at a time gets it", async () => {
  leave({ host: hostname(), holders: [DEAD] });
  let inside = 0;
  let most = 0;
  const enter = async (lock: Lock) => {
    inside += 1;
    most = Math.max(most, inside);
    await pause(3);
    inside -= 1;
    lock.release();
  };

  await Promise.all(Array.from({ length: 12 }, async () => enter(await take())));

  expect(most).toBe(1);
});

test("a lock that was taken away is not removed from its new holder", async () => {
  const lock = await take();
  rmSync(path, { recursive: true });
  leave({ host: "elsewhere", holders: [DEAD] });

  lock.release();

  expect(currentClaim(path)?.host).toBe("elsewhere");
});

class Sleeper {
  readonly #child = spawn("sleep", ["20"], { stdio: "ignore" });
  readonly pid: number = this.#child.pid ?? 0;
  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
