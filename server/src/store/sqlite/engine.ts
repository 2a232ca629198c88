import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type Answer, type Batch, refuseAll, startsOf } from "../batch.ts";
import { guardFailureOf, type StoreFailure } from "../failure.ts";
import type { Row, StatementText, Value } from "../statement.ts";
import { failureOf } from "./errors.ts";

/** Work that needs more than one statement; runs inside the transaction that asked for it. */
export type Procedure = (values: readonly Value[]) => Row | readonly Row[] | undefined;

/** Prepares a statement once; its rows are arrays. */
export type Prepare = (text: string) => StatementSync;

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
