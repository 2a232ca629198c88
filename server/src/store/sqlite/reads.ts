import type { CallOptions } from "@troupe/contracts";
import { guarded } from "./database.ts";
import type { Engine } from "./engine.ts";
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
  /** Rows of a read without a small bound: on the reader thread, where there is one. */
  farRows<Input extends object>(
    statement: Statement<Input>,
    input: Input,
    options: CallOptions,
  ): Promise<readonly Row[]>;
}

/** Runs unbounded reads elsewhere. */
export interface FarReader {
  query(index: number, values: readonly Value[], options: CallOptions): Promise<unknown>;
}

/** `near` is asked for on first use, so that a process that reads nothing opens nothing. */
export function createReads(deps: {
  readonly path: string;
  readonly near: () => Engine;
  readonly far: FarReader | undefined;
}): Reads {
  const nearQuery = async <Input extends object>(
    statement: Statement<Input>,
    input: Input,
    { signal }: CallOptions,
  ): Promise<unknown> => {
    signal.throwIfAborted();
    return guarded(deps.path, () => deps.near().query(statement.index, statement.bind(input)));
  };
  return {
    async row(statement, input, options) {
      return ((await nearQuery(statement, input, options)) ?? undefined) as Row | undefined;
    },
    async rows(statement, input, options) {
      return (await nearQuery(statement, input, options)) as readonly Row[];
    },
    async farRows(statement, input, options) {
      if (deps.far === undefined) return (await nearQuery(statement, input, options)) as readonly Row[];
      return (await deps.far.query(statement.index, statement.bind(input), options)) as readonly Row[];
    },
  };
}
