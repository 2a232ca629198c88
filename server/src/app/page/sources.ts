import { hash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** Where the page's sources lie in a clone and in an install. */
export const CONSOLE_ROOT: string = fileURLToPath(new URL("../../../../console", import.meta.url));

const SOURCES = ["index.html", "package.json", "vite.config.ts", "public", "scripts", "src"];

/** Changes whenever the page would be built differently: a short hash over its sources. About 5 ms. */
export function sourceStamp(root: string = CONSOLE_ROOT): string {
  const lines = SOURCES.flatMap((name) => filesUnder(join(root, name)))
    .filter((path) => !path.endsWith(".test.ts"))
    .map((path) => `${relative(root, path)} ${hash("sha256", readFileSync(path), "hex")}`);
  return hash("sha256", lines.toSorted().join("\n"), "hex").slice(0, 16);
}

function filesUnder(path: string): readonly string[] {
  try {
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTDIR") return [path];
    if (code === "ENOENT") return [];
    throw error;
  }
}
