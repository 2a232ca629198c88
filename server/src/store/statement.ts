import type { ErrorCode, Write } from "@troupe/contracts";
import { type Compilable, DummyDriver, Kysely, SqliteIntrospector } from "kysely";
import type { Dialect } from "./dialect.ts";
import type { Tables } from "./tables.ts";

export type Value = string | number | null;
export type Row = readonly Value[];

/** What a thread needs to run a statement: text alone, so that workers load no query builder. */
export interface StatementText {
  readonly name: string;
  /** SQL, or the name of a procedure that the thread knows. */
  readonly sql: string;
  readonly isProcedure: boolean;
  readonly parameterCount: number;
  readonly returns: "nothing" | "row" | "rows";
  /** Refuses its transaction with this code when it changes or returns nothing. */
  readonly guard: ErrorCode | undefined;
  /** As a rule: a look at what is due or waits, as a process that nobody talks to has it now and then. */
  readonly isSmall: boolean;
}

/** A statement compiled once. `Input` names its parameters; `Found` is what one row of it becomes. */
export interface Statement<Input extends object> {
  readonly index: number;
  readonly text: StatementText;
  bind(input: Input): Value[];
}

export interface StatementOptions {
  readonly returns?: StatementText["returns"];
  readonly guard?: ErrorCode;
  /** Default false. Of reads that go `far`: it alone is no reason to start a thread. */
  readonly isSmall?: boolean;
}

/** One piece of a transaction as the adapters know it. Its result is that of its first statement. */
export interface StoreWrite<Result = unknown> extends Write<Result> {
  readonly statement: StatementText;
  readonly index: number;
  readonly values: readonly Value[];
  readonly decode: ((found: never) => unknown) | undefined;
  readonly rest: readonly StoreWrite[] | undefined;
}

/** Every statement of the store, numbered. Filled while the ports are made, then handed to the threads as text. */
export interface Statements {
  add<Input extends object>(
    name: string,
    options: StatementOptions,
    build: (
      database: Kysely<Tables>,
      parameter: Required<Input>,
    ) =>
      | Compilable<unknown>
      | { compile(database: Kysely<Tables>): { sql: string; parameters: readonly unknown[] } },
  ): Statement<Input>;
  /** A procedure is run by the thread that gets it; its parameters are positional. */
  addProcedure(
    name: string,
    parameterCount: number,
    returns: StatementText["returns"],
  ): Statement<{ readonly values: readonly Value[] }>;
  readonly texts: readonly StatementText[];
}

/** Stands for a parameter while a statement is compiled, to learn the order in which they are bound. */
class Parameter {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

const parameters = new Proxy({}, { get: (_target, name) => new Parameter(String(name)) });

export function createStatements(dialect: Dialect): Statements {
  const database = new Kysely<Tables>({
    dialect: {
      createAdapter: dialect.adapter,
      createDriver: () => new DummyDriver(),
      // Never asked: it is there because the builder wants one.
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: dialect.compiler,
    },
  });
  const texts: StatementText[] = [];

  return {
    texts,
    add<Input extends object>(
      name: string,
      options: StatementOptions,
      build: (
        db: Kysely<Tables>,
        parameter: Required<Input>,
      ) =>
        | Compilable<unknown>
        | { compile(db: Kysely<Tables>): { sql: string; parameters: readonly unknown[] } },
    ): Statement<Input> {
      const compiled = build(database, parameters as Required<Input>).compile(database);
      const steady = dialect.steady(compiled.sql);
      const sql =
        options.guard === undefined ? steady : dialect.guarded(steady, options.returns ?? "nothing");
      const text = textFor(name, sql, false, compiled.parameters.length, options);
      return { index: texts.push(text) - 1, text, bind: binderFor(compiled.parameters) };
    },
    addProcedure(name, parameterCount, returns) {
      const text = textFor(name, name, true, parameterCount, { returns });
      return { index: texts.push(text) - 1, text, bind: ({ values }) => [...values] };
    },
  };
}

function textFor(
  name: string,
  sql: string,
  isProcedure: boolean,
  parameterCount: number,
  options: StatementOptions,
): StatementText {
  return {
    name,
    sql,
    isProcedure,
    parameterCount,
    returns: options.returns ?? "nothing",
    guard: options.guard,
    isSmall: options.isSmall === true,
  };
}

/** Puts named inputs into the order of the question marks. Undefined becomes NULL, booleans become 0 and 1. */
function binderFor(order: readonly unknown[]): (input: object) => Value[] {
  const names = order.map((one) => (one instanceof Parameter ? one.name : undefined));
  return (input) => {
    const values = new Array<Value>(names.length);
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      const value = name === undefined ? order[i] : (input as Record<string, unknown>)[name];
      values[i] = value === undefined ? null : typeof value === "boolean" ? Number(value) : (value as Value);
    }
    return values;
  };
}

/** A write that returns nothing. */
export function write<Input extends object>(
  statement: Statement<Input>,
  input: Input,
  rest?: readonly Write<unknown>[],
): Write {
  return make(statement, input, undefined, rest) as Write;
}

/** The same write, after which something may be due for those who listen to these subjects. */
export function ringing<Result>(write: Write<Result>, ...rings: readonly string[]): Write<Result> {
  return { ...write, rings };
}

/** Several writes as one, applied in order. Throws for none: that is a defect of whoever asks. */
export function joined(writes: readonly Write[]): Write {
  const [first, ...rest] = writes as readonly StoreWrite[];
  if (first === undefined) throw new TypeError("Nothing to join.");
  const rings = writes.flatMap((one) => one.rings ?? []);
  return { ...first, rest: [...(first.rest ?? []), ...rest], ...(rings.length > 0 && { rings }) } as Write;
}

/** A write whose statement returns one row. */
export function writeRow<Input extends object, Result>(
  statement: Statement<Input>,
  input: Input,
  decode: (row: Row | undefined) => Result,
  rest?: readonly Write<unknown>[],
): Write<Result> {
  return make(statement, input, decode, rest) as Write<Result>;
}

/** A write whose statement returns rows. */
export function writeRows<Input extends object, Result>(
  statement: Statement<Input>,
  input: Input,
  decode: (rows: readonly Row[]) => Result,
  rest?: readonly Write<unknown>[],
): Write<Result> {
  return make(statement, input, decode, rest) as Write<Result>;
}

function make<Input extends object>(
  statement: Statement<Input>,
  input: Input,
  decode: ((found: never) => unknown) | undefined,
  rest: readonly Write<unknown>[] | undefined,
): StoreWrite {
  return {
    statement: statement.text,
    index: statement.index,
    values: statement.bind(input),
    decode,
    rest: rest as readonly StoreWrite[] | undefined,
  };
}
