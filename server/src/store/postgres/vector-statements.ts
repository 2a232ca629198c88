import type { VectorModel } from "@troupe/contracts";
import type { StatementText } from "../statement.ts";
import { type VectorTable, vectorCursorOf } from "./vector-tables.ts";

/** Numbers of the statements on one table, among the texts that its connections know. */
export type VectorStatements = Readonly<Record<VectorStatementName, number>>;
export type VectorStatementName =
  | "reached"
  | "take"
  | "estimate"
  | "nearest"
  | "exact"
  | "drop"
  | "sweep"
  | "forget"
  | "count";

/** Adds the statements on a table; those that are there already are not added again. */
export function createVectorStatements(
  texts: StatementText[],
  of: VectorModel,
  { name, schema }: VectorTable,
): VectorStatements {
  const add = (label: string, parameterCount: number, sql: string): number =>
    addStatement(texts, { name: `vector-index.${label} ${name}`, parameterCount, sql });
  const cursor = `'${vectorCursorOf(of).replaceAll("'", "''")}'`;
  const half = `CAST($3 AS ${schema}.halfvec(${of.dimensions}))`;
  const distance = `embedding OPERATOR(${schema}.<=>) ${half}`;
  const known = `known @> $1 OR known @> $2`;
  return {
    reached: add("reached", 0, `SELECT "row" FROM search_cursor WHERE name = ${cursor}`),
    take: add("take", 3, takeText(name, `${schema}.halfvec(${of.dimensions})`, cursor)),
    // Asks the planner, who has counted, and runs nothing.
    estimate: add("estimate", 2, `EXPLAIN SELECT "row" FROM ${name} WHERE ${known}`),
    nearest: add("nearest", 4, `SELECT "row" FROM ${name} WHERE ${known} ORDER BY ${distance} LIMIT $4`),
    // A sum has no index: those that the readers know are found first, and all of them compared.
    exact: add("exact", 4, `SELECT "row" FROM ${name} WHERE ${known} ORDER BY (${distance}) + 0 LIMIT $4`),
    drop: add("drop", 1, `DELETE FROM ${name} WHERE "row" = ANY (CAST($1 AS bigint[])) RETURNING "row"`),
    sweep: add(
      "sweep",
      0,
      `DELETE FROM ${name} n WHERE NOT EXISTS (SELECT 1 FROM vectors v WHERE v."row" = n."row") RETURNING n."row"`,
    ),
    forget: add("forget", 0, `UPDATE search_cursor SET "row" = 0 WHERE name = ${cursor} RETURNING 1`),
    count: add("count", 0, `ANALYZE ${name}`),
  };
}

/** Of which lengths a model's vectors are: one look a length, however many vectors there are. */
export function addLengthsStatement(texts: StatementText[]): number {
  const sql = `
    WITH RECURSIVE lengths(n) AS (
      (SELECT dimensions FROM vectors WHERE model = $1 ORDER BY dimensions LIMIT 1)
      UNION ALL
      SELECT (SELECT v.dimensions FROM vectors v WHERE v.model = $1 AND v.dimensions > l.n ORDER BY v.dimensions LIMIT 1)
      FROM lengths l WHERE l.n IS NOT NULL)
    SELECT n FROM lengths WHERE n IS NOT NULL`;
  return addStatement(texts, { name: "vector-index.lengths", parameterCount: 1, sql });
}

/**
 * A batch, and how far it came, in one statement. A vector that is just being deleted is passed over, and one that is deleted
 * while the batch is under way waits for it and takes its entry along. Only from where it was read: a batch that another process
 * has taken in, or a look at everything that began meanwhile, is not passed.
 */
function takeText(table: string, type: string, cursor: string): string {
  return `
    WITH given AS MATERIALIZED (
      SELECT CAST(b.value ->> 'row' AS bigint) AS "row", ARRAY(SELECT jsonb_array_elements_text(b.value -> 'known')) AS known,
        b.value ->> 'numbers' AS numbers
      FROM jsonb_array_elements(CAST($1 AS jsonb)) AS b(value)),
    there AS MATERIALIZED (
      SELECT v."row" FROM vectors v WHERE v."row" = ANY (ARRAY(SELECT "row" FROM given)) FOR KEY SHARE SKIP LOCKED),
    taken AS (
      INSERT INTO ${table} ("row", known, embedding)
      SELECT g."row", g.known, CAST(g.numbers AS ${type}) FROM given g JOIN there USING ("row") WHERE g.numbers IS NOT NULL
      ON CONFLICT ("row") DO UPDATE SET known = excluded.known, embedding = excluded.embedding
        WHERE ${table}.known IS DISTINCT FROM excluded.known)
    INSERT INTO search_cursor (name, "row") VALUES (${cursor}, CAST($3 AS bigint))
    ON CONFLICT (name) DO UPDATE SET "row" = excluded."row" WHERE search_cursor."row" = CAST($2 AS bigint)
    RETURNING "row"`;
}

function addStatement(
  texts: StatementText[],
  { name, sql, parameterCount }: Pick<StatementText, "name" | "sql" | "parameterCount">,
): number {
  const known = texts.findIndex((text) => text.name === name && text.sql === sql);
  if (known >= 0) return known;
  return (
    texts.push({
      name,
      sql,
      parameterCount,
      isProcedure: false,
      isSmall: false,
      returns: "rows",
      guard: undefined,
    }) - 1
  );
}
