import type { Migration } from "./types.ts";

/**
 * The first tables. Hot commits touch few of them: accept writes sessions, messages, inbox, turns and budgets; finish
 * writes the same and model_calls. Work that waits is found by partial indexes, which hold open rows alone and stay
 * small however long the history grows.
 */
export const first: Migration = {
  name: "0001-first",
  steps: ({ id, text, int, row, table, rows, words }) => [
    `CREATE TABLE sessions (
    id ${id} NOT NULL PRIMARY KEY,
    space_id ${text} NOT NULL, agent_id ${text} NOT NULL, channel ${text} NOT NULL, key ${text} NOT NULL,
    peer_id ${text} NOT NULL, owner_id ${text} NOT NULL, audience ${text} NOT NULL, stateless ${int} NOT NULL,
    last_seq ${int} NOT NULL, touches ${int} NOT NULL, created_at ${int} NOT NULL, updated_at ${int} NOT NULL
  )${table}`,
    // A stateless session is never resumed, so it needs no key and costs no index.
    `CREATE UNIQUE INDEX sessions_key ON sessions (space_id, agent_id, channel, owner_id, peer_id, key) WHERE stateless = 0`,
    // Owner and agent ride in the index so that a filtered list reads no table rows it does not give.
    `CREATE INDEX sessions_recent ON sessions (space_id, updated_at, id, owner_id, agent_id) WHERE stateless = 0`,

    `CREATE TABLE storylines (
    id ${id} NOT NULL PRIMARY KEY,
    space_id ${text} NOT NULL, agent_id ${text} NOT NULL, session_id ${text} NOT NULL UNIQUE, audience ${text} NOT NULL,
    title ${text} NOT NULL, summary ${text} NOT NULL, summary_turn_seq ${int} NOT NULL, updated_at ${int} NOT NULL
  )${table}`,

    `CREATE TABLE messages (
    ${row}, id ${id} NOT NULL,
    space_id ${text} NOT NULL, session_id ${text} NOT NULL, turn_id ${text} NOT NULL,
    seq ${int} NOT NULL, turn_seq ${int} NOT NULL, role ${text} NOT NULL, v ${int} NOT NULL, parts ${text} NOT NULL,
    audience ${text} NOT NULL, outcome ${text} NOT NULL, created_at ${int} NOT NULL
  )${rows}`,
    `CREATE UNIQUE INDEX messages_seq ON messages (session_id, seq)`,
    `CREATE INDEX messages_turn ON messages (session_id, turn_seq, seq)`,

    `CREATE TABLE turns (
    ${row}, id ${id} NOT NULL UNIQUE,
    space_id ${text} NOT NULL, agent_id ${text} NOT NULL, agent_revision ${int} NOT NULL,
    session_id ${text} NOT NULL, turn_seq ${int} NOT NULL, trigger ${text} NOT NULL, lane ${int} NOT NULL,
    state ${text} NOT NULL, attempt ${int} NOT NULL, epoch ${int} NOT NULL, owner ${text}, inbound_count ${int} NOT NULL,
    v ${int} NOT NULL, payload ${text} NOT NULL, due_at ${int} NOT NULL, deadline_at ${int} NOT NULL,
    cancel_requested ${int} NOT NULL, reserved_micro_usd ${int} NOT NULL, cost_micro_usd ${int} NOT NULL,
    input_tokens ${int} NOT NULL, cached_input_tokens ${int} NOT NULL, output_tokens ${int} NOT NULL,
    error_code ${text}, error_message ${text}, trace ${text} NOT NULL, created_at ${int} NOT NULL, finished_at ${int}
  )${rows}`,
    `CREATE INDEX turns_session ON turns (session_id, turn_seq)`,
    `CREATE INDEX turns_open ON turns (session_id, turn_seq, state, owner) WHERE state IN ('queued', 'running')`,
    `CREATE INDEX turns_queued ON turns (lane, due_at) WHERE state = 'queued'`,
    `CREATE INDEX turns_unwell ON turns (space_id, state) WHERE state IN ('failed', 'cancelled', 'suppressed', 'dead')`,

    `CREATE TABLE turn_steps (
    turn_id ${text} NOT NULL, n ${int} NOT NULL, kind ${text} NOT NULL, v ${int} NOT NULL, at ${int} NOT NULL,
    payload ${text} NOT NULL, PRIMARY KEY (turn_id, n, kind)
  )${table}`,

    `CREATE TABLE inbox (
    turn_id ${text} NOT NULL, n ${int} NOT NULL, id ${id} NOT NULL,
    space_id ${text} NOT NULL, session_id ${text} NOT NULL, channel ${text} NOT NULL, platform_id ${text}, request_hash ${text},
    principal_id ${text} NOT NULL, principal_kind ${text} NOT NULL, reply_channel ${text}, reply_target ${text},
    state ${text} NOT NULL, reason ${text}, received_at ${int} NOT NULL, accepted_at ${int} NOT NULL, ended_at ${int},
    PRIMARY KEY (turn_id, n)
  )${table}`,
    // A refused message may come again and be judged anew, so refusals stand outside both.
    `CREATE UNIQUE INDEX inbox_platform ON inbox (space_id, principal_id, channel, platform_id)
    WHERE platform_id IS NOT NULL AND state <> 'refused'`,
    `CREATE INDEX inbox_request ON inbox (space_id, principal_id, request_hash, accepted_at)
    WHERE request_hash IS NOT NULL AND state <> 'refused'`,
    `CREATE INDEX inbox_waiting ON inbox (space_id, accepted_at) WHERE state = 'accepted'`,

    `CREATE TABLE outbox (
    ${row}, id ${id} NOT NULL UNIQUE,
    space_id ${text} NOT NULL, turn_id ${text} NOT NULL, session_id ${text} NOT NULL, channel ${text} NOT NULL,
    target ${text} NOT NULL, text ${text} NOT NULL, state ${text} NOT NULL, begun ${int} NOT NULL, attempt ${int} NOT NULL,
    epoch ${int} NOT NULL, owner ${text}, lease_until ${int} NOT NULL, due_at ${int} NOT NULL, platform_id ${text},
    error ${text}, created_at ${int} NOT NULL, ended_at ${int}
  )${rows}`,
    `CREATE INDEX outbox_turn ON outbox (turn_id)`,
    `CREATE INDEX outbox_open ON outbox (channel, target, space_id) WHERE state IN ('pending', 'sending')`,
    `CREATE INDEX outbox_pending ON outbox (due_at) WHERE state = 'pending'`,
    `CREATE INDEX outbox_sending ON outbox (lease_until, owner) WHERE state = 'sending'`,
    `CREATE INDEX outbox_lost ON outbox (space_id) WHERE state IN ('unknown', 'dead')`,

    `CREATE TABLE effects (
    ${row}, id ${id} NOT NULL UNIQUE,
    space_id ${text} NOT NULL, kind ${text} NOT NULL, v ${int} NOT NULL, lane ${int} NOT NULL, turn_id ${text} NOT NULL,
    session_id ${text} NOT NULL, payload ${text} NOT NULL, state ${text} NOT NULL, attempt ${int} NOT NULL,
    epoch ${int} NOT NULL, owner ${text}, lease_until ${int} NOT NULL, due_at ${int} NOT NULL, error ${text},
    created_at ${int} NOT NULL, ended_at ${int}
  )${rows}`,
    `CREATE INDEX effects_turn ON effects (turn_id)`,
    `CREATE INDEX effects_pending ON effects (lane, due_at) WHERE state = 'pending'`,
    `CREATE INDEX effects_running ON effects (lane, lease_until, owner) WHERE state = 'running'`,

    `CREATE TABLE processes (
    id ${id} NOT NULL PRIMARY KEY, pid ${int} NOT NULL, role ${text} NOT NULL,
    lease_until ${int} NOT NULL
  )${table}`,

    `CREATE TABLE budgets (
    space_id ${text} NOT NULL, day ${text} NOT NULL, spent_micro_usd ${int} NOT NULL, reserved_micro_usd ${int} NOT NULL,
    PRIMARY KEY (space_id, day)
  )${table}`,

    `CREATE TABLE model_calls (
    turn_id ${text} NOT NULL, id ${id} NOT NULL, space_id ${text} NOT NULL, agent_id ${text} NOT NULL,
    session_id ${text} NOT NULL, model ${text} NOT NULL, purpose ${text} NOT NULL, outcome ${text} NOT NULL,
    input_tokens ${int} NOT NULL, cached_input_tokens ${int} NOT NULL, output_tokens ${int} NOT NULL,
    estimated ${int} NOT NULL, cost_micro_usd ${int} NOT NULL, latency_ms ${int} NOT NULL, at ${int} NOT NULL,
    PRIMARY KEY (turn_id, id)
  )${table}`,

    `CREATE TABLE keys (
    id ${id} NOT NULL PRIMARY KEY, space_id ${text} NOT NULL, name ${text} NOT NULL,
    kind ${text} NOT NULL, hash ${text} NOT NULL UNIQUE, hint ${text} NOT NULL, created_at ${int} NOT NULL, revoked_at ${int}
  )${table}`,

    `CREATE TABLE agents (
    space_id ${text} NOT NULL, id ${id} NOT NULL, revision ${int} NOT NULL, v ${int} NOT NULL,
    spec ${text} NOT NULL, updated_at ${int} NOT NULL, retired_at ${int}, PRIMARY KEY (space_id, id)
  )${table}`,

    `CREATE TABLE memories (
    ${row}, id ${id} NOT NULL UNIQUE,
    space_id ${text} NOT NULL, agent_id ${text} NOT NULL, audience ${text} NOT NULL, text ${text} NOT NULL,
    turn_id ${text} NOT NULL, created_at ${int} NOT NULL
  )${rows}`,
    `CREATE INDEX memories_agent ON memories (space_id, agent_id)`,

    ...words,
    // What is indexed under each scope: which sessions, from which turn on, up to which message; memories under the empty
    // session. It says without a search that there is nothing to find, and where a session's own messages end.
    `CREATE TABLE search_scopes (
    scope ${text} NOT NULL, session_id ${text} NOT NULL, from_turn_seq ${int} NOT NULL, last_row ${int} NOT NULL,
    PRIMARY KEY (scope, session_id)
  )${table}`,
    `CREATE INDEX search_scopes_recent ON search_scopes (scope, last_row)`,
    `CREATE TABLE search_cursor (name ${text} NOT NULL PRIMARY KEY, "row" ${int} NOT NULL)${table}`,
  ],
};
