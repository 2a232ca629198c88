import type { Migration } from "./types.ts";

/** Messages of agents that were given up are found without reading what went well, and can be dismissed. */
export const agentDeadLetters: Migration = {
  name: "0018-agent-dead-letters",
  expands: true,
  steps: ({ int }) => [
    `ALTER TABLE agent_deliveries ADD COLUMN dismissed_at ${int}`,
    "CREATE INDEX agent_deliveries_lost ON agent_deliveries (space_id, ended_at) WHERE state = 'dead'",
  ],
};
