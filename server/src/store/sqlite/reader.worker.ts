/** The thread for reads without a small bound: full-text search, lists, histories. */
import { parentPort } from "node:worker_threads";
import { TroupeError } from "@troupe/contracts";
import type { Value } from "../statement.ts";
import { openDatabase } from "./database.ts";
import { createEngine, type Engine } from "./engine.ts";
import { failureOf } from "./errors.ts";
import { CLOSE, type Greeting, READY, type StartFailure } from "./protocol.ts";
import { searchProcedures } from "./search-index.ts";

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
  port?.on("message", (message: readonly Value[] | typeof CLOSE) => {
    if (message === CLOSE) {
      database.close();
      port?.close();
      return;
    }
    const answer: unknown[] = [];
    let at = 0;
    while (at < message.length) {
      const index = message[at++] as number;
      const end = at + (statements[index]?.parameterCount ?? 0);
      answerOne(engine, path, index, message.slice(at, end), answer);
      at = end;
    }
    port?.postMessage(answer);
  });
  port?.postMessage(READY);
}

function answerOne(
  engine: Engine,
  path: string,
  index: number,
  values: readonly Value[],
  answer: unknown[],
): void {
  try {
    answer.push(0, engine.query(index, values));
  } catch (error) {
    const failure = failureOf(error, path);
    answer.push(failure.code, failure.message);
  }
}
