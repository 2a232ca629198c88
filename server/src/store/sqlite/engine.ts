import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { ErrorCode } from "@troupe/contracts";
import { failureOf, type StoreFailure } from "./errors.ts";
import type { Row, StatementText, Value } from "./statement.ts";

/** Work that needs more than one statement; runs inside the transaction that asked for it. */
export type Procedure = (values: readonly Value[]) => Row | readonly Row[] | undefined;

/**
 * What crosses between threads, flat. A batch is a list of transactions, each: number of operations, then for each its
 * statement's number and its values.
 */
export type Batch = readonly Value[];

/**
 * An answer has for each transaction either 0 and one result for every operation that returns something, or an error
 * code and its message.
 */
export type Answer = unknown[];

export interface Engine {
  /** Runs all transactions of a batch and makes them durable with one COMMIT. Never throws. */
  apply(batch: Batch): Answer;
  /** Runs one operation outside any transaction. Throws what the driver throws. */
  query(index: number, values: readonly Value[]): unknown;
}

class GuardFailure {
  readonly statement: StatementText;
  constructor(statement: StatementText) {
    this.statement = statement;
  }
}

interface EngineDeps {
  readonly database: DatabaseSync;
  readonly path: string;
  readonly statements: readonly StatementText[];
  readonly procedures: Readonly<Record<string, Procedure>>;
}

export function createEngine(deps: EngineDeps): Engine {
  const run = createRunner(deps);
  return { query: run, apply: createGroups(deps, run) };
}

type Runner = (index: number, values: readonly Value[]) => unknown;

/** Runs one statement by its number, prepared on first use: a start pays for the statements that it needs. */
function createRunner({ database, statements, procedures }: EngineDeps): Runner {
  const prepared: (StatementSync | undefined)[] = [];
  const prepare = (index: number, text: StatementText): StatementSync => {
    const made = database.prepare(text.sql);
    if (text.returns !== "nothing") made.setReturnArrays(true);
    prepared[index] = made;
    return made;
  };

  return (index, values) => {
    const text = statements[index] as StatementText;
    if (text.isProcedure) return procedures[text.sql]?.(values);
    const statement = prepared[index] ?? prepare(index, text);
    if (text.returns === "rows") return statement.all(...values);
    if (text.returns === "row") {
      const row = statement.get(...values) ?? null;
      if (row === null && text.guard !== undefined) throw new GuardFailure(text);
      return row;
    }
    const { changes } = statement.run(...values);
    if (changes === 0 && text.guard !== undefined) throw new GuardFailure(text);
    return undefined;
  };
}

/** Group commit: a savepoint for every transaction, one COMMIT for all. A lone one needs no savepoint. */
function createGroups({ database, path, statements }: EngineDeps, run: Runner): (batch: Batch) => Answer {
  const control = controlStatements(database);

  const runOne = (batch: Batch, start: number, answer: Answer): void => {
    let at = start + 1;
    for (let left = batch[start] as number; left > 0; left--) {
      const index = batch[at++] as number;
      const text = statements[index] as StatementText;
      const end = at + text.parameterCount;
      const result = run(index, batch.slice(at, end));
      if (text.returns !== "nothing") answer.push(result);
      at = end;
    }
  };

  /** Gives a failure that ends the whole group; a refused transaction is answered and the group goes on. */
  const applyOne = (
    batch: Batch,
    start: number,
    answer: Answer,
    isAlone: boolean,
  ): StoreFailure | undefined => {
    const before = answer.length;
    try {
      if (!isAlone) control.savepoint.run();
      answer.push(0);
      runOne(batch, start, answer);
      if (!isAlone) control.release.run();
      return undefined;
    } catch (error) {
      const failure =
        error instanceof GuardFailure ? guardFailureOf(error.statement) : failureOf(error, path);
      answer.length = before;
      answer.push(failure.code, failure.message);
      if (isAlone || failure.isFatal || !database.isTransaction) return failure;
      control.rollbackOne.run();
      control.release.run();
      return undefined;
    }
  };

  const rollback = (): void => {
    try {
      if (database.isTransaction) control.rollback.run();
    } catch {
      // The connection is gone or beyond repair; the failure that led here says so.
    }
  };

  return (batch) => {
    const starts = startsOf(batch, statements);
    const answer: Answer = [];
    try {
      control.begin.run();
      for (const start of starts) {
        const failure = applyOne(batch, start, answer, starts.length === 1);
        if (failure === undefined) continue;
        rollback();
        return refuseAll(starts.length, failure);
      }
      control.commit.run();
      return answer;
    } catch (error) {
      // BEGIN or COMMIT failed: nothing of the group is kept.
      rollback();
      return refuseAll(starts.length, failureOf(error, path));
    }
  };
}

function controlStatements(database: DatabaseSync) {
  return {
    begin: database.prepare("BEGIN IMMEDIATE"),
    commit: database.prepare("COMMIT"),
    rollback: database.prepare("ROLLBACK"),
    savepoint: database.prepare("SAVEPOINT one"),
    release: database.prepare("RELEASE one"),
    rollbackOne: database.prepare("ROLLBACK TO one"),
  };
}

function startsOf(batch: Batch, statements: readonly StatementText[]): number[] {
  const starts: number[] = [];
  let at = 0;
  while (at < batch.length) {
    starts.push(at);
    let left = batch[at++] as number;
    for (; left > 0; left--) at += 1 + (statements[batch[at] as number]?.parameterCount ?? 0);
  }
  return starts;
}

function refuseAll(count: number, failure: { readonly code: ErrorCode; readonly message: string }): Answer {
  const answer: Answer = [];
  for (let i = 0; i < count; i++) answer.push(failure.code, failure.message);
  return answer;
}

function guardFailureOf({ guard, name }: StatementText): StoreFailure {
  return {
    code: guard as ErrorCode,
    message: GUARD_MESSAGES[guard as string] ?? `Refused by ${name}.`,
    isFatal: false,
  };
}

const GUARD_MESSAGES: Readonly<Record<string, string>> = {
  "store.conflict": "Somebody else changed this meanwhile; nothing of this was kept.",
  "store.duplicate": "This message is known already; nothing of it was kept again.",
  "budget.exceeded":
    "Today's budget is used up. Raise it in the configuration, or wait until tomorrow (UTC).",
};
