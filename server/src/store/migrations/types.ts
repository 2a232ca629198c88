/** What one database calls what the others call otherwise: all that a migration may know of it. */
export interface Capabilities {
  /** Type of an id that Troupe made: at most 64 characters. With `NOT NULL` after it. */
  readonly id: string;
  readonly text: string;
  /** Whole numbers up to 2^53: times, counts, amounts, and 0 and 1 for no and yes. */
  readonly int: string;
  readonly bytes: string;
  /** The whole column `row`: numbers in order of arrival, and the table's key. */
  readonly row: string;
  /** After the closing bracket of a table whose key is its own. */
  readonly table: string;
  /** The same of a table with a `row`. */
  readonly rows: string;
  /** `2026-11-21` of a column with UTC milliseconds. */
  readonly utcDay: (column: string) => string;
  /** The tables of the full-text index. */
  readonly words: readonly string[];
}

/** One step of the tables, for every database alike. Published ones never change. */
export interface Migration {
  /** File name without its ending; unique, and in order. */
  readonly name: string;
  /**
   * It only adds what the version before neither needs nor is disturbed by (tables, indexes, columns that are null or have
   * a default), so processes of that version go on serving the database while others are upgraded. On PostgreSQL.
   */
  readonly expands?: boolean;
  steps(capabilities: Capabilities): readonly string[];
}
