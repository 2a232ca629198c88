// Writes the generated pages of docs/reference. `--check` writes nothing and fails when a page is not current.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const printer = join(root, "server/src/cli/print-reference.ts");
/** @type {Record<string, string>} */
const files = JSON.parse(execFileSync(process.execPath, [printer], { encoding: "utf8" }));
const isCheck = process.argv.includes("--check");

for (const [path, text] of Object.entries(files)) {
  if (readOld(path) === text) continue;
  if (isCheck) {
    console.log(`${path} is not current. Run node scripts/generate-reference.mjs.`);
    process.exitCode = 1;
    continue;
  }
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  console.log(`Wrote ${path}.`);
}

/** @param {string} path */
function readOld(path) {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch {
    return undefined;
  }
}
