/** The thread for reads without a small bound: full-text search, lists, histories. */
import { parentPort } from "node:worker_threads";
import { TroupeError } from "@troupe/contracts";
import { collector, spareMemory, systemClock } from "../../kit/index.ts";
import type { Value } from "../statement.ts";
import { openDatabase } from "./database.ts";
import { createEngine } from "./engine.ts";
import { failureOf } from "./errors.ts";
import { CLOSE, type Greeting, READY, type StartFailure } from "./protocol.ts";
import { answersOf } from "./questions.ts";
import { searchProcedures } from "./search-index.ts";

/** So long after a question another one may follow at any moment. */
const BUSY_MS = 1000;

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

function serve({ path, statements }: Greeting): void {
  const database = openDatabase({ path, access: "read", now: Date.now });
  const engine = createEngine({ database, path, statements, procedures: searchProcedures(database) });
  const clock = systemClock();
  let lastAskedMs = 0;
  const isBusy = (): boolean => clock.monotonicMs() - lastAskedMs < BUSY_MS;
  const sparing = spareMemory({ clock, isBusy }, collector());
  port?.on("message", (message: readonly Value[] | typeof CLOSE) => {
    if (message === CLOSE) {
      sparing[Symbol.dispose]();
      database.close();
      port?.close();
      return;
    }
    port?.postMessage(answersOf({ engine, path, statements }, message));
    lastAskedMs = clock.monotonicMs();
  });
  port?.postMessage(READY);
}
