import type { Migration } from "./types.ts";

/** Vectors of messages, memories and storylines, one for each and model. */
export const vectors: Migration = {
  name: "0021-vectors",
  expands: true,
  steps: ({ text, int, row, rows }) => [
    `CREATE TABLE vectors (
    ${row}, space_id ${text} NOT NULL, owner_kind ${text} NOT NULL, owner_id ${text} NOT NULL, model ${text} NOT NULL,
    session_id ${text} NOT NULL, seq ${int} NOT NULL, dimensions ${int} NOT NULL, numbers ${text} NOT NULL, created_at ${int} NOT NULL
  )${rows}`,
    "CREATE UNIQUE INDEX vectors_owner ON vectors (owner_kind, owner_id, model)",
    `CREATE INDEX vectors_model ON vectors (model, dimensions, "row")`,
  ],
};
