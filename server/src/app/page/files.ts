import { hash } from "node:crypto";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { TroupeError } from "@troupe/contracts";
import type { PageFile, PageSource } from "../../gateway/index.ts";
import type { PageBuild } from "./build.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".woff": "font/woff",
  ".ttf": "font/ttf",
};

/**
 * The files of a build. They are read when they are asked for: a browser asks once and keeps them, so keeping them here too
 * would cost memory for nothing.
 */
export function createPageSource(build: Pick<PageBuild, "folder">): PageSource {
  let names: ReadonlySet<string> | undefined;
  let folder: string | undefined;
  let reason: string | undefined;
  build.folder.then(
    (at) => {
      folder = at;
    },
    (error: unknown) => {
      reason = TroupeError.is(error) ? error.message : "";
    },
  );
  const read = async (path: string, etag?: string): Promise<PageFile> => {
    const bytes = await readFile(path);
    const brotli = await readFile(`${path}.br`).catch(() => undefined);
    return {
      bytes,
      type: TYPES[extname(path)] ?? "application/octet-stream",
      etag: etag ?? hash("sha256", bytes, "hex").slice(0, 16),
      ...(brotli === undefined ? {} : { brotli }),
    };
  };
  return {
    async index() {
      // A built page is known after the first microtasks; one that is being built is not waited for.
      await Promise.resolve();
      if (folder !== undefined) return read(join(folder, "index.html"));
      return reason === undefined ? { absent: "building" } : { absent: "failed", reason };
    },
    async asset(name) {
      if (folder === undefined) return undefined;
      // Names that are there and no others: nothing to climb out by.
      names ??= new Set(readdirSync(join(folder, "assets")));
      return names.has(name) && !name.endsWith(".br") ? read(join(folder, "assets", name), name) : undefined;
    },
  };
}
