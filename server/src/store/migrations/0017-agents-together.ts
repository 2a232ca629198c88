import type { Migration } from "./types.ts";

/**
 * Conversations that are handed to another agent. What a turn asked is found by that turn, and what ended long ago by when it
 * did.
 */
export const agentsTogether: Migration = {
  name: "0017-agents-together",
  expands: true,
  steps: ({ id, text, int, row, rows }) => [
    `ALTER TABLE sessions ADD COLUMN handed_to ${text}`,
    `CREATE TABLE handoffs (
    ${row}, id ${id} NOT NULL UNIQUE, space_id ${text} NOT NULL, session_id ${text} NOT NULL, from_agent ${text} NOT NULL,
    to_agent ${text} NOT NULL, turn_id ${text} NOT NULL, turn_seq ${int} NOT NULL, note ${text} NOT NULL,
    context ${text} NOT NULL, audience ${text} NOT NULL, at ${int} NOT NULL, ended_at ${int}
  )${rows}`,
    'CREATE INDEX handoffs_session ON handoffs (session_id, to_agent, "row")',
    "CREATE INDEX agent_gathers_turn ON agent_gathers (turn_id)",
    "CREATE INDEX agent_gathers_age ON agent_gathers (ended_at) WHERE ended_at IS NOT NULL",
    "CREATE INDEX agent_deliveries_age ON agent_deliveries (ended_at) WHERE ended_at IS NOT NULL",
    "CREATE INDEX agent_messages_age ON agent_messages (created_at)",
    "CREATE INDEX agent_stops_age ON agent_stops (at)",
  ],
};
