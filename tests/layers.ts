// The one import rule: a folder of server/src imports contracts and kit and no sibling; only app imports folders, only
// cli imports app, only tests and benchmarks import testing, and nobody reaches past an index.ts. The compiler holds a
// part of it through project references; what it lets pass is found here, from the text of the sources.
import { posix } from "node:path";
import { importsOf } from "./import-specifiers.ts";

/** Paths from the repository's root, with forward slashes, and what the files hold. */
export type Tree = ReadonlyMap<string, string>;

/** Where a file lives, and what it may name. */
interface Zone {
  /** The folder whose files may import each other by path. */
  readonly home: string;
  /** Folders whose index.ts it may import by path. */
  readonly folders: readonly string[] | "all";
  /** Packages of ours that it may import by name. */
  readonly packages: readonly string[];
}

const SOURCE = /\.(ts|tsx|mts|js|mjs)$/;
const ROOTS = /^(console|contracts|testing|server|bench|scripts)\//;

/** Sentences, each naming the file, the line and what to do instead; none when the rule holds. */
export function importBreaches(tree: Tree): string[] {
  const breaches: string[] = [];
  for (const [file, source] of tree) {
    if (!SOURCE.test(file) || !ROOTS.test(file) || file.endsWith(".test.ts")) continue;
    const zone = zoneOf(file);
    if (!zone) {
      breaches.push(`${file}: a source of the server belongs in a folder of server/src`);
      continue;
    }
    for (const { specifier, line } of importsOf(source)) {
      const breach = judge(file, zone, specifier);
      if (breach) breaches.push(`${file}:${line}: ${breach}`);
    }
  }
  return breaches;
}

function zoneOf(file: string): Zone | undefined {
  const [top = "", src, folder, ...rest] = file.split("/");
  switch (top) {
    case "contracts":
    case "scripts":
      return { home: top, folders: [], packages: [] };
    case "console":
    case "testing":
      return { home: top, folders: [], packages: ["@troupe/contracts"] };
    case "bench":
      // A benchmark of one layer, say the store's transactions, has to reach that layer without the rest.
      return {
        home: top,
        folders: "all",
        packages: ["@troupe/contracts", "@troupe/server", "@troupe/testing"],
      };
    default:
      if (src !== "src" || folder === undefined || rest.length === 0) return undefined;
      return { home: `server/src/${folder}`, folders: foldersFor(folder), packages: ["@troupe/contracts"] };
  }
}

function foldersFor(folder: string): readonly string[] | "all" {
  if (folder === "app") return "all";
  if (folder === "cli") return ["kit", "app"];
  return ["kit"];
}

function judge(file: string, zone: Zone, specifier: string | undefined): string | undefined {
  if (specifier === undefined) {
    // Plug-ins are named by configuration, so the file that loads them cannot name them.
    return posix.basename(file) === "loader.ts"
      ? undefined
      : "import() of a variable; only a loader.ts may do that";
  }
  if (specifier.startsWith(".")) return judgePath(zone, posix.join(posix.dirname(file), specifier));
  if (/^(\/|file:|data:|#)/.test(specifier))
    return `${specifier} hides where the module lives; import it by name or path`;
  if (specifier.startsWith("@troupe/")) return judgeOurs(zone, specifier);
  if (zone.home === "contracts" && !specifier.startsWith("node:"))
    return `contracts depends on nothing, so not on ${specifier}`;
  return undefined;
}

function judgeOurs(zone: Zone, specifier: string): string | undefined {
  if (zone.packages.includes(specifier)) return undefined;
  const entry = zone.packages.find((name) => specifier.startsWith(`${name}/`));
  if (entry) return `${specifier} reaches past the entry of ${entry}`;
  return `${zone.home} must not import ${specifier}`;
}

function judgePath(zone: Zone, target: string): string | undefined {
  if (target.startsWith(`${zone.home}/`)) return undefined;
  const folder = /^server\/src\/([^/]+)\//.exec(target)?.[1];
  if (folder === undefined || zone.folders.length === 0) {
    return `${target} is outside ${zone.home}; import a package by its name`;
  }
  // The command line is the outermost layer: not even app may know it.
  const allowed = zone.folders === "all" ? folder !== "cli" : zone.folders.includes(folder);
  if (!allowed)
    return `${zone.home} must not import the folder ${folder}; meet it through a port in contracts`;
  if (target !== `server/src/${folder}/index.ts`)
    return `${target} is not for others; import the folder's index.ts`;
  return undefined;
}
