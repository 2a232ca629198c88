/** The thread that takes one document apart: a long page would hold up the turns of the thread that serves. */
import { parentPort, workerData } from "node:worker_threads";
import { TroupeError } from "@troupe/contracts";
import { type RawDocument, readDocument } from "./read-document.ts";
import type { Outcome } from "./read-thread.ts";

parentPort?.postMessage(outcome(workerData as RawDocument));

function outcome(raw: RawDocument): Outcome {
  try {
    return { kind: "read", document: readDocument(raw) };
  } catch (error) {
    if (TroupeError.is(error)) return { kind: "refused", code: error.code, message: error.message };
    throw error;
  }
}
