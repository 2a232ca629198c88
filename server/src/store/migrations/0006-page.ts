import type { Migration } from "./types.ts";

/** Links that sign a browser in, and the browsers that were. */
export const page: Migration = {
  name: "0006-page",
  steps: ({ id, text, int, table }) => [
    `CREATE TABLE sign_ins (
    id ${id} NOT NULL PRIMARY KEY, space_id ${text} NOT NULL, principal_kind ${text} NOT NULL, principal_id ${text} NOT NULL,
    name ${text} NOT NULL, code_hash ${text} NOT NULL, code_until ${int} NOT NULL, created_at ${int} NOT NULL,
    used_at ${int}, token_hash ${text}, until ${int}, revoked_at ${int}
  )${table}`,
    "CREATE UNIQUE INDEX sign_ins_code ON sign_ins (code_hash)",
    "CREATE UNIQUE INDEX sign_ins_token ON sign_ins (token_hash) WHERE token_hash IS NOT NULL",
    "CREATE INDEX sign_ins_principal ON sign_ins (principal_id)",
    "CREATE INDEX sign_ins_space ON sign_ins (space_id, created_at)",
  ],
};
