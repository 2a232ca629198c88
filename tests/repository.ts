// The repository as the layer checks see it: sources, projects and manifests, by path.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tree } from "./layers.ts";

export const repositoryRoot: string = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

const NOT_OURS = new Set(["node_modules", "dist"]);
const READ = /(\.(ts|tsx|mts|js|mjs)|(^|\/)(tsconfig|package)\.json)$/;

export function readTree(root: string = repositoryRoot): Tree {
  const files = new Map<string, string>();
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!entry.name.startsWith(".") && !NOT_OURS.has(entry.name)) visit(path);
      } else if (READ.test(path)) files.set(path, readFileSync(join(root, path), "utf8"));
    }
  };
  visit("");
  return files;
}
