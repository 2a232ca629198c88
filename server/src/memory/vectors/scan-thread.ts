import { Worker } from "node:worker_threads";
import { TroupeError } from "@troupe/contracts";
import type { KernelMemory } from "./kernel.ts";
import type { ChunkSearch } from "./scan-chunks.ts";

export interface ThreadGreeting {
  readonly memory: KernelMemory;
  readonly dimensions: number;
}

type Found = readonly { readonly place: number; readonly score: number }[];

/** Searches the same memory on a thread of its own, one search after another. */
export interface ScanThread extends AsyncDisposable {
  /** Rejects with `internal` when the thread has stopped. */
  search(search: ChunkSearch): Promise<Found>;
}

/** Starts with the first search, and keeps no process alive. */
export function createScanThread(greeting: ThreadGreeting): ScanThread {
  const waiting: { readonly resolve: (found: Found) => void; readonly reject: (error: unknown) => void }[] =
    [];
  let worker: Worker | undefined;
  const end = (cause: unknown): void => {
    worker = undefined;
    const error = new TroupeError("The thread that searches vectors has stopped.", {
      code: "internal",
      cause,
    });
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  const started = (): Worker => {
    if (worker !== undefined) return worker;
    const made = new Worker(new URL("./scan.worker.ts", import.meta.url), { workerData: greeting });
    made.unref();
    made.on("message", (found: Found) => {
      waiting.shift()?.resolve(found);
      if (waiting.length === 0) made.unref();
    });
    made.on("error", end);
    made.on("exit", () => {
      if (worker === made) end(undefined);
    });
    worker = made;
    return made;
  };
  return {
    search: (search) =>
      new Promise((resolve, reject) => {
        const thread = started();
        waiting.push({ resolve, reject });
        thread.ref();
        thread.postMessage(search);
      }),
    async [Symbol.asyncDispose]() {
      const running = worker;
      worker = undefined;
      await running?.terminate();
      end(undefined);
    },
  };
}
