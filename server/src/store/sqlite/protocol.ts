import type { ErrorCode } from "@troupe/contracts";
import type { StatementText } from "../statement.ts";

/** What a worker thread is told before anything else. */
export interface Greeting {
  readonly path: string;
  readonly statements: readonly StatementText[];
  readonly busyTimeoutMs?: number;
  readonly maxPages?: number;
}

/** How a thread says that it could not start. */
export interface StartFailure {
  readonly code: ErrorCode;
  readonly message: string;
}

export const READY = "ready";
export const CLOSE = "close";
