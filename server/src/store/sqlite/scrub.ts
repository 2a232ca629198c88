import { once } from "node:events";
import { statSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { type CallOptions, type ErrorCode, type Scrubbed, TroupeError } from "@troupe/contracts";
import { MEMORY_PATH } from "./database.ts";

export interface ScrubRequest {
  readonly path: string;
}

export type ScrubOutcome =
  | Scrubbed
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

/** Commits wait while the file is written anew, and are refused after five seconds: two or three at this size. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Writes the database at `path` anew, beside whoever has it open. */
export async function scrubDatabase(path: string, { signal }: CallOptions): Promise<Scrubbed> {
  signal.throwIfAborted();
  if (path === MEMORY_PATH) return { kind: "clean" };
  const { size } = statSync(path);
  if (size > MAX_BYTES) {
    const megabytes = Math.round(size / 1024 / 1024);
    return {
      kind: "left",
      reason: `The database has ${megabytes} MB, and writing it anew would hold up everything. Its free pages keep old bytes until they are used again; stop Troupe and run VACUUM on it to be sure.`,
    };
  }
  const worker = new Worker(new URL("./scrub.worker.ts", import.meta.url), {
    workerData: { path } satisfies ScrubRequest,
  });
  const [outcome] = (await once(worker, "message")) as [ScrubOutcome];
  await worker.terminate();
  if (outcome.kind === "failed") throw new TroupeError(outcome.message, { code: outcome.code });
  return outcome;
}
