import { PostgresAdapter, PostgresQueryCompiler, sql } from "kysely";
import { type Dialect, isStill, membersOf, recordsOf } from "../dialect.ts";
import { alsoOfSpace } from "../ports/kit.ts";

/** Raised by `troupe_holds` when a guarded statement found nothing. Source: migrate.ts; a class of our own, SQL/2016 §24. */
export const GUARD_STATE = "TRP01";

export const postgresDialect: Dialect = {
  name: "postgres",
  adapter: () => new PostgresAdapter(),
  compiler: () => new PostgresQueryCompiler(),
  texts: (json, alias) => sql`jsonb_array_elements_text(CAST(${json} AS jsonb)) AS ${sql.raw(alias)}(value)`,
  objects: (json, alias) => sql`jsonb_array_elements(CAST(${json} AS jsonb)) AS ${sql.raw(alias)}(value)`,
  // The planner chooses; partial indexes are used where the query repeats their condition.
  indexedBy: () => sql``,
  // As an array the subselect is run once; joined, it might be run again for each row and lock more than its limit.
  among: (value, subselect) => sql`${value} = ANY (ARRAY(${subselect}))`,
  skipLocked: (table) => sql.raw(`FOR UPDATE OF ${table} SKIP LOCKED`),
  greatest: (a, b) => sql`greatest(${a}, ${b})`,
  least: (a, b) => sql`least(${a}, ${b})`,
  jsonArray: (items) => sql`json_build_array(${sql.join(items)})`,
  jsonArrayOf: (item) => sql`coalesce(json_agg(${item}), '[]'::json)`,
  jsonObject: (members) => sql`json_build_object(${membersOf(members)})::text`,
  jsonMerged: (object, members) => sql`CAST((CAST(${object} AS jsonb) || CAST(${members} AS jsonb)) AS TEXT)`,
  indexMemory: (id, terms) => sql`
    INSERT INTO memory_terms (term, "row")
    SELECT word.term, m."row" FROM memories m, unnest(string_to_array(${terms}, ' ')) AS word(term)
    WHERE m.id = ${id} AND m.closed_at IS NULL AND NOT EXISTS (SELECT 1 FROM memory_terms known WHERE known."row" = m."row")
    ON CONFLICT DO NOTHING`,
  unindexMemory: (spaceId, id) => sql`
    DELETE FROM memory_terms
    WHERE "row" = (SELECT "row" FROM memories WHERE id = ${id} AND ${alsoOfSpace("space_id", spaceId)})`,
  unindexMemoriesOf: (spaceId, audience) => sql`
    DELETE FROM memory_terms WHERE "row" IN (
      SELECT "row" FROM memories WHERE space_id = ${spaceId} AND audience = ${audience})`,
  // The summary of the pages knows stretches of rows and no single ones: without a stretch all terms of everybody are read.
  unindexSession: (sessionId) => sql`
    DELETE FROM message_terms
    WHERE "row" >= (SELECT min("row") FROM messages WHERE session_id = ${sessionId})
      AND "row" <= (SELECT max("row") FROM messages WHERE session_id = ${sessionId})
      AND "row" IN (SELECT "row" FROM messages WHERE session_id = ${sessionId} AND copied = 0)`,
  removeTerms: (kind, from, to) => sql`
    DELETE FROM ${sql.table(`${kind}_terms`)} WHERE "row" > ${from} AND "row" <= ${to}`,
  addTerms: (kind, rows) => sql`
    INSERT INTO ${sql.table(`${kind}_terms`)} (term, "row")
    SELECT word.term, o."row" FROM jsonb_array_elements(CAST(${rows} AS jsonb)) AS added(value) JOIN ${recordsOf(kind)} ON ${isStill(kind)},
      unnest(string_to_array(added.value ->> 'terms', ' ')) AS word(term)
    ON CONFLICT DO NOTHING`,
  steady: (text) => text,
  // The commit is on its way when the answers come, so the statement itself must fail.
  guarded: (text, returns) =>
    returns === "nothing"
      ? `WITH done AS (${text} RETURNING 1) SELECT troupe_holds(count(*)) FROM done`
      : `WITH done AS (${text}) SELECT done.* FROM (SELECT troupe_holds(count(*)) AS held FROM done) AS guard LEFT JOIN done ON guard.held`,
};
