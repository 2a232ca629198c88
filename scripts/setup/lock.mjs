// One installation at a time in a clone. Two `npm ci` in one folder delete each other's files, and npm lives on when
// the bootstrap above it is killed; so the lock names both and is held while either lives.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

/**
 * @typedef {{ pid: number, started: string }} Holder a process, and when the system says it started: ids are reused
 * @typedef {{ host: string, holders: Holder[] }} Claim
 * @typedef {{ add: (pid: number) => void, release: () => void }} Lock
 */

const HEARTBEAT_MS = 2_000;
/** Another container or machine that shares the clone cannot be asked for its processes; its heartbeat speaks for it. */
const SILENT_MS = 30_000;

/**
 * Waits until the lock is ours.
 *
 * @param {string} path outside node_modules, which `npm ci` deletes
 * @param {{ onWait?: (pid: number) => void, pollMs?: number }} [options] `onWait` is told once, of a process that holds it
 * @returns {Promise<Lock>}
 */
export async function takeLock(path, { onWait, pollMs = 200 } = {}) {
  const claim = { host: hostname(), holders: [identify(process.pid)] };
  let told = false;
  while (!tryTake(path, claim)) {
    const held = readClaim(path);
    if (held && !isHeld(path, held.claim)) {
      setAside(path, held.text);
      continue;
    }
    if (held && !told) {
      told = true;
      onWait?.((held.claim.holders.find(isAlive) ?? held.claim.holders[0])?.pid ?? 0);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return ourLock(path, claim);
}

/**
 * The claim of an installation under way, if there is one.
 *
 * @param {string} path
 * @returns {Claim | undefined}
 */
export function currentClaim(path) {
  const held = readClaim(path);
  return held && isHeld(path, held.claim) ? held.claim : undefined;
}

/**
 * @param {string} path
 * @param {Claim} claim
 * @returns {Lock}
 */
function ourLock(path, claim) {
  const timer = setInterval(() => touch(path), HEARTBEAT_MS);
  timer.unref();
  return {
    add(pid) {
      claim.holders.push(identify(pid));
      const next = join(path, `holder.${process.pid}`);
      writeFileSync(next, JSON.stringify(claim));
      renameSync(next, join(path, "holder"));
    },
    release() {
      clearInterval(timer);
      setAside(path, JSON.stringify(claim));
    },
  };
}

/**
 * A filled folder moved into place: there is no moment at which the lock exists without saying who holds it.
 *
 * @param {string} path
 * @param {Claim} claim
 */
function tryTake(path, claim) {
  const own = `${path}.${process.pid}`;
  rmSync(own, { recursive: true, force: true });
  mkdirSync(own);
  writeFileSync(join(own, "holder"), JSON.stringify(claim));
  try {
    renameSync(own, path);
    return true;
  } catch (error) {
    rmSync(own, { recursive: true, force: true });
    const { code } = /** @type {{ code?: string }} */ (error);
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    throw error;
  }
}

/**
 * Removes the lock if it still says `text`. Two starts may find the same lock abandoned; the slower one must not throw
 * away what the faster one has put there since.
 *
 * @param {string} path
 * @param {string} text
 */
function setAside(path, text) {
  const aside = `${path}.${process.pid}.old`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (readClaim(aside)?.text === text) rmSync(aside, { recursive: true, force: true });
  else renameSync(aside, path);
}

/**
 * @param {string} path
 * @returns {{ text: string, claim: Claim } | undefined}
 */
function readClaim(path) {
  let text;
  try {
    text = readFileSync(join(path, "holder"), "utf8");
  } catch {
    return undefined;
  }
  try {
    return { text, claim: JSON.parse(text) };
  } catch {
    return { text, claim: { host: hostname(), holders: [] } };
  }
}

/**
 * @param {string} path
 * @param {Claim} claim
 */
function isHeld(path, claim) {
  if (claim.host === hostname()) return claim.holders.some(isAlive);
  try {
    return Date.now() - statSync(path).mtimeMs < SILENT_MS;
  } catch {
    return false;
  }
}

/** @param {Holder} holder */
function isAlive(holder) {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return /** @type {{ code?: string }} */ (error).code === "EPERM";
  }
  const now = identify(holder.pid);
  return now.started === holder.started && now.started !== "ended";
}

/**
 * @param {number} pid
 * @returns {Holder}
 */
function identify(pid) {
  try {
    // Field 22, counted after the name in brackets, which may itself hold spaces and brackets. Field 3 is the state.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return { pid, started: fields[0] === "Z" ? "ended" : (fields[19] ?? "") };
  } catch {
    return { pid, started: "" };
  }
}

/** @param {string} path */
function touch(path) {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // The folder was removed by hand; the next start will make its own.
  }
}
