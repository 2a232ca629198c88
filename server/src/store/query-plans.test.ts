import { DatabaseSync } from "node:sqlite";
import { createLogRecorder } from "@troupe/testing";
import { expect, it } from "vitest";
import { sqliteDialect } from "./dialect.ts";
import { createAgentChannelStore } from "./ports/agent-channels.ts";
import { createAgentDeliveryStore } from "./ports/agent-deliveries.ts";
import { createDeadLetterStore } from "./ports/dead-letters.ts";
import { createEffectStore } from "./ports/effects.ts";
import { createFlowSignalStore } from "./ports/flow-signals.ts";
import { createFlowStore } from "./ports/flows.ts";
import { createInboxStore } from "./ports/inbox.ts";
import { createInboxItemStore } from "./ports/inbox-items.ts";
import { dependants } from "./ports/job-dependants.ts";
import { createJobRunStore } from "./ports/job-runs.ts";
import { createJobStore } from "./ports/jobs.ts";
import type { PortDeps } from "./ports/kit.ts";
import { createLedger } from "./ports/ledger.ts";
import { createMemoryStore } from "./ports/memories.ts";
import { createModuleInstanceStore } from "./ports/module-instances.ts";
import { createOutboxStore } from "./ports/outbox.ts";
import { createSearchStore } from "./ports/search.ts";
import { createRenewal } from "./ports/search-renewal.ts";
import { createSessionStore } from "./ports/sessions.ts";
import { createTurnStore } from "./ports/turns.ts";
import { migrate } from "./sqlite/migrate.ts";
import { createStatements } from "./statement.ts";

/** Statements that may read a whole table, and why. */
const MAY_SCAN: Readonly<Record<string, string>> = {
  "session.list-all": "stateless sessions are listed for operators only, on the reader thread",
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
  "outbox.list": "newest first by row number: stops at the end of its page",
};

it("no statement reads a growing table from end to end, but those that say why", () => {
  const statements = createStatements(sqliteDialect);
  const deps: PortDeps = {
    dialect: sqliteDialect,
    statements,
    reads: undefined as never,
    logger: createLogRecorder(),
  };
  for (const create of [
    createSessionStore,
    createTurnStore,
    createOutboxStore,
    createEffectStore,
    createDeadLetterStore,
    createAgentChannelStore,
    createAgentDeliveryStore,
    createInboxStore,
    createFlowStore,
    createFlowSignalStore,
    createInboxItemStore,
    createMemoryStore,
    createLedger,
    createModuleInstanceStore,
  ]) {
    create(deps);
  }
  createSearchStore(deps, {} as never);
  createRenewal(deps, {} as never);
  const waitingJobs = dependants(deps);
  createJobStore(deps, waitingJobs);
  createJobRunStore(deps, waitingJobs);
  const database = new DatabaseSync(":memory:");
  database.function("now_ms", () => 1);
  migrate(database, "in memory");

  const plain = statements.texts.filter(({ isProcedure }) => !isProcedure);
  const scanning = plain.filter(({ sql, parameterCount }) => {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...Array<null>(parameterCount).fill(null));
    // A scan through a partial index reads open rows alone; a small "processes", what is reserved for open work,
    // parameters, the channels that wait, what a recursion has reached and subselects by their names are no tables that grow.
    return plan.some(({ detail }) =>
      /^SCAN (?!\(|CONSTANT|json_each|\d+|asked|reached|doomed|processes|reservations|dead|waiting|due|orphaned|claimable|newest|sized|of_lanes?|next|.* USING (COVERING )?INDEX \w+_(open|queued|pending|sending|running|lost)|.*VIRTUAL)/.test(
        String(detail),
      ),
    );
  });

  expect(plain.length).toBeGreaterThan(40);
  expect(scanning.map(({ name }) => name).toSorted()).toEqual(Object.keys(MAY_SCAN).toSorted());
});
