import {
  type DialectAdapter,
  type QueryCompiler,
  type RawBuilder,
  SqliteAdapter,
  SqliteQueryCompiler,
  sql,
} from "kysely";
import { alsoOfSpace } from "./ports/kit.ts";

/** How one database says what another says otherwise. Statements are written once; nothing else names a database. */
export interface Dialect {
  readonly name: "sqlite" | "postgres";
  adapter(): DialectAdapter;
  compiler(): QueryCompiler;
  /** A source of rows with one column, `value`: the texts of a JSON array. */
  texts(json: unknown, alias: string): RawBuilder<unknown>;
  /** The same of objects, for `value ->> 'name'`. */
  objects(json: unknown, alias: string): RawBuilder<unknown>;
  /** Names the index to use, where the planner must be told. */
  indexedBy(index: string): RawBuilder<unknown>;
  /** True for a value that a subselect gives; the subselect, which may lock what it gives, is run once. */
  among(value: RawBuilder<unknown>, subselect: RawBuilder<unknown>): RawBuilder<boolean>;
  /** Of a subselect that claims rows of `table`: passes over those that another connection is claiming. */
  skipLocked(table: string): RawBuilder<unknown>;
  greatest(a: RawBuilder<unknown>, b: RawBuilder<unknown>): RawBuilder<number>;
  least(a: RawBuilder<unknown>, b: RawBuilder<unknown>): RawBuilder<number>;
  /** JSON text. */
  jsonArray(items: readonly RawBuilder<unknown>[]): RawBuilder<string>;
  /** JSON text: all rows of a subselect, of which `item` is one. */
  jsonArrayOf(item: RawBuilder<unknown>): RawBuilder<string>;
  /** JSON text. */
  jsonObject(members: Readonly<Record<string, RawBuilder<unknown>>>): RawBuilder<string>;
  /** JSON text: the members of one object, and over them those of another. Of values that are no objects themselves. */
  jsonMerged(object: RawBuilder<unknown>, members: unknown): RawBuilder<string>;
  /** Indexes the words of an open memory, once. */
  indexMemory(id: unknown, terms: unknown): RawBuilder<unknown>;
  unindexMemory(spaceId: unknown, id: unknown): RawBuilder<unknown>;
  /** The same of all memories with this very audience. */
  unindexMemoriesOf(spaceId: unknown, audience: unknown): RawBuilder<unknown>;
  /** Takes the messages of a session out of the index; comes before they are deleted. */
  unindexSession(sessionId: unknown): RawBuilder<unknown>;
  /** Takes the words of all rows after `from` up to `to` out of the index of a kind. */
  removeTerms(kind: "message" | "memory", from: unknown, to: unknown): RawBuilder<unknown>;
  /** Indexes words of rows that have none; a JSON array of row, id and terms. Passes over what is gone, or a memory that is closed. */
  addTerms(kind: "message" | "memory", rows: unknown): RawBuilder<unknown>;
  /** The same statement, prepared once for all times that it runs. */
  steady(text: string): string;
  /** A statement that fails when it changes or returns nothing, where the client cannot look before the commit. */
  guarded(text: string, returns: "nothing" | "row" | "rows"): string;
}

export const sqliteDialect: Dialect = {
  name: "sqlite",
  adapter: () => new SqliteAdapter(),
  compiler: () => new SqliteQueryCompiler(),
  texts: (json, alias) => sql`json_each(${json}) ${sql.raw(alias)}`,
  objects: (json, alias) => sql`json_each(${json}) ${sql.raw(alias)}`,
  indexedBy: (index) => sql.raw(`INDEXED BY ${index}`),
  among: (value, subselect) => sql`${value} IN (${subselect})`,
  skipLocked: () => sql``,
  greatest: (a, b) => sql`max(${a}, ${b})`,
  least: (a, b) => sql`min(${a}, ${b})`,
  jsonArray: (items) => sql`json_array(${sql.join(items)})`,
  jsonArrayOf: (item) => sql`json_group_array(${item})`,
  jsonObject: (members) => sql`json_object(${membersOf(members)})`,
  jsonMerged: (object, members) => sql`json_patch(${object}, ${members})`,
  indexMemory: (id, terms) => sql`
    INSERT INTO memory_terms (rowid, terms) SELECT "row", ${terms} FROM memories
    WHERE id = ${id} AND closed_at IS NULL AND NOT EXISTS (SELECT 1 FROM memory_terms WHERE rowid = memories."row")`,
  unindexMemory: (spaceId, id) => sql`
    DELETE FROM memory_terms WHERE rowid = (SELECT "row" FROM memories WHERE id = ${id} AND ${alsoOfSpace("space_id", spaceId)})`,
  unindexMemoriesOf: (spaceId, audience) => sql`
    DELETE FROM memory_terms WHERE rowid IN (
      SELECT "row" FROM memories WHERE space_id = ${spaceId} AND audience = ${audience})`,
  unindexSession: (sessionId) => sql`
    DELETE FROM message_terms WHERE rowid IN (
      SELECT "row" FROM messages WHERE session_id = ${sessionId} AND copied = 0)`,
  removeTerms: (kind, from, to) => sql`
    DELETE FROM ${sql.table(`${kind}_terms`)} WHERE rowid > ${from} AND rowid <= ${to}`,
  addTerms: (kind, rows) => sql`
    INSERT INTO ${sql.table(`${kind}_terms`)} (rowid, terms)
    SELECT o."row", added.value ->> 'terms' FROM json_each(${rows}) added JOIN ${recordsOf(kind)} ON ${isStill(kind)}`,
  // SQLite looks at the number that a bare LIMIT is given when it plans, and so plans anew whenever one is given: 20 to 200 µs.
  steady: (text) => text.replace(/\blimit \?/gi, "LIMIT (? + 0)"),
  guarded: (text) => text,
};

/** What a row of an index belongs to, as `o`. */
export function recordsOf(kind: "message" | "memory"): RawBuilder<unknown> {
  return kind === "message" ? sql`messages o` : sql`memories o`;
}

/** Whether `o` is what was read before: rows are given again. */
export function isStill(kind: "message" | "memory"): RawBuilder<unknown> {
  const isOpen = kind === "memory" ? sql`AND o.closed_at IS NULL` : sql``;
  return sql`o."row" = CAST(added.value ->> 'row' AS BIGINT) AND o.id = added.value ->> 'id' ${isOpen}`;
}

/** Names and values in turn. */
export function membersOf(members: Readonly<Record<string, RawBuilder<unknown>>>): RawBuilder<unknown> {
  return sql.join(Object.entries(members).flatMap(([name, value]) => [sql.lit(name), value]));
}
