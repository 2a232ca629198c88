import type { Migration } from "./types.ts";

/** Agents among themselves: where they talk, what makes whom work, what somebody waits for, and how often a pair did. */
export const agentChannels: Migration = {
  name: "0014-agent-channels",
  steps: ({ id, text, int, row, table, rows }) => [
    `CREATE TABLE agent_channels (
    id ${id} NOT NULL, space_id ${text} NOT NULL, kind ${text} NOT NULL, name ${text} NOT NULL, creator ${text} NOT NULL,
    owner_id ${text} NOT NULL, peer_id ${text} NOT NULL, audience ${text} NOT NULL, last_seq ${int} NOT NULL,
    created_at ${int} NOT NULL, PRIMARY KEY (id)
  )${table}`,
    "CREATE INDEX agent_channels_age ON agent_channels (space_id, created_at, id)",
    `CREATE TABLE agent_members (
    channel_id ${text} NOT NULL, agent_id ${text} NOT NULL, seen_seq ${int} NOT NULL, processed_seq ${int} NOT NULL,
    joined_at ${int} NOT NULL, left_at ${int}, PRIMARY KEY (channel_id, agent_id)
  )${table}`,
    `CREATE TABLE agent_messages (
    ${row}, id ${id} NOT NULL UNIQUE, space_id ${text} NOT NULL, channel_id ${text} NOT NULL, seq ${int} NOT NULL,
    kind ${text} NOT NULL, from_agent ${text} NOT NULL, text ${text} NOT NULL, v ${int} NOT NULL, payload ${text} NOT NULL,
    created_at ${int} NOT NULL
  )${rows}`,
    "CREATE UNIQUE INDEX agent_messages_order ON agent_messages (channel_id, seq)",
    `CREATE TABLE agent_deliveries (
    ${row}, message_id ${text} NOT NULL, to_agent ${text} NOT NULL, from_agent ${text} NOT NULL,
    space_id ${text} NOT NULL, channel_id ${text} NOT NULL, seq ${int} NOT NULL, kind ${text} NOT NULL, state ${text} NOT NULL,
    attempts ${int} NOT NULL, batch_id ${text}, alone ${int} NOT NULL, turn_id ${text}, gather_id ${text}, reason ${text},
    origin_turn_id ${text} NOT NULL, root_turn_id ${text} NOT NULL, created_at ${int} NOT NULL, ended_at ${int}
  )${rows}`,
    "CREATE UNIQUE INDEX agent_deliveries_once ON agent_deliveries (message_id, to_agent)",
    `CREATE INDEX agent_deliveries_open ON agent_deliveries (channel_id, to_agent, seq) WHERE state IN ('waiting', 'activated')`,
    `CREATE INDEX agent_deliveries_batch ON agent_deliveries (batch_id) WHERE batch_id IS NOT NULL`,
    `CREATE INDEX agent_deliveries_gather ON agent_deliveries (gather_id) WHERE gather_id IS NOT NULL`,
    "CREATE INDEX agent_deliveries_origin ON agent_deliveries (origin_turn_id)",
    `CREATE INDEX agent_deliveries_chain ON agent_deliveries (root_turn_id) WHERE state = 'waiting'`,
    'CREATE INDEX agent_deliveries_channel ON agent_deliveries (channel_id, "row")',
    `CREATE TABLE agent_gathers (
    id ${id} NOT NULL, space_id ${text} NOT NULL, agent_id ${text} NOT NULL, session_id ${text} NOT NULL,
    turn_id ${text} NOT NULL, root_turn_id ${text} NOT NULL, state ${text} NOT NULL, wanted ${int} NOT NULL,
    total ${int} NOT NULL, depth ${int} NOT NULL, hops ${int} NOT NULL, lane ${int} NOT NULL, created_at ${int} NOT NULL,
    ended_at ${int}, PRIMARY KEY (id)
  )${table}`,
    `CREATE INDEX agent_gathers_open ON agent_gathers (root_turn_id) WHERE state IN ('awaited', 'open')`,
    `CREATE TABLE agent_pairs (
    space_id ${text} NOT NULL, pair ${text} NOT NULL, at ${int} NOT NULL, PRIMARY KEY (space_id, pair)
  )${table}`,
    `CREATE TABLE agent_activations (
    id ${id} NOT NULL, space_id ${text} NOT NULL, pair ${text} NOT NULL, at ${int} NOT NULL, PRIMARY KEY (id)
  )${table}`,
    "CREATE INDEX agent_activations_window ON agent_activations (space_id, pair, at)",
    "CREATE INDEX agent_activations_age ON agent_activations (at)",
    `CREATE TABLE agent_stops (
    root_turn_id ${text} NOT NULL, space_id ${text} NOT NULL, reason ${text} NOT NULL, at ${int} NOT NULL,
    PRIMARY KEY (root_turn_id)
  )${table}`,
  ],
};
