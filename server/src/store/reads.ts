import { type CallOptions, TroupeError } from "@troupe/contracts";
import type { Metrics } from "../kit/index.ts";
import type { Row, Statement, Value } from "./statement.ts";

/** Reads as the ports ask for them. */
export interface Reads {
  /** One row, at once. */
  row<Input extends object>(
    statement: Statement<Input>,
    input: Input,
    options: CallOptions,
  ): Promise<Row | undefined>;
  /** A few rows, at once. */
  rows<Input extends object>(
    statement: Statement<Input>,
    input: Input,
    options: CallOptions,
  ): Promise<readonly Row[]>;
  /** Rows of a read without a small bound: where it holds nobody up. */
  farRows<Input extends object>(
    statement: Statement<Input>,
    input: Input,
    options: CallOptions,
  ): Promise<readonly Row[]>;
}

/** Runs one statement outside any transaction: a row or null, or rows, as the statement says. */
export interface Reader {
  query(index: number, values: readonly Value[], options: CallOptions): Promise<unknown>;
}

/** Most reads that wait for their answers; each is some hundred bytes and somebody who waits. */
const READ_LIMIT = 8192;

/** Bounds all readers that it is put around, together: beyond that a read is refused with `store.busy`. */
export function createReadBound(metrics: Metrics, limit: number = READ_LIMIT): (reader: Reader) => Reader {
  let waiting = 0;
  metrics.probe("store_reads_waiting", "Reads that wait for the store's readers", () => waiting);
  return (reader) => ({
    async query(index, values, options) {
      if (waiting >= limit) throw busyError();
      waiting += 1;
      try {
        return await reader.query(index, values, options);
      } finally {
        waiting -= 1;
      }
    },
  });
}

function busyError(): TroupeError {
  return new TroupeError("More reads wait than the database can keep up with. Try again shortly.", {
    code: "store.busy",
    retryable: true,
    retryAfterMs: 250,
  });
}

/** `near` answers small reads at once; what is unbounded goes to `far`. */
export function createReads({ near, far }: { readonly near: Reader; readonly far: Reader }): Reads {
  return {
    async row(statement, input, options) {
      const row = await near.query(statement.index, statement.bind(input), options);
      return (row ?? undefined) as Row | undefined;
    },
    rows: (statement, input, options) =>
      near.query(statement.index, statement.bind(input), options) as Promise<readonly Row[]>,
    farRows: (statement, input, options) =>
      far.query(statement.index, statement.bind(input), options) as Promise<readonly Row[]>,
  };
}
