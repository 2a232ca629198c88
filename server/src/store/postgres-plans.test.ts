import { createLogRecorder, findPgvector, findPostgres, NO_PGVECTOR, NO_POSTGRES } from "@troupe/testing";
import { expect, it } from "vitest";
import { assembleStores } from "./assemble.ts";
import { connect } from "./postgres/connection.ts";
import { postgresDialect } from "./postgres/dialect.ts";
import { migrate } from "./postgres/migrate.ts";
import { addLengthsStatement, createVectorStatements } from "./postgres/vector-statements.ts";
import { makeVectorTable } from "./postgres/vector-tables.ts";
import { createPostgresWordIndex } from "./postgres/word-index.ts";
import { createStatements, type StatementText } from "./statement.ts";

/** Statements that read a whole table though the planner would do anything to avoid it, and why they may. */
const MAY_SCAN: Readonly<Record<string, string>> = {
  "inbox.counts": "counts every row of a space for operators",
  "key.list": "there are few keys",
  "erasure.flow-signals": "an operator erases a person; it goes through all that may be theirs, once",
  "erasure.inbox-items": "the same",
  "erasure.job-needs": "the same",
};
/** One row a process that runs or ran lately. */
const SMALL = "processes";

const postgres = await findPostgres();

it("no statement on PostgreSQL reads a growing table from end to end, but those that say why", {
  timeout: 60_000,
}, async ({ skip }) => {
  if (postgres === undefined) return skip(NO_POSTGRES);
  await using database = await postgres.create();
  const client = await connect({
    ...{ url: database.url, applicationName: "plans", pipeline: false, onEnd: () => undefined },
    ...{ connectTimeoutMs: 10_000, statementTimeoutMs: 10_000 },
  });
  await migrate(client, "under test");
  const statements = createStatements(postgresDialect);
  assembleStores({
    ...{ dialect: postgresDialect, statements, logger: createLogRecorder() },
    ...{ unit: {} as never, reads: {} as never, wordIndex: createPostgresWordIndex },
  });
  await client.query("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan");
  // A plan of our search costs 30 times as much to compile as to run.
  expect((await client.query("SHOW jit")).rows).toEqual([{ jit: "off" }]);
  const scanning: string[] = [];
  const ofSpaces: string[] = [];
  for (const [i, { name, sql, parameterCount }] of statements.texts.entries()) {
    await client.query(`PREPARE p${i} AS ${sql}`);
    const values = parameterCount === 0 ? "" : `(${Array<string>(parameterCount).fill("NULL").join(", ")})`;
    const { rows } = await client.query<Record<string, string>>(`EXPLAIN EXECUTE p${i}${values}`);
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    if ([...plan.matchAll(/Seq Scan on (\w+)/g)].some(([, table]) => table !== SMALL)) scanning.push(name);
    // Nothing was counted yet, as in a database just made: an index of spaces looks as good as that of ids.
    if (
      /^memory\.(close|erase|unindex|as-it-was|reopen)/.test(name) &&
      /Cond: \(space_id = \S+\)$/m.test(plan)
    )
      ofSpaces.push(name);
  }
  await client.end();

  expect(ofSpaces).toEqual([]);
  expect(statements.texts.length).toBeGreaterThan(40);
  expect(scanning.toSorted()).toEqual(Object.keys(MAY_SCAN).toSorted());
});

it("nor does one of those on pgvector", { timeout: 60_000 }, async ({ skip }) => {
  const pgvector = await findPgvector();
  if (pgvector === undefined) return skip(NO_PGVECTOR);
  await using database = await pgvector.create();
  const client = await connect({
    ...{ url: database.url, applicationName: "plans", pipeline: false, onEnd: () => undefined },
    ...{ connectTimeoutMs: 10_000, statementTimeoutMs: 10_000 },
  });
  await migrate(client, "under test");
  const texts: StatementText[] = [];
  const of = { model: "it's/one", dimensions: 4 };
  const names = createVectorStatements(texts, of, await makeVectorTable(client, of, "under test"));
  addLengthsStatement(texts);
  const again = createVectorStatements(texts, of, await makeVectorTable(client, of, "under test"));
  await client.query("SET enable_seqscan = off");
  const scanning: string[] = [];
  for (const [i, { name, sql, parameterCount }] of texts.entries()) {
    if (/^(ANALYZE|EXPLAIN)/.test(sql)) continue;
    await client.query(`PREPARE v${i} AS ${sql}`);
    const values = { 0: "", 1: "('{}')", 3: "('[]', 0, 0)", 4: "('{a}', '{b}', '[1,0,0,0]', 1)" }[
      parameterCount
    ];
    const { rows } = await client.query<Record<string, string>>(`EXPLAIN EXECUTE v${i}${values}`);
    if (rows.some((row) => row["QUERY PLAN"]?.includes("Seq Scan"))) scanning.push(name.split(" ")[0] ?? "");
  }
  await client.end();

  expect(again).toEqual(names);
  expect(texts.length).toBeGreaterThan(7);
  expect(scanning).toEqual([]);
});
