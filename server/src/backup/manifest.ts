import { TroupeError } from "@troupe/contracts";

/** The first entry of a backup: what is in it, and how to know that all of it arrived. */
export interface Manifest {
  readonly kind: "troupe.backup";
  readonly v: 1;
  /** Version of the Troupe that made it. */
  readonly troupe: string;
  /** UTC milliseconds. */
  readonly madeAt: number;
  readonly store:
    | {
        readonly kind: "sqlite";
        /** How many migrations its tables have. */
        readonly schema: number;
        /** Rows of every table. */
        readonly rows: Readonly<Record<string, number>>;
      }
    /** The home was never started. */
    | { readonly kind: "none" }
    /** The database is another server's, and is not in the backup. */
    | { readonly kind: "elsewhere"; readonly scheme: string };
  readonly files: readonly PackedFile[];
  readonly masterKey: boolean;
  /** What belongs to the home and is not in the backup, relative to it. */
  readonly leftOut: readonly string[];
}

export interface PackedFile {
  /** Relative to the home, with forward slashes; the database is `DATABASE_ENTRY`. */
  readonly path: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
  /** Permissions of a file. */
  readonly mode: number;
}

export const MANIFEST_ENTRY = "manifest.json";
/** Names of the home begin with `home/`, so nothing there can be taken for the database. */
export const DATABASE_ENTRY = "store.db";
export const HOME_PREFIX = "home/";

/** Throws `backup.invalid` for what is no manifest, or one of a newer version. */
export function parseManifest(text: string, name: string): Manifest {
  let found: Partial<Manifest> & { readonly v?: unknown };
  try {
    found = JSON.parse(text) as Manifest;
  } catch (error) {
    throw notABackup(name, error);
  }
  if (found?.kind !== "troupe.backup" || !Array.isArray(found.files)) throw notABackup(name);
  if (found.v !== 1) {
    throw new TroupeError(
      `${name} was made by a newer Troupe (${String(found.troupe)}). Install that version, or a later one, and restore with it.`,
      { code: "backup.invalid" },
    );
  }
  return found as Manifest;
}

export function notABackup(name: string, cause?: unknown): TroupeError {
  return new TroupeError(
    `${name} is no backup of Troupe, or only a part of one. ./troupe backup makes one.`,
    {
      code: "backup.invalid",
      cause,
    },
  );
}
