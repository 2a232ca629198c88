import { Worker } from "node:worker_threads";
import { TroupeError } from "@troupe/contracts";
import { troupeErrorOf } from "../failure.ts";
import { CLOSE, type Greeting, READY, type StartFailure } from "./protocol.ts";

/** A worker thread that answers one message with one message, in order. */
export interface StoreThread {
  /** Greets the thread; resolves when it has opened the database, rejects with why it could not. */
  start(greeting: Greeting): Promise<void>;
  /** Calls `answered` once, with an answer or with why there is none. One at a time. */
  ask(message: readonly unknown[], answered: (answer: unknown[] | TroupeError) => void): void;
  close(): Promise<void>;
}

/** Starts the thread at once, so that it loads while this one goes on. */
export function startThread(file: URL, what: string): StoreThread {
  const worker = new Worker(file);
  let answering: ((answer: unknown[] | TroupeError) => void) | undefined;
  let starting: { resolve(): void; reject(error: TroupeError): void } | undefined;
  let ended: TroupeError | undefined;

  const end = (error: TroupeError): void => {
    ended ??= error;
    const waiting = answering;
    answering = undefined;
    starting?.reject(ended);
    starting = undefined;
    waiting?.(ended);
  };
  worker.on("message", (message: unknown[] | typeof READY | StartFailure) => {
    if (Array.isArray(message)) {
      const waiting = answering;
      answering = undefined;
      // A process may end while nobody waits for an answer.
      worker.unref();
      return waiting?.(message);
    }
    if (message !== READY) return end(troupeErrorOf(message as StartFailure));
    worker.unref();
    starting?.resolve();
    starting = undefined;
  });
  worker.on("error", (cause) => end(stoppedError(what, cause)));
  worker.on("exit", () => end(stoppedError(what, undefined)));

  return {
    start: (greeting) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        starting = { resolve, reject };
        worker.postMessage(greeting);
      }),
    ask(message, answered) {
      if (ended !== undefined) return answered(ended);
      answering = answered;
      worker.ref();
      worker.postMessage(message);
    },
    close() {
      if (ended !== undefined) return Promise.resolve();
      return new Promise((resolve) => {
        worker.ref();
        worker.once("exit", () => resolve());
        ended = new TroupeError(`The store's ${what} is closed.`, { code: "store.closed" });
        worker.postMessage(CLOSE);
      });
    },
  };
}

function stoppedError(what: string, cause: unknown): TroupeError {
  return new TroupeError(
    `The store's ${what} has stopped. Nothing that it had not confirmed is certain. Restart Troupe.`,
    {
      code: "store.failed",
      cause,
    },
  );
}
