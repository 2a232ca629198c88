// What this machine is, and which Node on it can run Troupe.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {{ platform: string, arch: string, libc: string, node: string, nodePath: string }} Machine
 * @typedef {{ node: string, pinned: string | undefined, pinnedPackage: string }} Needs the lowest Node that serves;
 *   the version that comes with the packages, if there is one for this machine; the package that brings it
 */

/** @returns {Machine} */
export function thisMachine() {
  return {
    platform: process.platform,
    arch: process.arch,
    libc: process.platform === "linux" ? readLibc() : "",
    node: process.versions.node,
    nodePath: process.execPath,
  };
}

function readLibc() {
  // The report lists network interfaces too, and resolving their names can take seconds.
  Object.assign(process.report ?? {}, { excludeNetwork: true });
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (
    process.report?.getReport() ?? {}
  );
  return report.header?.glibcVersionRuntime ? "glibc" : "musl";
}

/**
 * @param {{ engines?: { node?: string }, optionalDependencies?: Record<string, string> }} manifest the root package.json
 * @param {Machine} machine
 * @returns {Needs}
 */
export function needsOf(manifest, machine) {
  const pinnedPackage = `node-${machine.platform}-${machine.arch}`;
  // The pinned builds are linked against glibc; npm would install one on musl all the same.
  const runs = machine.platform !== "linux" || machine.libc === "glibc";
  return {
    node: (manifest.engines?.node ?? "24").replace(/^\D*/, ""),
    pinned: runs ? manifest.optionalDependencies?.[pinnedPackage] : undefined,
    pinnedPackage,
  };
}

/**
 * The Node that will run Troupe, as the launcher reads it from the stamp: the pinned one, relative to the root so that
 * a clone may be moved, else the machine's own where it is new enough, else none.
 *
 * @param {string} root
 * @param {Needs} needs
 * @param {Machine} machine
 * @returns {string | undefined}
 */
export function nodeFor(root, needs, machine) {
  if (needs.pinned) {
    const path = join("node_modules", needs.pinnedPackage, "bin", "node");
    if (existsSync(join(root, path)) && starts(join(root, path))) return path;
  }
  return isAtLeast(machine.node, needs.node) ? machine.nodePath : undefined;
}

/** @param {string} path */
function starts(path) {
  return spawnSync(path, ["--version"], { stdio: "ignore" }).status === 0;
}

/**
 * @param {string} version
 * @param {string} lowest
 */
export function isAtLeast(version, lowest) {
  const [a, b] = [version, lowest].map((text) => text.split(".").map(Number));
  for (let i = 0; i < 3; i += 1) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** `24.21.0` as people say it. @param {string} version */
export function short(version) {
  return version.split(".").slice(0, 2).join(".");
}

/** @param {string} version */
export function major(version) {
  return version.split(".")[0] ?? version;
}
