import { DatabaseSync } from "node:sqlite";
import { createLogRecorder } from "@troupe/testing";
import { expect, it } from "vitest";
import { assembleStores } from "./assemble.ts";
import { sqliteDialect } from "./dialect.ts";
import { migrate } from "./sqlite/migrate.ts";
import { createStatements } from "./statement.ts";

const ERASED = "a person is erased: once, and by an operator";

/** Statements that may read a whole table, and why. */
const MAY_SCAN: Readonly<Record<string, string>> = {
  "inbox.counts": "counts every row of a space for operators, on the reader thread",
  "turn.open": "what it reads from end to end is one row of its own making",
  "turn.list": "newest first by row number: stops at the end of its page",
  "effect.list": "newest first by row number: stops at the end of its page",
  "flow.list": "newest first by row number: stops at the end of its page",
  "module-instance.list": "newest first by row number, for operators: stops at the end of its page",
  "memory.list-open": "newest first by row number, for operators: stops at the end of its page",
  "memory.list-closed": "newest first by row number, for operators: stops at the end of its page",
  "memory.list-all": "newest first by row number, for operators: stops at the end of its page",
  "memory.alike": "what it reads from end to end are the eight newest of a key, which an index gives",
  "agent-delivery.list": "newest first by row number: stops at the end of its page",
  "vector.counts": "counts, for operators, on the reader thread",
  "vector.prune": "after a change of the model, asked for by an operator, some at a time",
  "key.list": "operators have few",
  "data-key.list": "one for each space",
  "erasure.compactions": ERASED,
  "erasure.flow-signals": ERASED,
  "erasure.inbox-items": ERASED,
  "peer.names": "lists everybody for operators, on the reader thread",
  "outbox.list": "newest first by row number: stops at the end of its page",
};

/** Statements that may read all rows of a space in tables that grow with every turn, and why. */
const MAY_READ_A_SPACE: Readonly<Record<string, string>> = {
  "memory.counts": "counts, for operators, on the reader thread",
  "memory.list-open-of": "newest first, what belongs to the space: stops at the end of its page",
  "memory.list-closed-of": "newest first, what belongs to the space: stops at the end of its page",
  "memory.list-all-of": "newest first, what belongs to the space: stops at the end of its page",
  "memory.list-relationships-of": "newest first, what belongs to the space: stops at the end of its page",
  "erasure.count": ERASED,
  "erasure.counts": ERASED,
  "erasure.unindex": ERASED,
  "erasure.memory-keys": ERASED,
  "erasure.memory-proofs": ERASED,
  "erasure.memory-recalls": ERASED,
  "erasure.memory-vectors": ERASED,
  "erasure.memories": ERASED,
};

/** Those of all stores. */
function statementsOf(): ReturnType<typeof createStatements> {
  const statements = createStatements(sqliteDialect);
  assembleStores({
    dialect: sqliteDialect,
    statements,
    reads: undefined as never,
    unit: undefined as never,
    logger: createLogRecorder(),
    wordIndex: () => ({}) as never,
  });
  return statements;
}

/** Every plan of a statement of any store, step by step. */
function plans(): readonly { readonly name: string; readonly steps: readonly string[] }[] {
  const statements = statementsOf();
  const database = new DatabaseSync(":memory:");
  database.function("now_ms", () => 1);
  migrate(database, "in memory");
  const plain = statements.texts.filter(({ isProcedure }) => !isProcedure);
  return plain.map(({ name, sql, parameterCount }) => {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...Array<null>(parameterCount).fill(null));
    return { name, steps: plan.map(({ detail }) => String(detail)) };
  });
}

function namesOf(found: readonly { readonly name: string }[]): readonly string[] {
  return [...new Set(found.map(({ name }) => name))].toSorted();
}

it("no statement reads a growing table from end to end, but those that say why", () => {
  const all = plans();
  const scanning = all.filter(({ steps }) =>
    // A scan through a partial index reads open rows alone; a small "processes", what is reserved for open work,
    // parameters, the channels that wait, what a recursion has reached and subselects by their names are no tables that grow.
    steps.some((detail) =>
      /^SCAN (?!\(|CONSTANT|json_each|\d+|asked|reached|doomed|processes|reservations|dead|waiting|due|orphaned|claimable|newest|sized|of_lanes?|next|[cn]$|.* USING (COVERING )?INDEX \w+_(open|queued|pending|sending|running|lost)|.*VIRTUAL)/.test(
        detail,
      ),
    ),
  );

  expect(all.length).toBeGreaterThan(400);
  expect(namesOf(scanning)).toEqual(Object.keys(MAY_SCAN).toSorted());
});

it("no statement finds memories, messages, turns or vectors by their space alone, but those that say why", () => {
  const reading = plans().filter(({ steps }) =>
    steps.some((detail) =>
      /^SEARCH (memories|messages|turns|vectors|[a-z]) .*INDEX (memories|messages|turns|vectors)_\w+ \(space_id=\?\)$/.test(
        detail,
      ),
    ),
  );

  expect(namesOf(reading)).toEqual(Object.keys(MAY_READ_A_SPACE).toSorted());
});

it("no statement of SQLite gives its parameter to LIMIT bare, for it would be planned anew each time it runs", () => {
  const statements = statementsOf();

  const bare = statements.texts.filter(({ sql }) => /\blimit\s+[?:@$]/i.test(sql));

  expect(namesOf(bare)).toEqual([]);
});

it("jobs of an owner, and all of a space, are read a page and no more", () => {
  const listing = plans().filter(({ name }) => name === "job.list" || name === "job.list-of-owner");

  expect(Object.fromEntries(listing.map(({ name, steps }) => [name, steps.join("; ")]))).toEqual({
    "job.list": expect.stringMatching(/^SEARCH jobs USING INDEX jobs_of_space \(space_id=\?[^;]*$/),
    "job.list-of-owner": expect.stringMatching(
      /^SEARCH jobs USING INDEX jobs_of_owner \(space_id=\? AND owner_id=\?[^;]*$/,
    ),
  });
});
