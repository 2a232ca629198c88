import { type Dirent, existsSync } from "node:fs";
import { copyFile, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { type CallOptions, TroupeError } from "@troupe/contracts";
import {
  DATABASE_ENTRY,
  describeFile,
  HOME_PREFIX,
  type Manifest,
  type PackedFile,
  type SourceFile,
  writeBackup,
} from "../backup/index.ts";
import { copyDatabase } from "../store/index.ts";
import {
  type Config,
  displayPath,
  type Environment,
  formatProblem,
  loadConfig,
  UNREAD_SECRETS,
} from "./config/index.ts";
import { fileTrouble } from "./file-trouble.ts";
import { troupeVersion } from "./version.ts";

export interface BackupOptions extends CallOptions {
  readonly environment: Environment;
  /** A file, or a folder to put one into. */
  readonly to: string;
  readonly withMasterKey: boolean;
  /** `share` runs from 0 to 1 within each phase. */
  readonly onProgress: (phase: BackupPhase, share: number) => void;
}

export type BackupPhase = "copy" | "pack";

export interface BackupReport {
  readonly file: string;
  readonly bytes: number;
  readonly manifest: Manifest;
}

/** Folders of a home that belong into a backup, whole. */
const FOLDERS = ["agents", "data", "extensions", "flows", "workspaces"];
const MASTER_KEYS = ["master.key", "master.key.next"];
/** Of this process or the last one, and of a git at work; never of a home. */
const PASSING =
  /(^|\/)(home\.lock(\.json|-journal)?|holder\.json|.*\.sock|.*\.part|\.git\/(.*\.lock|troupe-index-[^/]*))$/;
/** Files below this are copied first, so that they hold still; larger ones are packed where they are. */
const COPIED_BYTES = 4 * 1024 * 1024;

/**
 * Packs a home while Troupe runs or not. Nothing of it waits: the database is read as it was at one moment, by a connection of
 * this process. Rejects with `config.*` when the settings cannot be read, and with what the parts reject with.
 */
export async function backUpHome(options: BackupOptions): Promise<BackupReport> {
  const { environment, signal } = options;
  const config = readable(environment);
  const madeAt = Date.now();
  const file = await targetOf(options.to, madeAt);
  const failed = (error: unknown): unknown => fileTrouble(error, file, "Nothing was written.");
  const scratch = await mkdtemp(`${file}.`).catch((error: unknown) => {
    throw (error as NodeJS.ErrnoException).code === "ENOENT" ? noFolder(file, error) : failed(error);
  });
  try {
    const store = await packStore(config, join(scratch, DATABASE_ENTRY), options);
    const secret = secretFiles(config, environment);
    const left = options.withMasterKey ? [] : secret;
    const named = await homeFiles(config, {
      left,
      asked: options.withMasterKey ? [...MASTER_KEYS, ...secret] : [],
    });
    const sources = [...store.sources];
    const files: PackedFile[] = [
      ...(await Promise.all(store.sources.map((one) => describeFile(one, { signal })))),
    ];
    for (const one of named) {
      const held = await holdStill(one, join(scratch, String(sources.length)));
      if (held === undefined) continue;
      const described = await describeFile(held, { signal });
      sources.push(held);
      files.push(described);
    }
    const manifest: Manifest = {
      ...{ kind: "troupe.backup", v: 1, troupe: troupeVersion(), madeAt, store: store.facts, files },
      masterKey: files.some(({ path }) => path === `${HOME_PREFIX}master.key`),
      leftOut: left,
    };
    const onProgress = (share: number): void => options.onProgress("pack", share);
    const { bytes } = await writeBackup(file, { manifest, sources }, { signal, onProgress });
    return { file, bytes, manifest };
  } catch (error) {
    signal.throwIfAborted();
    throw failed(error);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function noFolder(file: string, cause: unknown): TroupeError {
  return new TroupeError(
    `The folder ${displayPath(dirname(file))} is not there. Make it first, or give another place.`,
    {
      code: "config.missing",
      cause,
    },
  );
}

/** A file that is to be made, with its name where only a folder was given. */
async function targetOf(to: string, madeAt: number): Promise<string> {
  const path = resolve(to);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return path;
  if (found.isDirectory()) return join(path, `troupe-${stamp(madeAt)}.tar.zst`);
  throw new TroupeError(
    `${path} is there already. Give the backup another name, or remove that file first.`,
    {
      code: "request.conflict",
    },
  );
}

/** `20261121-101530`, UTC. */
export function stamp(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
}

/** The settings; faults of agents and names do not keep anybody from a backup, but where the store is must be known. */
function readable(environment: Environment): Config {
  const loaded = loadConfig({ environment, secrets: UNREAD_SECRETS });
  if (loaded.kind === "valid") return loaded.config;
  const [first] = loaded.problems;
  throw new TroupeError(
    `The settings of this home cannot be read, so nobody knows what belongs to it. ./troupe config check tells all; the first:\n${first === undefined ? "" : formatProblem(first)}`,
    { code: "config.invalid" },
  );
}

async function packStore(
  config: Config,
  to: string,
  { signal, onProgress }: BackupOptions,
): Promise<{ readonly facts: Manifest["store"]; readonly sources: readonly SourceFile[] }> {
  const { url } = config.store;
  if (!url.startsWith("sqlite:")) {
    return { facts: { kind: "elsewhere", scheme: url.split(":")[0] ?? "" }, sources: [] };
  }
  const path = resolve(config.home, url.slice("sqlite:".length));
  if (!existsSync(path)) return { facts: { kind: "none" }, sources: [] };
  const facts = await copyDatabase(
    { path, to },
    { signal, onProgress: (share) => onProgress("copy", share) },
  );
  return { facts: { kind: "sqlite", ...facts }, sources: [{ path: to, name: DATABASE_ENTRY }] };
}

/** Files of the home that settings take secrets from, or the environment the master key: in a backup only when asked for. */
function secretFiles({ home, written }: Config, { variables }: Environment): readonly string[] {
  const named = [...written.values()].flatMap((text) =>
    [...text.matchAll(/\$\{file:([^}]*)\}/g)].map((found) => (found[1] ?? "").trim()),
  );
  const { TROUPE_MASTER_KEY_FILE: key = "", TROUPE_MASTER_KEY_OLD_FILE: old = "" } = variables;
  const inside = [...named.map((path) => resolve(home, path)), resolve(key), resolve(old)]
    .map((path) => inHome(home, path))
    .filter((path) => path !== undefined);
  return [...new Set(inside)].sort();
}

async function homeFiles(
  config: Config,
  choice: { readonly left: readonly string[]; readonly asked: readonly string[] },
): Promise<readonly SourceFile[]> {
  const { home } = config;
  const blobs = config.blobs.url.startsWith("file:") ? config.blobs.url.slice("file:".length) : "";
  const blobFolder = blobs === "" || isAbsolute(blobs) ? undefined : blobs.split("/")[0];
  const folders = [...new Set([...FOLDERS, ...(blobFolder === undefined ? [] : [blobFolder])])];
  const found = (await Promise.all(folders.map((folder) => walk(home, folder)))).flat();
  const database = config.store.url.startsWith("sqlite:")
    ? config.store.url.slice("sqlite:".length)
    : undefined;
  const isDatabase = (path: string): boolean =>
    database !== undefined &&
    [database, `${database}-wal`, `${database}-shm`, `${database}-journal`].includes(path);
  return [...new Set(["troupe.yaml", ...choice.asked, ...found])]
    .filter((path) => !isDatabase(path) && !PASSING.test(path) && !choice.left.includes(path))
    .map((path) => ({ path: join(home, path), name: `${HOME_PREFIX}${path}` }));
}

/** Every file of a folder of the home, as paths from the home. Links and what packages install are passed over. */
async function walk(home: string, folder: string): Promise<readonly string[]> {
  let entries: readonly Dirent[];
  try {
    entries = await readdir(join(home, folder), { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return entry.name === "node_modules" ? [] : walk(home, path);
      return entry.isFile() ? [path] : [];
    }),
  );
  return found.flat().sort();
}

/** A copy of a small file, which somebody may be writing; undefined for one that is gone. */
async function holdStill(source: SourceFile, copy: string): Promise<SourceFile | undefined> {
  try {
    const { size } = await stat(source.path);
    if (size > COPIED_BYTES) return source;
    await copyFile(source.path, copy);
    return { ...source, path: copy };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function inHome(home: string, path: string): string | undefined {
  const inside = relative(home, path);
  return inside === "" || inside.startsWith("..") || isAbsolute(inside)
    ? undefined
    : inside.split(sep).join("/");
}

/** The text of the restored settings, or undefined. */
export async function settingsIn(folder: string): Promise<string | undefined> {
  return readFile(join(folder, "troupe.yaml"), "utf8").catch(() => undefined);
}
