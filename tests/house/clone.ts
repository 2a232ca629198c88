// A clone in small: the real launcher and scripts, a lock of three packages, and an npm that does as it is told. Nothing
// is fetched, so that what the house does about an installation can be tested in milliseconds.
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { repositoryRoot } from "../repository.ts";

const PINNED = `node-${process.platform}-${process.arch}`;

const PACKAGES = {
  "node_modules/yaml": { version: "2.9.1" },
  "node_modules/vitest": { version: "5.1.0", dev: true },
  [`node_modules/${PINNED}`]: { version: "24.21.0", optional: true },
};

// `$0.says` is the script of the moment; every call notes its arguments first.
const FAKE_NPM = `#!/bin/sh
echo "$@" >>"$0.calls"
. "$0.says"
`;

/** Does what npm does in this clone: packages first, its own list of them last. */
const INSTALLS = `
mkdir -p node_modules/${PINNED}/bin node_modules/vitest node_modules/.bin
ln -sf ../${PINNED}/bin/node node_modules/.bin/node
cp .fake-node node_modules/${PINNED}/bin/node
: >node_modules/vitest/vitest.mjs
case "$*" in *--omit=dev*) cp .lock-without-dev node_modules/.package-lock.json ;; *) cp package-lock.json node_modules/.package-lock.json ;; esac
`;

const FAKE_NODE = `#!/bin/sh
if [ "$1" = --version ]; then echo v24.21.0; exit; fi
echo "node $*"
`;

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface Started {
  readonly child: ChildProcess;
  /** Resolves when standard error holds `text`. */
  readonly says: (text: string) => Promise<void>;
  readonly ended: Promise<Ran>;
}

export interface Clone extends Disposable {
  readonly root: string;
  /** What npm does from now on, in sh. */
  readonly npmDoes: (script: string) => void;
  /** The arguments of each call of npm. */
  readonly npmCalls: () => string[];
  /** Asks for a Node that is newer than the machine's. */
  readonly needsNewerNode: () => void;
  /** A PATH with what the launcher itself uses, and of Node and npm only what is named. */
  readonly pathWith: (...programs: ("node" | "npm")[]) => string;
  /** A change of what package-lock.json asks for, as `git pull` brings it. */
  readonly changeLock: () => void;
  readonly start: (
    command: readonly string[],
    options?: { env?: NodeJS.ProcessEnv; uid?: number },
  ) => Started;
  readonly run: (
    command: readonly string[],
    options?: { env?: NodeJS.ProcessEnv; uid?: number },
  ) => Promise<Ran>;
}

export const npmInstalls: string = INSTALLS;

/** For an npm that goes on when `goOn` says so, not when a busy machine has come so far; bounded, should nobody say it. */
export const waitsForUs: string =
  "n=0; while [ ! -e go-on ] && [ $n -lt 600 ]; do n=$((n + 1)); sleep 0.05; done";

export function goOn({ root }: Pick<Clone, "root">): void {
  writeFileSync(join(root, "go-on"), "");
}

export function makeClone(): Clone {
  const top = mkdtempSync(join(tmpdir(), "troupe house ü "));
  // Others may look, so that a test can start the clone as another user.
  chmodSync(top, 0o755);
  const root = join(top, "a clone");
  const npm = join(top, "bin", "npm");
  fill(root, npm);
  const start: Clone["start"] = (command, options) => startIn(root, dirname(npm), command, options);
  return {
    root,
    npmDoes: (script) => writeFileSync(`${npm}.says`, script),
    npmCalls: () => lines(`${npm}.calls`),
    changeLock: () => writeLock(root, { ...PACKAGES, "node_modules/yaml": { version: "2.9.2" } }),
    needsNewerNode: () => writeManifest(root, ">=99.1"),
    pathWith: (...programs) => barePath(join(top, "bare"), dirname(npm), programs),
    start,
    run: (command, options) => start(command, options).ended,
    [Symbol.dispose]: () => rmSync(top, { recursive: true, force: true }),
  };
}

function fill(root: string, npm: string): void {
  mkdirSync(join(root, "server/src/cli"), { recursive: true });
  mkdirSync(dirname(npm));
  cpSync(join(repositoryRoot, "troupe"), join(root, "troupe"));
  // An unpacked archive may have lost this bit; `sh ./troupe` does without, these tests do not.
  chmodSync(join(root, "troupe"), 0o755);
  cpSync(join(repositoryRoot, "scripts"), join(root, "scripts"), { recursive: true });
  writeManifest(root, ">=24.15");
  writeLock(root, PACKAGES);
  writeFileSync(join(root, ".fake-node"), FAKE_NODE, { mode: 0o755 });
  writeFileSync(npm, FAKE_NPM, { mode: 0o755 });
  writeFileSync(`${npm}.says`, INSTALLS);
  symlinkSync(process.execPath, join(dirname(npm), "node"));
}

function writeManifest(root: string, node: string): void {
  const manifest = { engines: { node }, optionalDependencies: { [PINNED]: "24.21.0" } };
  writeFileSync(join(root, "package.json"), JSON.stringify(manifest));
}

function barePath(folder: string, bin: string, programs: readonly string[]): string {
  mkdirSync(folder);
  for (const tool of ["sh", "dirname", "readlink", "mkdir"]) {
    const found = ["/usr/bin", "/bin"].map((place) => join(place, tool)).find((path) => existsSync(path));
    if (!found) throw new Error(`${tool} is in neither /usr/bin nor /bin`);
    symlinkSync(found, join(folder, tool));
  }
  for (const program of programs) {
    writeFileSync(join(folder, program), `#!/bin/sh\nexec "${join(bin, program)}" "$@"\n`, { mode: 0o755 });
  }
  return folder;
}

function writeLock(root: string, packages: Record<string, { version: string; dev?: boolean }>): void {
  const production = Object.fromEntries(Object.entries(packages).filter(([, record]) => !record.dev));
  writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages }));
  writeFileSync(join(root, ".lock-without-dev"), JSON.stringify({ packages: production }));
}

function startIn(
  root: string,
  bin: string,
  [program = "", ...args]: readonly string[],
  { env, uid }: { env?: NodeJS.ProcessEnv; uid?: number } = {},
): Started {
  const child = spawn(program, args, {
    cwd: root,
    env: { PATH: `${bin}:/usr/bin:/bin`, HOME: "/nonexistent", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let [out, err] = ["", ""];
  child.stdout?.on("data", (data) => {
    out += data;
  });
  child.stderr?.on("data", (data) => {
    err += data;
  });
  const ended = new Promise<Ran>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, out, err }));
  });
  return { child, ended, says: (text) => until(() => err.includes(text), `"${text}" in "${err}"`) };
}

export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not within half a minute: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A process that has ended but whom nobody has asked for its end counts as ended. */
export function isRunning(pid: string | undefined): boolean {
  const stat = lines(`/proc/${pid}/stat`)[0];
  if (stat) return !/^.*\) Z/.test(stat);
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
}

export function lines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
}
