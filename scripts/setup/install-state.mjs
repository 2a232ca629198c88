// Whether node_modules holds what package-lock.json asks for, and the stamp that spares the next start this question.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {{ version?: string, integrity?: string, resolved?: string, link?: boolean, dev?: boolean,
 *   optional?: boolean, devOptional?: boolean }} LockRecord
 * @typedef {"none" | "part" | "whole"} Installed
 * @typedef {{ installed: Installed, hasDev: boolean, missing: string[] }} InstallState
 */

/**
 * npm writes node_modules/.package-lock.json after everything else, and none when it was interrupted or killed; so what
 * it lists is really there.
 *
 * @param {string} root
 * @param {{ dev: boolean }} wanted `dev` asks for the tools of tests and checks as well
 * @returns {InstallState}
 */
export function installState(root, wanted) {
  const lock = readRecords(join(root, "package-lock.json"));
  const there = readRecords(join(root, "node_modules", ".package-lock.json"));
  if (!there) return { installed: "none", hasDev: false, missing: [] };
  const hasDev = Object.values(there).some((record) => record.dev);
  // An operator who installed without development packages must not be given them by the next start.
  const withDev = wanted.dev || hasDev;
  const missing = Object.entries(lock ?? {})
    .filter(([path, record]) => path !== "" && isNeeded(record, withDev) && !isSame(record, there[path]))
    .map(([path]) => path);
  return { installed: missing.length === 0 ? "whole" : "part", hasDev, missing };
}

/**
 * @param {LockRecord} record
 * @param {boolean} withDev
 */
function isNeeded(record, withDev) {
  // Optional packages are builds for other platforms; that the one build which counts, Node, is there is asked apart.
  if (record.optional || record.devOptional) return false;
  return withDev || !record.dev;
}

/**
 * @param {LockRecord} wanted
 * @param {LockRecord | undefined} there
 */
function isSame(wanted, there) {
  if (!there || wanted.version !== there.version || wanted.link !== there.link) return false;
  return !wanted.integrity || !there.integrity || wanted.integrity === there.integrity;
}

/**
 * @param {string} path
 * @returns {Record<string, LockRecord> | undefined}
 */
function readRecords(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/**
 * Tells the launcher that the install is whole and which Node runs it. Where this user may not write, every start asks
 * again, which takes a twentieth of a second.
 *
 * @param {string} root
 * @param {string} node
 */
export function writeStamp(root, node) {
  try {
    writeFileSync(join(root, "node_modules", ".troupe-ready"), `${node}\n`);
  } catch (error) {
    if (!isDenied(error)) throw error;
  }
}

/** @param {unknown} error */
export function isDenied(error) {
  const { code } = /** @type {{ code?: string }} */ (error ?? {});
  return code === "EACCES" || code === "EPERM" || code === "EROFS";
}
