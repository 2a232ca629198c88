import type { CallOptions } from "@troupe/contracts";
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
