// Installs what Troupe misses, the pinned Node included. Started by scripts/prepare.sh, never by hand.
//   --dev   the tools of tests and checks are needed too
//   --look  install nothing; only say whether an install is there
// Runs on the machine's own Node, 20 or newer, before any package exists; so it is plain JavaScript without imports
// from elsewhere. Running it again when all is well changes nothing.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { explainDenied, explainNoNode, explainNpm } from "./setup/explain.mjs";
import { installState, isDenied, writeStamp } from "./setup/install-state.mjs";
import { currentClaim, takeLock } from "./setup/lock.mjs";
import { isAtLeast, major, needsOf, nodeFor, short, thisMachine } from "./setup/machine.mjs";
import { npmCi } from "./setup/npm.mjs";
import { progress, Refusal, say } from "./setup/say.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lockPath = join(root, ".troupe-setup.lock");
const wanted = { dev: process.argv.includes("--dev") };
const machine = thisMachine();
const needs = needsOf(JSON.parse(readFileSync(join(root, "package.json"), "utf8")), machine);

/** @returns {boolean} whether all is there; then the stamp says so */
function isReady() {
  if (installState(root, wanted).installed !== "whole") return false;
  const node = nodeFor(root, needs, machine);
  if (!node) return false;
  writeStamp(root, node);
  return true;
}

function look() {
  if (isReady()) return;
  if (currentClaim(lockPath))
    throw new Refusal("Troupe is being installed by another start. Try again when it is done.");
  // Packages of an earlier lock serve as long as they are whole; the next `up` brings them up to date.
  const node = installState(root, { dev: false }).installed === "part" && nodeFor(root, needs, machine);
  if (!node) {
    throw new Refusal(
      "Troupe is not installed here yet. Run ./troupe up (or npm start): it installs what it needs and starts.",
    );
  }
}

async function install() {
  if (isReady()) return;
  refuseWhereNoNodeServes();
  const lock = await takeOurLock();
  try {
    // Another start may have installed while this one waited.
    if (isReady()) return;
    refuseUnderRunningTroupe();
    await runNpm(lock);
    if (!isReady()) throw new Refusal(explainStillMissing());
  } finally {
    lock.release();
  }
}

async function takeOurLock() {
  /** @type {ReturnType<typeof progress> | undefined} */
  let waiting;
  try {
    const lock = await takeLock(lockPath, {
      onWait: (pid) => {
        waiting = progress(`Another start is installing packages here (process ${pid}). Waiting for it`);
      },
    });
    waiting?.end("done");
    return lock;
  } catch (error) {
    if (isDenied(error)) throw new Refusal(explainDenied(root), { cause: error });
    throw error;
  }
}

/** @param {import("./setup/lock.mjs").Lock} lock */
async function runNpm(lock) {
  const before = installState(root, wanted);
  // Where somebody installed for production, an update stays a production install.
  const omit = before.installed !== "none" && !before.hasDev;
  const line = progress(announce(before));
  let result;
  try {
    result = await npmCi(root, {
      dev: wanted.dev ? "include" : omit ? "omit" : "as configured",
      onStart: lock.add,
    });
  } catch (error) {
    line.end("failed");
    throw new Refusal("npm did not start. It comes with Node; on Debian and Ubuntu: apt install npm.", {
      cause: error,
    });
  }
  if (result.signal) {
    line.end("stopped");
    say("Nothing is broken: the next start installs again.");
    lock.release();
    // A shell announces the death of a background program by a signal on a line of its own; it knows this code as well.
    process.exit(128 + constants.signals[result.signal]);
  }
  line.end(result.code === 0 ? "done" : "failed");
  if (result.code !== 0) throw new Refusal(explainNpm(result.output, root));
}

/** @param {import("./setup/install-state.mjs").InstallState} before */
function announce(before) {
  if (before.installed !== "none" && wanted.dev && !before.hasDev)
    return "Installing the tools for tests and checks";
  if (before.installed !== "none") return "The packages have changed. Installing them";
  if (!isAtLeast(machine.node, needs.node) && needs.pinned) {
    const both = `Troupe needs Node ${major(needs.node)}; this machine has ${major(machine.node)}.`;
    return `${both} Installing Node ${short(needs.pinned)} beside the packages`;
  }
  return "Installing packages";
}

/** Better before the packages are fetched than after. */
function refuseWhereNoNodeServes() {
  if (!isAtLeast(machine.node, "20")) {
    throw new Refusal(
      `Troupe installs itself with Node 20 or newer; this machine has ${machine.node}. Install a newer one (https://nodejs.org) and run this again.`,
    );
  }
  if (needs.pinned || isAtLeast(machine.node, needs.node)) return;
  throw new Refusal(explainNode());
}

function explainNode() {
  const name = `${machine.platform} ${machine.arch}${machine.libc === "musl" ? " with musl" : ""}`;
  return explainNoNode({ name, version: machine.node, needed: needs.node, platform: machine.platform });
}

/** npm takes a failed download of an optional package, which Node is here, for a success. */
function explainStillMissing() {
  const { missing } = installState(root, wanted);
  if (missing.length > 0)
    return `npm reported success, but these are missing: ${missing.slice(0, 5).join(", ")}.`;
  if (existsSync(join(root, "node_modules", needs.pinnedPackage))) return explainNode();
  return `Node ${needs.pinned ?? needs.node} could not be fetched. Check the connection and run this again.`;
}

/** `npm ci` deletes the packages that a running Troupe still loads from. Only Linux tells us of it. */
function refuseUnderRunningTroupe() {
  const main = join(root, "server/src/cli/main.ts");
  const running = processIds().find((pid) => commandLine(pid).includes(main));
  if (!running) return;
  throw new Refusal(
    `Troupe is running from this folder (process ${running}) and its packages must be replaced. Stop it first (kill ${running}), then start again.`,
  );
}

function processIds() {
  return existsSync("/proc/self") ? readdirSync("/proc").filter((name) => /^\d+$/.test(name)) : [];
}

/** @param {string} pid */
function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

try {
  if (process.argv.includes("--look")) look();
  else await install();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  say(error.message);
  process.exitCode = 1;
}
