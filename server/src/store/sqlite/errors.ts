import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import type { ErrorCode } from "@troupe/contracts";
import type { StoreFailure } from "../failure.ts";

/** Primary result codes. Source: sqlite.org/rescode.html. */
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

/** What a driver's error means to Troupe: what happened, where, and what to do. */
export function failureOf(error: unknown, path: string): StoreFailure {
  const { errcode, code, message } = detailsOf(error);
  switch (errcode === undefined ? code : errcode & 0xff) {
    case SQLITE_FULL:
    case "ENOSPC":
    case "EDQUOT":
      return fatal(
        "store.full",
        `There is no space left for the database ${path}; nothing of this was kept. Free some space on its disk: Troupe goes on by itself.`,
      );
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fatal(
        "store.busy",
        `Another program holds the database ${path} locked; nothing of this was kept. Close it, then try again.`,
      );
    case SQLITE_READONLY:
    case "EROFS":
    case "EACCES":
      return readonlyFailure(path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fatal(
        "store.corrupt",
        `The database ${path} is damaged or is no database (${message}). Stop Troupe and restore a backup of it.`,
      );
    case SQLITE_IOERR:
      return fatal(
        "store.failed",
        `The disk failed under the database ${path} (${message}); nothing of this was kept. Check the disk.`,
      );
    case SQLITE_CANTOPEN:
      // A log that may not be made on a read-only disk is reported as a file that cannot be opened.
      if (existsReadonly(path)) return readonlyFailure(path);
      return fatal(
        "store.failed",
        `The database ${path} cannot be opened (${message}). Check that its folder exists and may be written.`,
      );
    case "ERR_INVALID_STATE":
      return fatal("store.closed", `The database ${path} is closed.`);
    default:
      return {
        code: "store.failed",
        message: `The database ${path} refused a statement: ${message}.`,
        isFatal: false,
      };
  }
}

function readonlyFailure(path: string): StoreFailure {
  return fatal(
    "store.readonly",
    `The database ${path} cannot be written; nothing of this was kept. Give this user write permission on the file and its folder.`,
  );
}

function existsReadonly(path: string): boolean {
  try {
    accessSync(dirname(path), constants.F_OK);
  } catch {
    return false;
  }
  try {
    accessSync(dirname(path), constants.W_OK);
    return false;
  } catch {
    return true;
  }
}

function fatal(code: ErrorCode, message: string): StoreFailure {
  return { code, message, isFatal: true };
}

function detailsOf(error: unknown): {
  errcode: number | undefined;
  code: string | undefined;
  message: string;
} {
  if (!(error instanceof Error)) return { errcode: undefined, code: undefined, message: String(error) };
  const { errcode, code } = error as Error & { errcode?: unknown; code?: unknown };
  return {
    errcode: typeof errcode === "number" ? errcode : undefined,
    code: typeof code === "string" ? code : undefined,
    message: error.message,
  };
}
