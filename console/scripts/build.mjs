// Builds the chat page: node console/scripts/build.mjs FOLDER. A program of its own, so that whoever starts it keeps none of the
// memory that a build takes. The result lies in FOLDER, which is new: the page, its assets, and each beside its compressed form.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { build } from "vite";
import config from "../vite.config.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outDir = process.argv[2];
if (outDir === undefined) throw new Error("Name the folder to build into.");

// Whoever starts it may be a test or a person at work on it; what is built is served to people either way.
// biome-ignore lint/style/noProcessEnv: Vite reads it there and nowhere else.
process.env.NODE_ENV = "production";

await build({
  ...config,
  root,
  configFile: false,
  logLevel: "error",
  clearScreen: false,
  build: { ...config.build, outDir, emptyOutDir: false },
});

const COMPRESSIBLE = /\.(html|js|css|svg|json)$/;
const SMALLEST_WORTH = 1_024;
for (const entry of readdirSync(outDir, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !COMPRESSIBLE.test(entry.name)) continue;
  const path = join(entry.parentPath, entry.name);
  const bytes = readFileSync(path);
  if (bytes.length < SMALLEST_WORTH) continue;
  const packed = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });
  if (packed.length < bytes.length * 0.9) writeFileSync(`${path}.br`, packed);
}
