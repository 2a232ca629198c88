import type { Migration } from "./types.ts";

/**
 * Effects get a priority, an order by key, and a history of what went wrong, which replies get too; what was given up is
 * found without reading what went well. That one effect of a key runs at a time is an index, so that no race breaks it.
 */
export const effectOrder: Migration = {
  name: "0011-effect-order",
  steps: ({ text, int }) => [
    `ALTER TABLE effects ADD COLUMN priority ${int} NOT NULL DEFAULT 5`,
    `ALTER TABLE effects ADD COLUMN "key" ${text}`,
    `ALTER TABLE effects ADD COLUMN errors ${text}`,
    "DROP INDEX effects_pending",
    "CREATE INDEX effects_pending ON effects (lane, priority, due_at) WHERE state = 'pending'",
    `CREATE INDEX effects_key_open ON effects (space_id, "key", "row") WHERE "key" IS NOT NULL AND state IN ('pending', 'running')`,
    `CREATE UNIQUE INDEX effects_key_running ON effects (space_id, "key") WHERE "key" IS NOT NULL AND state = 'running'`,
    "CREATE INDEX effects_lost ON effects (space_id, ended_at) WHERE state IN ('parked', 'dead')",
    "CREATE INDEX effects_shed ON effects (space_id, ended_at) WHERE state = 'shed'",
    `ALTER TABLE outbox ADD COLUMN errors ${text}`,
    "DROP INDEX outbox_lost",
    "CREATE INDEX outbox_lost ON outbox (space_id, ended_at) WHERE state IN ('unknown', 'dead')",
    `ALTER TABLE turns ADD COLUMN dismissed_at ${int}`,
  ],
};
