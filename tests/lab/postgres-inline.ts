// The store on a real PostgreSQL server, made to answer before a call returns: a thread owns the connection, and this one
// stands still until it has answered. The simulator and the stage of the turns own time, so nothing may happen meanwhile.
import { receiveMessageOnPort, Worker } from "node:worker_threads";
import type { Clock, IdGenerator, Logger } from "@troupe/contracts";
import type { Metrics } from "../../server/src/kit/index.ts";
import { assembleStores, healthOf } from "../../server/src/store/assemble.ts";
import type { Answer } from "../../server/src/store/batch.ts";
import { troupeErrorOf } from "../../server/src/store/failure.ts";
import type { InlineStores } from "../../server/src/store/index.ts";
import { postgresDialect } from "../../server/src/store/postgres/dialect.ts";
import { createPostgresWordIndex } from "../../server/src/store/postgres/word-index.ts";
import { createReads, type Reader } from "../../server/src/store/reads.ts";
import { createStatements } from "../../server/src/store/statement.ts";
import { createWriter } from "../../server/src/store/writer.ts";

/** The thread and the database behind it; one store after another may stand on it. */
export interface InlineServer {
  readonly ask: (request: InlineRequest) => unknown;
}

export interface InlinePostgresOptions {
  readonly server: InlineServer;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The database's clock, UTC milliseconds, whole. */
  readonly leaseClock: () => number;
}

export type InlineRequest =
  | { readonly kind: "open"; readonly url: string }
  | { readonly kind: "texts"; readonly texts: readonly unknown[] }
  | { readonly kind: "apply"; readonly nowMs: number; readonly batch: readonly unknown[] }
  | {
      readonly kind: "query";
      readonly nowMs: number;
      readonly index: number;
      readonly values: readonly unknown[];
    }
  | { readonly kind: "reset" }
  | { readonly kind: "close" };

export type InlineResponse =
  | { readonly answer: unknown }
  | { readonly failure: { readonly code: "store.failed"; readonly message: string } };

/** Longer than any answer takes on a loaded machine. */
const PATIENCE_MS = 60_000;

/** Takes a database that has no tables yet. */
export function startInlineServer(url: string): InlineServer {
  const ask = startThread();
  ask({ kind: "open", url });
  return { ask };
}

/** A store on an inline server; closing it leaves the server as it is. */
export function openInlinePostgres(options: InlinePostgresOptions): InlineStores {
  const { clock, logger, metrics, leaseClock } = options;
  const { ask } = options.server;
  const statements = createStatements(postgresDialect);
  const now = (): number => Math.floor(leaseClock());
  const near: Reader = {
    async query(index, values, { signal }) {
      signal.throwIfAborted();
      const rows = ask({ kind: "query", nowMs: now(), index, values }) as readonly unknown[];
      return statements.texts[index]?.returns === "row" ? (rows[0] ?? null) : rows;
    },
  };
  const writer = createWriter({
    transport: {
      send: (batch, answered) => answered(ask({ kind: "apply", nowMs: now(), batch }) as Answer),
      afterTick: (post) => queueMicrotask(post),
    },
    ...{ clock, logger, metrics, queueLimit: 8192 },
  });
  const stores = assembleStores({
    ...{ dialect: postgresDialect, statements, logger, unit: writer },
    reads: createReads({ near, far: near }),
    wordIndex: createPostgresWordIndex,
  });
  ask({ kind: "texts", texts: statements.texts });
  return {
    stores,
    health: () => healthOf(writer),
    applySync: (writes) => writer.applySync(writes),
    reset: () => void ask({ kind: "reset" }),
    close: () => writer.close(),
  };
}

/** Asks the thread and stands still until it has answered. */
function startThread(): (request: InlineRequest) => unknown {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const { port1: near, port2: far } = new MessageChannel();
  const worker = new Worker(new URL("./postgres-inline.worker.ts", import.meta.url), {
    workerData: { flag, port: far },
    transferList: [far as never],
  });
  worker.unref();
  return (request) => {
    Atomics.store(flag, 0, 0);
    near.postMessage(request);
    // The last answer may be read before its notice is given, which then ends this wait too early: the flag decides.
    while (Atomics.load(flag, 0) === 0) {
      if (Atomics.wait(flag, 0, 0, PATIENCE_MS) === "timed-out")
        throw new Error(`PostgreSQL did not answer "${request.kind}" in time.`);
    }
    const { message } = receiveMessageOnPort(near as never) as { readonly message: InlineResponse };
    if (request.kind === "close") near.close();
    if ("failure" in message) throw troupeErrorOf(message.failure);
    return message.answer;
  };
}
