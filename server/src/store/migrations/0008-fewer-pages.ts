import type { Migration } from "./types.ts";

/** Indexes that every turn changed and hardly anybody asked: each page of a commit is written to the log and again from it. */
export const fewerPages: Migration = {
  name: "0008-fewer-pages",
  steps: () => [
    "UPDATE inbox SET request_hash = NULL WHERE state = 'refused' AND request_hash IS NOT NULL",
    "DROP INDEX inbox_request",
    "CREATE INDEX inbox_request ON inbox (space_id, principal_id, request_hash, accepted_at) WHERE request_hash IS NOT NULL",
    "DROP INDEX inbox_waiting",
    "DROP INDEX accounts_reserved",
  ],
};
