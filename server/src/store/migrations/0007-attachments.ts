import type { Migration } from "./types.ts";

/** Which messages hold which blobs: who may read a blob is asked of them, and a blob that none holds may go. */
export const attachments: Migration = {
  name: "0007-attachments",
  steps: ({ text, int, table }) => [
    `CREATE TABLE attachments (
    space_id ${text} NOT NULL, blob_id ${text} NOT NULL, message_id ${text} NOT NULL, session_id ${text} NOT NULL,
    media_type ${text} NOT NULL, name ${text} NOT NULL, size_bytes ${int} NOT NULL,
    PRIMARY KEY (space_id, blob_id, message_id)
  )${table}`,
    "CREATE INDEX attachments_session ON attachments (session_id)",
  ],
};
