// npm's failures in our words: what happened, and the next step.
import { statSync } from "node:fs";

const NO_NETWORK = new Set([
  "EAI_AGAIN",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "EIDLETIMEOUT",
  "ENETUNREACH",
  "ENOTCACHED",
  "ENOTFOUND",
  "ERR_SOCKET_TIMEOUT",
  "ETIMEDOUT",
]);

/**
 * @param {string} output what npm printed
 * @param {string} root
 */
export function explainNpm(output, root) {
  const code = /^npm (?:error|ERR!) code (\S+)/m.exec(output)?.[1] ?? "";
  if (NO_NETWORK.has(code)) return explainNoNetwork(code);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    // npm's own cache may be what is not writable, and npm says which.
    return output.includes(root)
      ? explainDenied(root)
      : `npm was not allowed to write.\n${lastWords(output)}`;
  }
  if (code === "ENOSPC")
    return "The disk is full. Troupe with its tools takes about 700 MB. Make room and run this again.";
  if (code === "EUSAGE") {
    return "package.json and package-lock.json do not agree. Run `npm install`, then `npm run lock`, and run this again.";
  }
  return `npm could not install the packages${code ? ` (${code})` : ""}. Its last words:\n${lastWords(output)}`;
}

/** @param {string} code */
export function explainNoNetwork(code) {
  return [
    `The packages could not be fetched: the network did not answer (${code}).`,
    "Troupe needs the network once, to install; a full npm cache does as well.",
    "Check the connection, or npm's proxy setting, and run this again.",
  ].join("\n");
}

/** @param {string} root */
export function explainDenied(root) {
  const owner = ownerOf(root);
  return [
    `Packages must be installed in ${root}, and this user may not write there.`,
    `Let ${owner} run \`npm ci\` in that folder once; after that every user can start Troupe.`,
  ].join("\n");
}

/** @param {string} path */
function ownerOf(path) {
  const { uid } = statSync(path);
  return uid === 0 ? "root" : `its owner (user id ${uid})`;
}

/** @param {{ name: string, version: string, needed: string, platform: string }} node */
export function explainNoNode({ name, version, needed, platform }) {
  if (platform === "win32") return "Troupe runs on Linux and macOS. On Windows, run it inside WSL.";
  return [
    `Troupe needs Node ${needed} or newer; this machine has ${version}, and none comes with the packages for ${name}.`,
    "Install it (https://nodejs.org) and run this again.",
  ].join("\n");
}

/** @param {string} output */
function lastWords(output) {
  const lines = output.trim().split("\n").slice(-12);
  return lines.map((line) => `  ${line}`).join("\n");
}
