// Completes package-lock.json after `npm install`; `npm run lock` runs it.
//
// Packages with native parts list one optional package a platform. A registry or mirror may lack those of platforms it
// does not care for. `npm install` then leaves them out of the lock without a word, and `npm ci`, which is what every
// clone runs, refuses the lock: "Missing: … from lock file". The records written here let it pass: the version is the
// exact one its parent asks for, the platform is told by the name, and there is no integrity, since nothing was fetched.
// Elsewhere npm fetches such a package by its version. npm keeps these records, so a second run changes nothing.
import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * @typedef {{ version?: string, dev?: boolean, optional?: boolean, os?: string[], cpu?: string[], libc?: string[],
 *   optionalDependencies?: Record<string, string> }} LockRecord
 * @typedef {Record<string, LockRecord>} LockRecords
 */

const SYSTEMS = new Set([
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
]);
const PROCESSORS = new Map(
  ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"].map(
    (name) => [name, name],
  ),
);
// Names that package authors use for what Node calls otherwise.
PROCESSORS.set("armv7", "arm").set("ppc64le", "ppc64");

/**
 * The records that `packages` lacks, by the path where npm looks for them.
 *
 * @param {LockRecords} packages
 * @returns {LockRecords}
 */
export function missingRecords(packages) {
  /** @type {LockRecords} */
  const added = {};
  for (const [path, parent] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      if (isResolved(packages, path, name)) continue;
      if (!/^\d+\.\d+\.\d+/.test(version)) {
        throw new Error(
          `${path || "package.json"} asks for ${name} ${version}; only an exact version can be recorded`,
        );
      }
      added[`node_modules/${name}`] = recordFor(name, version, parent.dev === true);
    }
  }
  return added;
}

/**
 * As Node looks packages up: in the node_modules of the package that asks, then in each one above.
 *
 * @param {LockRecords} packages
 * @param {string} from
 * @param {string} name
 */
function isResolved(packages, from, name) {
  let folder = from;
  while (folder !== "") {
    if (packages[`${folder}/node_modules/${name}`]) return true;
    folder = folder.includes("/node_modules/") ? folder.slice(0, folder.lastIndexOf("/node_modules/")) : "";
  }
  return packages[`node_modules/${name}`] !== undefined;
}

/**
 * @param {string} name
 * @param {string} version
 * @param {boolean} dev
 * @returns {LockRecord}
 */
function recordFor(name, version, dev) {
  const words = name.split(/[/-]/);
  const cpu = words.flatMap((word) => PROCESSORS.get(word) ?? []);
  const os = words.filter((word) => SYSTEMS.has(word));
  return {
    version,
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(dev ? { dev } : {}),
    ...(words.includes("musl") ? { libc: ["musl"] } : {}),
    optional: true,
    ...(os.length > 0 ? { os } : {}),
  };
}

/** The lock with all records, in npm's order. @param {string} text */
export function completed(text) {
  const lock = JSON.parse(text);
  const added = missingRecords(lock.packages);
  const all = Object.entries({ ...lock.packages, ...added });
  lock.packages = Object.fromEntries(all.sort(([a], [b]) => a.localeCompare(b, "en")));
  return { text: `${JSON.stringify(lock, null, 2)}\n`, added: Object.keys(added) };
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const path = fileURLToPath(new URL("../package-lock.json", import.meta.url));
  const before = readFileSync(path, "utf8");
  const { text, added } = completed(before);
  if (text !== before) writeFileSync(path, text);
  console.log(
    added.length === 0
      ? "package-lock.json is complete."
      : `Added to package-lock.json:\n  ${added.join("\n  ")}`,
  );
}
