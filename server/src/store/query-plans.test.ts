import { DatabaseSync } from "node:sqlite";
import { createLogRecorder } from "@troupe/testing";
import { expect, it } from "vitest";
import { migrate } from "./sqlite/migrate.ts";
import { createEffectStore } from "./sqlite/ports/effects.ts";
import { createInboxStore } from "./sqlite/ports/inbox.ts";
import type { PortDeps } from "./sqlite/ports/kit.ts";
import { createLedger } from "./sqlite/ports/ledger.ts";
import { createMemoryStore } from "./sqlite/ports/memories.ts";
import { createOutboxStore } from "./sqlite/ports/outbox.ts";
import { createSessionStore } from "./sqlite/ports/sessions.ts";
import { createTurnStore } from "./sqlite/ports/turns.ts";
import { createStatements } from "./sqlite/statement.ts";

/** Statements that may read a whole table, and why. */
const MAY_SCAN: Readonly<Record<string, string>> = {
  "session.list-all": "stateless sessions are listed for operators only, on the reader thread",
  "inbox.counts": "counts every row of a space for operators, on the reader thread",
  "turn.list": "newest first by row number: stops at the end of its page",
  "outbox.list": "newest first by row number: stops at the end of its page",
};

it("no statement reads a growing table from end to end, but those that say why", () => {
  const statements = createStatements();
  const deps: PortDeps = { statements, reads: undefined as never, logger: createLogRecorder() };
  for (const create of [
    createSessionStore,
    createTurnStore,
    createOutboxStore,
    createEffectStore,
    createInboxStore,
    createMemoryStore,
    createLedger,
  ]) {
    create(deps);
  }
  const database = new DatabaseSync(":memory:");
  database.function("now_ms", () => 1);
  migrate(database, "in memory");

  const scanning = statements.texts.filter(({ sql, parameterCount }) => {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...Array<null>(parameterCount).fill(null));
    // A scan through a partial index reads open rows alone; a small "processes" and parameters are no tables that grow.
    return plan.some(({ detail }) =>
      /^SCAN (?!\(|CONSTANT|json_each|processes|.* USING (COVERING )?INDEX \w+_(open|queued|pending|sending|running)|.*VIRTUAL)/.test(
        String(detail),
      ),
    );
  });

  expect(statements.texts.length).toBeGreaterThan(40);
  expect(scanning.map(({ name }) => name).toSorted()).toEqual(Object.keys(MAY_SCAN).toSorted());
});
