import { constants, existsSync, rmSync } from "node:fs";
import { access, chmod, copyFile, mkdir, mkdtemp, open, readdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { type CallOptions, TroupeError } from "@troupe/contracts";
import { DATABASE_ENTRY, HOME_PREFIX, type Manifest, readBackup } from "../backup/index.ts";
import { inspectDatabase, migrations, prepareCopy, type RowCounts } from "../store/index.ts";
import { settingsIn, stamp } from "./backup.ts";
import { displayPath, type Environment, peekStoreUrl } from "./config/index.ts";
import { fileTrouble } from "./file-trouble.ts";
import { holdHome } from "./home-lock.ts";
import { HOLDER_FILE } from "./lock-holder.ts";
import { type Move, renameAll } from "./rename-all.ts";

export interface RestoreOptions extends CallOptions {
  readonly environment: Environment;
  readonly file: string;
  /** Puts what is in the home aside first. */
  readonly force: boolean;
  readonly onProgress: (share: number) => void;
}

export interface RestoreReport {
  readonly home: string;
  readonly manifest: Manifest;
  /** What was in the home, where there was something. */
  readonly setAside: string | undefined;
  /** Replies that wait for the operator; undefined when the database is not in the backup. */
  readonly held: { readonly waiting: number } | undefined;
  /** There are secrets, and no file of the home opens them. */
  readonly lacksMasterKey: boolean;
}

const DEFAULT_DATABASE = "data/troupe.db";
/** What a backup replaces. The master key stays unless the backup brings one. */
const REPLACED = ["troupe.yaml", "agents", "data", "extensions", "flows", "workspaces"];

/**
 * Makes a home out of a backup. Everything is unpacked, checked and brought up to date beside the home first; only then it
 * takes its place, in a few renames. Its outbox is held. Rejects with `backup.invalid`, `store.*`, `home.locked` while a
 * Troupe uses the home, and `request.conflict` for a home that is not empty; then everything is as it was.
 */
export async function restoreHome(options: RestoreOptions): Promise<RestoreReport> {
  const { environment, file, force, signal } = options;
  const { home } = environment;
  const isUsed = REPLACED.some((name) => existsSync(join(home, name)));
  if (isUsed && !force) {
    throw new TroupeError(
      `${displayPath(home)} is not empty. --force puts what is there aside first; TROUPE_HOME or --home names another folder.`,
      { code: "request.conflict" },
    );
  }
  await access(file, constants.R_OK).catch((error: unknown) => {
    throw fileTrouble(error, file, "Nothing was restored.");
  });
  await mkdir(home, { recursive: true, mode: 0o700 });
  using stack = new DisposableStack();
  const holder = { pid: process.pid, command: "restore", since: Date.now() };
  if (existsSync(join(home, "data"))) stack.use(holdHome(join(home, "data"), holder));
  const staging = await mkdtemp(join(home, ".restore-"));
  try {
    const manifest = await readBackup(file, staging, {
      signal,
      accept: refuseNewer(file),
      onProgress: options.onProgress,
    });
    const staged = join(staging, HOME_PREFIX);
    await mkdir(join(staged, "data"), { recursive: true, mode: 0o700 });
    const { held, outside } = await placeDatabase(manifest, { staging, staged, environment, force, stack });
    // The lock goes with its folder, so nobody can start in the midst of the renames.
    stack.use(holdHome(join(staged, "data"), holder));
    signal.throwIfAborted();
    const setAside = await exchange(home, staged, { isUsed, outside });
    // Its place is another one now, so the lock does not take it along.
    await rm(join(home, "data", HOLDER_FILE), { force: true });
    return { home, manifest, setAside, held, lacksMasterKey: lacksMasterKey(manifest, environment) };
  } catch (error) {
    signal.throwIfAborted();
    throw fileTrouble(error, home, "The home is as it was.");
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

function refuseNewer(file: string): (manifest: Manifest) => void {
  return ({ store, troupe }) => {
    if (store.kind !== "sqlite" || store.schema <= migrations.length) return;
    throw new TroupeError(
      `${file} was made by a newer Troupe (${troupe}; its database has version ${store.schema}, this one knows ${migrations.length}). Install that version, or a later one, and restore with it.`,
      { code: "backup.invalid" },
    );
  };
}

/**
 * Checks the database, brings it up to date, holds its outbox, and puts it where the restored settings look for it: into the
 * staged home, or beside its place elsewhere, with the renames that are left to do there.
 */
async function placeDatabase(
  manifest: Manifest,
  at: {
    readonly staging: string;
    readonly staged: string;
    readonly environment: Environment;
    readonly force: boolean;
    readonly stack: DisposableStack;
  },
): Promise<{ readonly held: RestoreReport["held"]; readonly outside: readonly Move[] }> {
  if (manifest.store.kind === "elsewhere") return { held: undefined, outside: [] };
  const { home, variables } = at.environment;
  const database = join(at.staging, DATABASE_ENTRY);
  // A home that was never started gets an empty one, so that it begins held like every other.
  const differing =
    manifest.store.kind === "sqlite"
      ? differences(manifest.store.rows, inspectDatabase(database).rows)
      : undefined;
  if (differing !== undefined) {
    throw new TroupeError(`The backup is damaged: ${differing}. Nothing was restored.`, {
      code: "backup.invalid",
    });
  }
  const since = Date.now();
  const reason = `This home was restored from a backup of ${new Date(manifest.madeAt).toISOString()}.`;
  const held = prepareCopy(database, { reason, since });
  const url = peekStoreUrl((await settingsIn(at.staged)) ?? "", { home, variables });
  const named = url?.startsWith("sqlite:") === true ? url.slice("sqlite:".length) : DEFAULT_DATABASE;
  const inside = relative(home, resolve(home, named));
  const isInside = inside !== "" && !inside.startsWith("..");
  const target = isInside ? join(at.staged, inside) : resolve(home, named);
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  if (isInside) {
    await rename(database, target);
    await chmod(target, 0o600);
    return { held, outside: [] };
  }
  // With what its last process left beside it: a log of the old database would be played into the new one.
  const old = ["", "-wal", "-shm", "-journal"].filter((suffix) => existsSync(`${target}${suffix}`));
  if (old.length > 0 && !at.force)
    throw new TroupeError(`${target} is there already. --force puts it aside first.`, {
      code: "request.conflict",
    });
  const aside = `${target}.replaced-${stamp(since)}`;
  // It may be another disk.
  const draft = `${target}.${process.pid}.part`;
  at.stack.defer(() => rmSync(draft, { force: true }));
  await copyFile(database, draft);
  await chmod(draft, 0o600);
  const away = old.map((suffix) => ({ from: `${target}${suffix}`, to: `${aside}${suffix}` }));
  return { held, outside: [...away, { from: draft, to: target }] };
}

function differences(packed: RowCounts, found: RowCounts): string | undefined {
  for (const [table, count] of Object.entries(packed)) {
    if (found[table] !== count) return `${table} has ${found[table] ?? "no"} rows, and ${count} were packed`;
  }
  return undefined;
}

/** Puts the old aside and the new in its place, all or nothing; troupe.yaml last, which says that a home is there. */
async function exchange(
  home: string,
  staged: string,
  { isUsed, outside }: { readonly isUsed: boolean; readonly outside: readonly Move[] },
): Promise<string | undefined> {
  const brought = await readdir(staged);
  const old = [...new Set([...REPLACED, ...brought])].filter((name) => existsSync(join(home, name)));
  const aside = isUsed ? join(home, `replaced-${stamp(Date.now())}`) : undefined;
  if (aside !== undefined) await mkdir(aside, { mode: 0o700 });
  const away =
    aside === undefined
      ? []
      : settingsLast(old)
          .toReversed()
          .map((name) => ({ from: join(home, name), to: join(aside, name) }));
  const into = settingsLast(brought).map((name) => ({ from: join(staged, name), to: join(home, name) }));
  try {
    await renameAll([...away, ...outside, ...into]);
  } catch (error) {
    if (aside !== undefined) await rmdir(aside).catch(() => undefined);
    throw error;
  }
  const folder = await open(home, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  return aside;
}

function settingsLast(names: readonly string[]): readonly string[] {
  return names.toSorted((a, b) => Number(a === "troupe.yaml") - Number(b === "troupe.yaml"));
}

function lacksMasterKey(manifest: Manifest, { home, variables }: Environment): boolean {
  const isSealed = manifest.store.kind === "sqlite" && (manifest.store.rows.secrets ?? 0) > 0;
  const isGiven = variables.TROUPE_MASTER_KEY !== undefined || variables.TROUPE_MASTER_KEY_FILE !== undefined;
  return isSealed && !isGiven && !existsSync(join(home, "master.key"));
}
