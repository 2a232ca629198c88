/** The one thread that writes: runs batches through the engine, and writes the log back while nobody waits. */
import { statSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { TroupeError } from "@troupe/contracts";
import { collector, spareMemory, systemClock } from "../../kit/index.ts";
import type { Batch } from "../batch.ts";
import { openDatabase } from "./database.ts";
import { createEngine } from "./engine.ts";
import { failureOf } from "./errors.ts";
import { CLOSE, type Greeting, READY, type StartFailure } from "./protocol.ts";
import { searchProcedures } from "./search-index.ts";

const IDLE_MS = 250;
/** So long after a commit another one may follow at any moment. */
const BUSY_MS = 1000;
/** A log below this is left alone. */
const LOG_BYTES = 4 * 1024 * 1024;

const port = parentPort;
if (port === null) throw new TypeError("This file runs as a worker thread.");

port.once("message", (greeting: Greeting) => {
  try {
    serve(greeting);
  } catch (error) {
    const { code, message } = TroupeError.is(error) ? error : failureOf(error, greeting.path);
    port.postMessage({ code, message } satisfies StartFailure);
    port.close();
  }
});

function serve(greeting: Greeting): void {
  const { path, statements } = greeting;
  const database = openDatabase({ ...greeting, access: "write", now: Date.now });
  const engine = createEngine({ database, path, statements, procedures: searchProcedures(database) });
  const clock = systemClock();
  let lastBatchMs = 0;
  const isBusy = (): boolean => clock.monotonicMs() - lastBatchMs < BUSY_MS;
  const sparing = spareMemory({ clock, isBusy }, collector());
  let timer: Disposable | undefined;

  const checkpointWhenIdle = (): void => {
    timer = undefined;
    const idleMs = clock.monotonicMs() - lastBatchMs;
    if (idleMs < IDLE_MS) timer = clock.schedule(IDLE_MS - idleMs + 1, checkpointWhenIdle);
    else if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > LOG_BYTES) checkpoint();
  };
  const checkpoint = (): void => {
    try {
      database.exec("PRAGMA wal_checkpoint(PASSIVE)");
    } catch {
      // Full or failing disk: commits will say so; the log keeps everything meanwhile.
    }
  };

  port?.on("message", (message: Batch | typeof CLOSE) => {
    if (message === CLOSE) {
      timer?.[Symbol.dispose]();
      sparing[Symbol.dispose]();
      database.close();
      port?.close();
      return;
    }
    port?.postMessage(engine.apply(message));
    lastBatchMs = clock.monotonicMs();
    timer ??= clock.schedule(IDLE_MS, checkpointWhenIdle);
  });
  port?.postMessage(READY);
}
