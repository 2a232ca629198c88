import type { Migration } from "./types.ts";

/** What waits in people's inboxes. A removed item keeps its id, so that a repeated delivery does not bring it back. */
export const inboxItems: Migration = {
  name: "0016-inbox-items",
  steps: ({ id, text, int, row, rows }) => [
    `CREATE TABLE inbox_items (
    ${row}, id ${id} NOT NULL UNIQUE, space_id ${id} NOT NULL, owner_id ${text} NOT NULL, kind ${text} NOT NULL,
    agent_id ${text}, session_id ${text}, turn_id ${text}, title ${text} NOT NULL, text ${text} NOT NULL,
    created_at ${int} NOT NULL, read_at ${int}, removed_at ${int}
  )${rows}`,
    'CREATE INDEX inbox_items_kept ON inbox_items (space_id, owner_id, "row") WHERE removed_at IS NULL',
    'CREATE INDEX inbox_items_unread ON inbox_items (space_id, owner_id, "row") WHERE removed_at IS NULL AND read_at IS NULL',
    'CREATE INDEX inbox_items_removed ON inbox_items (space_id, owner_id, "row") WHERE removed_at IS NOT NULL',
    "CREATE INDEX inbox_items_session ON inbox_items (session_id) WHERE session_id IS NOT NULL",
  ],
};
