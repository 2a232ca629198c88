// `npm ci` as a child that is never left behind.
import { spawn } from "node:child_process";
import { delimiter } from "node:path";

/**
 * @typedef {{ code: number, output: string, signal: NodeJS.Signals | undefined }} NpmResult `signal` is the one that
 *   stopped us while npm ran
 */

const STOP_WITHIN_MS = 2_000;
const PASSED_ON = /** @type {const} */ (["SIGHUP", "SIGINT", "SIGTERM"]);

/**
 * @param {string} root
 * @param {{ dev: "include" | "omit" | "as configured", onStart: (pid: number) => void }} options
 * @returns {Promise<NpmResult>}
 */
export function npmCi(root, { dev, onStart }) {
  const args = [
    "ci",
    // The lock names no registry (omit-lockfile-registry-resolved), so npm asks about every package unless its cache
    // may answer; without this an install with a full cache but no network fails.
    "--prefer-offline",
    // By default a missing network is reported after 73 seconds.
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
    "--no-audit",
    "--no-fund",
    "--no-progress",
    "--loglevel=error",
    ...(dev === "as configured" ? [] : [`--${dev}=dev`]),
  ];
  return new Promise((resolve, reject) => {
    // Before npm exists: a signal in the moment between would end this process and leave npm alone.
    const stopping = passSignalsOn(() => npm.pid);
    // In a group of its own, so that Ctrl-C reaches npm once, from us, and its own children with it.
    const npm = spawn("npm", args, {
      cwd: root,
      env: withoutOurBin(root),
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (npm.pid) onStart(npm.pid);
    let output = "";
    for (const stream of [npm.stdout, npm.stderr]) {
      stream.on("data", (/** @type {Buffer} */ data) => {
        output = (output + data).slice(-64_000);
      });
    }
    npm.on("error", (error) => {
      stopping.end();
      reject(error);
    });
    npm.on("close", (code) => resolve({ code: code ?? 1, output, signal: stopping.end() }));
  });
}

/**
 * Waits for npm after a signal, but not for long: it takes 6–8 s to roll back to an empty node_modules, and what a killed
 * npm leaves is recognised and replaced by the next start.
 *
 * @param {() => number | undefined} npmPid
 */
function passSignalsOn(npmPid) {
  /** @type {NodeJS.Signals | undefined} */
  let caught;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const toGroup = (/** @type {NodeJS.Signals} */ signal) => {
    const pid = npmPid();
    try {
      if (pid) process.kill(-pid, signal);
    } catch {
      // Gone already.
    }
  };
  const onSignal = (/** @type {NodeJS.Signals} */ signal) => {
    if (caught) return;
    caught = signal;
    toGroup(signal);
    timer = setTimeout(() => toGroup("SIGKILL"), STOP_WITHIN_MS);
  };
  for (const signal of PASSED_ON) process.on(signal, onSignal);
  return {
    end() {
      clearTimeout(timer);
      for (const signal of PASSED_ON) process.off(signal, onSignal);
      return caught;
    },
  };
}

/**
 * Under `npm start` the PATH begins with this clone's node_modules/.bin; the Node there is about to be deleted.
 *
 * @param {string} root
 */
function withoutOurBin(root) {
  const path = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => !(folder.startsWith(root) && folder.endsWith("/node_modules/.bin")));
  return { ...process.env, PATH: path.join(delimiter) };
}
