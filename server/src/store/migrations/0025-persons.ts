import type { Migration } from "./types.ts";

/** Which peers are one human, and codes by which they prove it. */
export const persons: Migration = {
  name: "0025-persons",
  expands: true,
  steps: ({ text, int, row, rows, table }) => [
    `CREATE TABLE person_links (
    ${row}, id ${text} NOT NULL, space_id ${text} NOT NULL, name ${text} NOT NULL, other_name ${text} NOT NULL,
    proof ${text} NOT NULL, linked_at ${int} NOT NULL, ended_at ${int}
  )${rows}`,
    "CREATE UNIQUE INDEX person_links_id ON person_links (id)",
    'CREATE INDEX person_links_open ON person_links (space_id, "row") WHERE ended_at IS NULL',
    'CREATE INDEX person_links_space ON person_links (space_id, "row")',
    `CREATE TABLE person_offers (
    space_id ${text} NOT NULL, name ${text} NOT NULL, code_hash ${text} NOT NULL, until ${int} NOT NULL,
    PRIMARY KEY (space_id, name)
  )${table}`,
    "CREATE UNIQUE INDEX person_offers_code ON person_offers (code_hash)",
  ],
};
