import type { ErrorCode } from "@troupe/contracts";
import type { Batch } from "../batch.ts";
import type { StatementText, Value } from "../statement.ts";

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

/** Commits, and a read that goes along with them; the answer has both, and how long the read took. */
export type WithCompanion = readonly [batch: Batch, asked: readonly Value[]];

export function isWithCompanion(message: Batch | WithCompanion): message is WithCompanion {
  return Array.isArray(message[0]);
}
