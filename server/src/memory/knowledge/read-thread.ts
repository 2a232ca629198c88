import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { type CallOptions, type ErrorCode, TroupeError } from "@troupe/contracts";
import { untilAborted } from "../../kit/index.ts";
import type { RawDocument, ReadDocument } from "./read-document.ts";

/** What the thread says of a document. */
export type Outcome =
  | { readonly kind: "read"; readonly document: ReadDocument }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly message: string };

/** Far more than any document within the bounds needs; one that was made to hold readers up ends here. */
const WITHIN_MS = 30_000;
const HEAP_MB = 256;

/** `readDocument` on a thread of its own, which ends with it, after a bound of time, or with the signal. */
export async function readOnThread(raw: RawDocument, { signal }: CallOptions): Promise<ReadDocument> {
  const worker = new Worker(new URL("./read.worker.ts", import.meta.url), {
    workerData: raw,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]);
  try {
    const [outcome] = (await untilAborted(once(worker, "message"), bounded)) as [Outcome];
    if (outcome.kind === "read") return outcome.document;
    throw new TroupeError(outcome.message, { code: outcome.code });
  } catch (error) {
    if (TroupeError.is(error) || signal.aborted) throw error;
    throw new TroupeError(
      `"${raw.name.slice(0, 200)}" could not be read: it takes too long, or too much memory.`,
      {
        code: "request.invalid",
        cause: error,
      },
    );
  } finally {
    await worker.terminate();
  }
}
