import { createLogRecorder, findPostgres, NO_POSTGRES } from "@troupe/testing";
import { expect, it } from "vitest";
import { assembleStores } from "./assemble.ts";
import { connect } from "./postgres/connection.ts";
import { postgresDialect } from "./postgres/dialect.ts";
import { migrate } from "./postgres/migrate.ts";
import { createPostgresWordIndex } from "./postgres/word-index.ts";
import { createStatements } from "./statement.ts";

/** Statements that read a whole table though the planner would do anything to avoid it, and why they may. */
const MAY_SCAN: Readonly<Record<string, string>> = {
  "session.list-all": "stateless sessions are listed for operators only",
  "inbox.counts": "counts every row of a space for operators",
  "key.list": "there are few keys",
  "erasure.count": "an operator erases a person; it goes through all that may be theirs, once",
  "erasure.counts": "the same",
  "erasure.flow-signals": "the same",
  "erasure.inbox-items": "the same",
  "erasure.job-needs": "the same",
};
/** One row a process that runs or ran lately. */
const SMALL = "processes";

const postgres = await findPostgres();

it("no statement on PostgreSQL reads a growing table from end to end, but those that say why", async ({
  skip,
}) => {
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
