import { spawn } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { TroupeError } from "@troupe/contracts";
import { CONSOLE_ROOT, sourceStamp } from "./sources.ts";

/** A build takes about two seconds; on a small machine under load perhaps twenty times that. */
const BUILD_WITHIN_MS = 120_000;
/** Builds of earlier sources that are kept, for a Troupe that still serves them. */
const KEPT_BUILDS = 2;
const MOST_OUTPUT = 4_000;

export interface PageBuild {
  /** The folder of the built page, once it is there. Rejects with one sentence for people. */
  readonly folder: Promise<string>;
  /** There was none of these sources, so it is being built. */
  readonly isBuilding: boolean;
}

/**
 * Gives the page as built from the present sources, building it in a process of its own where it is not there. Each build
 * has a folder named by its sources, put in place whole: two starts may build at once, and neither sees half of one.
 */
export function openPageBuild(
  home: string,
  options: { readonly root?: string; readonly signal: AbortSignal },
): PageBuild {
  const { root = CONSOLE_ROOT, signal } = options;
  let name: string;
  try {
    name = sourceStamp(root);
  } catch (cause) {
    const folder = Promise.reject(failed(`${root} cannot be read.`, cause));
    folder.catch(() => undefined);
    return { folder, isBuilding: true };
  }
  const places = [join(root, "dist"), join(home, "cache", "page")];
  const built = places
    .map((place) => join(place, name))
    .find((folder) => existsSync(join(folder, "index.html")));
  if (built !== undefined) return { folder: Promise.resolve(built), isBuilding: false };
  const folder = buildInto(places, name, root, signal);
  // Whoever is interested awaits it; until then a failure is nobody's crash.
  folder.catch(() => undefined);
  return { folder, isBuilding: true };
}

async function buildInto(
  places: readonly string[],
  name: string,
  root: string,
  signal: AbortSignal,
): Promise<string> {
  const place = places.find(canWrite);
  if (place === undefined) throw failed(`No folder may be written for it: ${places.join(", ")}.`);
  const work = join(place, `.${name}-${process.pid}`);
  const target = join(place, name);
  try {
    await run(join(root, "scripts", "build.mjs"), work, signal);
    if (!existsSync(target)) renameSync(work, target);
  } catch (error) {
    // Another start was quicker with the same.
    if (!existsSync(join(target, "index.html"))) throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  removeOld(place, name);
  return target;
}

function canWrite(place: string): boolean {
  try {
    mkdirSync(place, { recursive: true });
    accessSync(place, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function run(script: string, outDir: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, outDir], {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: BUILD_WITHIN_MS,
      signal,
      cwd: dirname(dirname(script)),
    });
    let said = "";
    const hear = (chunk: Buffer): void => {
      if (said.length < MOST_OUTPUT) said += chunk.toString("utf8");
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("error", (cause) => reject(failed(cause.message, cause)));
    child.once("close", (code, killedBy) => {
      if (code === 0) resolve();
      else reject(failed(killedBy === null ? firstError(said) : `It was ended by ${killedBy}.`));
    });
  });
}

function failed(why: string, cause?: unknown): TroupeError {
  const message = `The chat page could not be built: ${why} Starting Troupe again tries again.`;
  return new TroupeError(message, { code: "internal", cause });
}

/** The line that says what is wrong; stacks and frames are for nobody here. */
function firstError(said: string): string {
  const line =
    said.split("\n").find((one) => /^\s*(?:\w*Error\b|\[\w+\]).*:/i.test(one)) ?? said.split("\n")[0] ?? "";
  const plain = line
    .replace(/^\s*(?:\w*Error:\s*)?/, "")
    .trim()
    .slice(0, 300);
  return /[.!?]$/.test(plain) ? plain : `${plain}.`;
}

function removeOld(place: string, current: string): void {
  const others = readdirSync(place)
    .filter((name) => name !== current)
    .map((name) => {
      const path = join(place, name);
      // Another start may have taken it away just now.
      return {
        path,
        isWork: name.startsWith("."),
        at: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0,
      };
    })
    .toSorted((a, b) => b.at - a.at);
  const old = others.filter(({ isWork }) => !isWork).slice(KEPT_BUILDS - 1);
  // A process that was killed in the middle of a build leaves its half behind.
  const left = others.filter(({ isWork, at }) => isWork && at < Date.now() - 2 * BUILD_WITHIN_MS);
  for (const { path } of [...old, ...left]) rmSync(path, { recursive: true, force: true });
}
