import type { Migration } from "./types.ts";

/** What turns asked and were answered, for replaying them; a row only where it was asked for. */
export const tapes: Migration = {
  name: "0009-tapes",
  steps: ({ text, int, table }) => [
    `CREATE TABLE tapes (
    turn_id ${text} NOT NULL, space_id ${text} NOT NULL, attempt ${int} NOT NULL,
    bytes ${int} NOT NULL, cut ${text}, created_at ${int} NOT NULL, text ${text} NOT NULL,
    PRIMARY KEY (turn_id)
  )${table}`,
    "CREATE INDEX tapes_age ON tapes (space_id, created_at)",
  ],
};
