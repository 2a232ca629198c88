import type { ErrorCode } from "@troupe/contracts";
import type { StoreFailure } from "../failure.ts";

/** What the driver and the server tell of an error. */
interface DatabaseFailure {
  readonly message: string;
  /** SQLSTATE of the server, or the code of a socket's error. */
  readonly code?: string;
  /** Only errors of the server have one. */
  readonly severity?: string;
}

/** Transactions that lost against others and may win the next time. Source: postgresql.org/docs/15/errcodes-appendix.html. */
const TRANSIENT: ReadonlySet<string> = new Set(["40001", "40P01", "55P03", "23505"]);
/** The server is there and lets nobody in yet, or no longer. */
const GOING: ReadonlySet<string> = new Set(["57P01", "57P02", "57P03", "57P05"]);

/** SQLSTATE of an error, or the code of a socket's. */
export function stateOf(error: unknown): string | undefined {
  return detailsOf(error).code;
}

/** A statement that lost against another transaction. */
export function isTransient(error: unknown): boolean {
  const { code, severity } = detailsOf(error);
  return severity !== undefined && code !== undefined && TRANSIENT.has(code);
}

/** The server is there and recovers from its log before it lets anybody in. */
export function isStarting(error: unknown): boolean {
  return stateOf(error) === "57P03";
}

/** The connection is gone or ends: whether its last transaction was kept must be found out. */
export function isLost(error: unknown): boolean {
  const { code, severity } = detailsOf(error);
  if (severity === undefined) return true;
  return severity === "FATAL" || severity === "PANIC" || (code !== undefined && isConnectionState(code));
}

function isConnectionState(code: string): boolean {
  // 0A000 after a change of the tables: plans made before it are void, a new connection makes new ones.
  return code.startsWith("08") || GOING.has(code) || code === "0A000" || code === "26000";
}

/** What an error means to Troupe: what happened, where, and what to do. `where` names server and database, and no password. */
export function failureOf(error: unknown, where: string): StoreFailure {
  const { code = "", message, severity } = detailsOf(error);
  const [kind, text] = wordsOf(code, message, severity, where);
  return { code: kind, message: text, isFatal: false };
}

type Words = readonly [code: ErrorCode, message: string];

function wordsOf(code: string, message: string, severity: string | undefined, where: string): Words {
  if (code === "53100")
    return [
      "store.full",
      `The disk of the database ${where} is full; nothing of this was kept. Free some space on the server: Troupe goes on by itself.`,
    ];
  if (code === "25006")
    return [
      "store.readonly",
      `The database ${where} takes no changes (it is a standby or set read-only). Point store.url at the primary server.`,
    ];
  if (code.startsWith("28"))
    return [
      "store.failed",
      `The database ${where} refuses this user (${message}). Check the user and the password in store.url.`,
    ];
  if (code === "3D000")
    return ["store.failed", `There is no database ${where}. Create it on the server: createdb NAME.`];
  if (code === "42501")
    return [
      "store.readonly",
      `The user of store.url may not do this in the database ${where} (${message}). Make it the owner of the database.`,
    ];
  if (code === "53300")
    return [
      "store.busy",
      `The server of the database ${where} has no connection left (${message}). Raise max_connections, or stop other programs.`,
    ];
  if (code === "XX001" || code === "XX002")
    return [
      "store.corrupt",
      `The database ${where} is damaged (${message}). Stop Troupe and restore a backup of it.`,
    ];
  if (code === "57014" || (TRANSIENT.has(code) && code !== "23505"))
    return [
      "store.busy",
      `Others hold what this needs in the database ${where}; nothing of this was kept. Try again shortly.`,
    ];
  if (severity === undefined || isConnectionState(code))
    return [
      "store.busy",
      `The database ${where} cannot be reached (${message}). Check that its server runs.`,
    ];
  return ["store.failed", `The database ${where} refused a statement: ${message}.`];
}

function detailsOf(error: unknown): DatabaseFailure {
  if (typeof error !== "object" || error === null) return { message: String(error) };
  const { message, code, severity } = error as DatabaseFailure;
  return {
    // A refused connection to several addresses has no message of its own.
    message: message === "" ? String(code ?? "unknown") : message,
    ...(code === undefined ? {} : { code }),
    ...(severity === undefined ? {} : { severity }),
  };
}
