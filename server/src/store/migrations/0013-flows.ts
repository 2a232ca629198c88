import type { Migration } from "./types.ts";

/** Flows, their histories, and the events that they wait for or will. */
export const flows: Migration = {
  name: "0013-flows",
  steps: ({ id, text, int, row, table, rows }) => [
    `CREATE TABLE flows (
    ${row}, id ${id} NOT NULL UNIQUE, space_id ${text} NOT NULL, definition ${text} NOT NULL, version ${int} NOT NULL,
    program ${text} NOT NULL, parent_id ${text}, session_id ${text}, agent_id ${text}, goal ${text} NOT NULL,
    step ${text} NOT NULL, reason ${text} NOT NULL, v ${int} NOT NULL, state ${text} NOT NULL, status ${text} NOT NULL,
    wait ${text}, wait_kind ${text}, topic ${text}, correlation_id ${text}, waiting_since ${int}, due_at ${int},
    cancel_requested ${text}, mirrored ${int} NOT NULL, revision ${int} NOT NULL, attempt ${int} NOT NULL,
    epoch ${int} NOT NULL, owner ${text}, last_change ${text}, error ${text},
    created_at ${int} NOT NULL, updated_at ${int} NOT NULL, ended_at ${int}
  )${rows}`,
    "CREATE INDEX flows_due ON flows (program, due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX flows_open_cancels ON flows (due_at) WHERE cancel_requested IS NOT NULL AND ended_at IS NULL",
    "CREATE INDEX flows_open_claims ON flows (owner) WHERE owner IS NOT NULL",
    "CREATE INDEX flows_open_events ON flows (space_id, topic, correlation_id, waiting_since) WHERE topic IS NOT NULL",
    "CREATE INDEX flows_open_waits ON flows (space_id, wait_kind, waiting_since) WHERE ended_at IS NULL",
    "CREATE INDEX flows_ended ON flows (space_id, ended_at) WHERE ended_at IS NOT NULL",
    'CREATE INDEX flows_children ON flows (parent_id, "row") WHERE parent_id IS NOT NULL',
    'CREATE INDEX flows_session ON flows (session_id, "row") WHERE session_id IS NOT NULL',
    `CREATE TABLE flow_events (
    flow_id ${text} NOT NULL, n ${int} NOT NULL, at ${int} NOT NULL, what ${text} NOT NULL, step ${text} NOT NULL,
    made_by ${text} NOT NULL, detail ${text} NOT NULL,
    PRIMARY KEY (flow_id, n)
  )${table}`,
    `CREATE TABLE flow_signals (
    ${row}, space_id ${text} NOT NULL, event_id ${text} NOT NULL, topic ${text} NOT NULL, correlation_id ${text} NOT NULL,
    flow_id ${text}, v ${int} NOT NULL, payload ${text} NOT NULL, at ${int} NOT NULL, expires_at ${int} NOT NULL,
    taken_by ${text}
  )${rows}`,
    "CREATE UNIQUE INDEX flow_signals_event ON flow_signals (space_id, event_id)",
    'CREATE INDEX flow_signals_open ON flow_signals (space_id, topic, correlation_id, "row") WHERE taken_by IS NULL',
    'CREATE INDEX flow_signals_open_order ON flow_signals ("row") WHERE taken_by IS NULL',
    "CREATE INDEX flow_signals_age ON flow_signals (expires_at)",
  ],
};
