import { readFileSync } from "node:fs";

/** Troupe's version, from the package at the root of the clone. */
export function troupeVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return String(version);
}
