import type { Migration } from "./types.ts";

/** What prompts of a session show in place of the older turns of a storyline. */
export const compactions: Migration = {
  name: "0022-compactions",
  expands: true,
  steps: ({ text, int, table }) => [
    `CREATE TABLE compactions (
    session_id ${text} NOT NULL, storyline_id ${text} NOT NULL, upto_turn_seq ${int} NOT NULL, summary ${text} NOT NULL,
    audience ${text} NOT NULL, at ${int} NOT NULL, PRIMARY KEY (session_id, storyline_id)
  )${table}`,
  ],
};
