import type { Migration } from "./types.ts";

/**
 * Sealed secrets and the sealed keys that open them; and what is held until a person lets it go. `owner` is empty for the
 * space's own secrets, so that people may have theirs without another migration.
 */
export const secrets: Migration = {
  name: "0004-secrets",
  steps: ({ text, int, table }) => [
    `CREATE TABLE data_keys (
    space_id ${text} NOT NULL, version ${int} NOT NULL, master_key_id ${text} NOT NULL, nonce ${text} NOT NULL,
    sealed ${text} NOT NULL, created_at ${int} NOT NULL, PRIMARY KEY (space_id, version)
  )${table}`,
    `CREATE TABLE secrets (
    space_id ${text} NOT NULL, owner ${text} NOT NULL, name ${text} NOT NULL, version ${int} NOT NULL,
    key_version ${int} NOT NULL, nonce ${text} NOT NULL, sealed ${text} NOT NULL, fingerprint ${text} NOT NULL,
    created_at ${int} NOT NULL, updated_at ${int} NOT NULL, PRIMARY KEY (space_id, owner, name)
  )${table}`,
    `CREATE TABLE holds (
    space_id ${text} NOT NULL PRIMARY KEY, reason ${text} NOT NULL, since ${int} NOT NULL
  )${table}`,
  ],
};
